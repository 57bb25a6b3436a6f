"""What the stores on SQL databases have in common: all but how the database is opened."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from typing import TYPE_CHECKING, Self

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool

from smithkit.server.domain.times import now
from smithkit.server.store import (
    expiry,
    figures,
    groups,
    insights,
    leases,
    read_runs,
    read_sessions,
    secrets,
    shares,
    text_index,
    workspace_settings,
    write_runs,
    write_sessions,
)
from smithkit.server.store.access import Access, speak_for
from smithkit.server.store.directory import SqlDirectory
from smithkit.server.store.engine import end, give_space_back
from smithkit.server.store.indexer import Indexer
from smithkit.server.store.migrate import migrate
from smithkit.server.store.packing import pack_payloads
from smithkit.server.store.protocol import NameTakenError, Workspace
from smithkit.server.store.sql_datasets import SqlDatasets
from smithkit.server.store.sql_feedback import SqlFeedback
from smithkit.server.store.sql_prompts import SqlPrompts
from smithkit.server.store.sql_queues import SqlQueues
from smithkit.server.store.tables import sessions, workspaces
from smithkit.server.store.text_index import drop_garbage
from smithkit.server.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Engine

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.blobs import Blob, Blobs, BlobSink
    from smithkit.server.store.protocol import (
        Duty,
        RunBatch,
        RunGrouping,
        RunSelection,
        SessionSelection,
        StoreFigures,
    )

__all__ = ["SqlStore"]

_SMALL = 32 * 1024  # bytes that are packed sooner than a thread has them
_PACKERS = 4


class SqlStore(ABC):
    """Fulfils `Store`.

    Args:
        blobs: Where attachments lie.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._workspace: Workspace | None = None

    @property
    def workspace(self) -> Workspace:
        """The workspace; known once the store is open."""
        if self._workspace is None:
            raise RuntimeError("the store is not open")
        return self._workspace

    @abstractmethod
    def open(self) -> None:
        """Get ready; ends with `_start`."""

    def _start(self, writing: Engine, reading: Engine) -> None:
        """Make or migrate the tables, and start the threads."""
        self._writing, self._reading = writing, reading
        try:
            migrate(writing)
            with reading.connect() as connection:
                oldest = select(workspaces.c.id, workspaces.c.secret).order_by(workspaces.c.created_at)
                row = connection.execute(oldest.limit(1)).one()
        except BaseException:
            self._dispose()
            raise
        self._writer = Writer(writing)
        self._bind(Access(self._writer, reading, row.id), row.secret)
        self._writer.submit(self._ensure_default).result()
        self._indexer = Indexer(self._writer, reading)
        # Of their own, so that reads that take long do not keep runs from being written.
        self._packers = ThreadPoolExecutor(_PACKERS, "smithkit-packer")

    @property
    def access(self) -> Access:
        """The open database, as this workspace sees it."""
        return self._access

    @property
    def blobs(self) -> Blobs:
        """Where files lie."""
        return self._blobs

    def in_workspace(self, workspace_id: UUID) -> Self:
        """The same database, for another of its workspaces."""
        view = copy(self)
        view._bind(self._access.of(workspace_id), self.workspace.secret)  # noqa: SLF001 - one of us
        return view

    def _bind(self, access: Access, secret: bytes) -> None:
        """Speak for a workspace from now on."""
        self._workspace = Workspace(access.workspace_id, secret)
        self._access, self._write, self._read = access, access.write, access.read
        self.directory = SqlDirectory(access)
        self.datasets = SqlDatasets(access, self._blobs)
        self.prompts = SqlPrompts(access)
        self.feedback = SqlFeedback(access)
        self.queues = SqlQueues(access)

    def close(self) -> None:
        """Write what is queued and close the file."""
        if self._workspace is None:
            return
        self._workspace = None
        self._packers.shutdown()
        self._indexer.close()
        self._writer.close()
        self._dispose()

    def _dispose(self) -> None:
        end(self._writing)
        end(self._reading)

    def sink(self, spill: int) -> BlobSink:
        """Begin to receive an attachment."""
        return self._blobs.sink(spill)

    def find_blob(self, digest: bytes) -> Blob | None:
        """Give the attachment with this digest."""
        return self._blobs.find(digest)

    async def write(self, batch: RunBatch) -> None:
        """Merge and store a request's runs, and what comes with them."""
        for item in batch.attachments:
            await run_in_threadpool(self._blobs.prepare, item.blob)
        if sum(len(data) for change in batch.changes for data in change.payloads.values()) > _SMALL:
            await asyncio.get_running_loop().run_in_executor(self._packers, pack_payloads, batch.changes)
        else:
            pack_payloads(batch.changes)
        await self._put(batch)
        if batch.changes:
            self._indexer.wake()

    async def _put(self, batch: RunBatch) -> None:
        """Store what is prepared; it is durable on return."""
        await self._write(lambda connection: write_runs.write_batch(connection, batch, self._blobs))

    async def find_runs(self, selection: RunSelection) -> list[Row]:
        """Read the records of runs, without payloads."""
        return await self._read(read_runs.select_runs, selection)

    async def read_answers(self, sessions: Sequence[UUID], examples: Sequence[UUID]) -> list[Row]:
        """Read the records of roots that answer examples."""
        return await self._read(read_runs.select_answers, sessions, examples)

    async def read_payloads(self, ids: Sequence[UUID], names: Sequence[str]) -> dict[UUID, dict[str, bytes]]:
        """Read payloads of runs."""
        return await self._read(read_runs.read_payloads, ids, names)

    async def read_children(self, ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
        """Read the ids of direct children."""
        return await self._read(read_runs.read_children, ids)

    async def read_attachments(self, ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
        """Read the records of runs' files."""
        return await self._read(read_runs.read_attachments, ids)

    async def read_feedback(self, ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
        """Read feedback of runs."""
        return await self._read(read_runs.read_feedback, ids)

    @abstractmethod
    async def figures(self) -> StoreFigures:
        """Tell how large the database is, and how many writes wait."""

    async def count_unindexed(self) -> int:
        """Count the runs that the full-text index does not have yet."""
        return await self._read(text_index.count_queued)

    async def run_stats(self, selection: RunSelection) -> Row:
        """Work out the figures of runs."""
        return await self._read(figures.select_run_figures, selection)

    async def group_runs(self, selection: RunSelection, grouping: RunGrouping) -> tuple[list[str], int]:
        """Find groups of runs."""
        return await self._read(groups.select_groups, selection, grouping)

    async def share_run(self, run_id: UUID, token: UUID) -> UUID | None:
        """Store a run's token, and give the one that it has."""
        try:
            return await self._write(lambda connection: shares.insert_share(connection, run_id, token))
        except IntegrityError as error:
            raise NameTakenError(token) from error

    async def read_share(self, run_id: UUID) -> UUID | None:
        """Read a run's token."""
        return await self._read(shares.read_share, run_id)

    async def delete_share(self, run_id: UUID) -> None:
        """Forget a run's token."""
        await self._write(lambda connection: shares.delete_share(connection, run_id))

    async def find_shared(self, token: UUID) -> Row | None:
        """Read the record of the run that has a token."""
        return await self._read(shares.select_shared, token)

    async def create_insights_job(self, values: Row) -> bool:
        """Store a job."""
        return await self._write(lambda connection: insights.insert_job(connection, values))

    async def update_insights_job(self, job_id: UUID, values: Row) -> None:
        """Change a job."""
        await self._write(lambda connection: insights.update_job(connection, job_id, values))

    async def find_insights_jobs(self, session_id: UUID, job_id: UUID | None = None) -> list[Row]:
        """Read a project's jobs."""
        return await self._read(insights.select_jobs, session_id, job_id)

    async def read_settings(self) -> Row:
        """Read the workspace's record."""
        return await self._read(workspace_settings.select_settings, self.workspace.id)

    async def set_handle(self, handle: str) -> Row:
        """Give the workspace a handle."""
        workspace_id = self.workspace.id
        try:
            return await self._write(
                lambda connection: workspace_settings.update_handle(connection, workspace_id, handle)
            )
        except IntegrityError as error:
            raise NameTakenError(handle) from error

    async def list_secrets(self) -> list[str]:
        """Read the names of the workspace's secrets."""
        return await self._read(secrets.select_secrets, self.workspace.id)

    async def change_secrets(self, added: Collection[str], removed: Collection[str]) -> None:
        """Remember names of secrets, and forget others."""
        workspace_id = self.workspace.id
        await self._write(lambda connection: secrets.change_secrets(connection, workspace_id, added, removed))

    async def create_session(self, values: Row, *, upsert: bool) -> Row | None:
        """Make a project; `values` may leave columns out."""
        row = write_sessions.session_row(self.workspace.id, values["name"], now()) | values
        return await self._write(
            lambda connection: write_sessions.insert_session(connection, row, upsert=upsert)
        )

    async def update_session(self, session_id: UUID, values: Row) -> Row | None:
        """Change a project."""

        def change(connection: Connection) -> Row | None:
            mine = (sessions.c.id == session_id) & (sessions.c.workspace_id == self.workspace.id)
            statement = sessions.update().where(mine)
            connection.execute(statement.values({**values, "modified_at": now()}))
            return write_sessions.read_session(connection, session_id)

        try:
            return await self._write(change)
        except IntegrityError as error:
            raise NameTakenError(values.get("name")) from error

    async def delete_session(self, session_id: UUID) -> bool:
        """Remove a project and its runs, step by step."""
        if await self._read(write_sessions.read_session, session_id) is None:
            return False
        digests: set[bytes] = set()
        gone = False
        while not gone:
            gone, more = await self._write(
                lambda connection: write_sessions.delete_session_part(connection, session_id)
            )
            digests |= more
        await self._write(lambda connection: self._sweep(connection, digests))
        await self.give_space_back()
        return True

    async def list_retentions(self) -> list[Row]:
        """Read what the workspace's projects say of how long they keep runs."""
        return await self._read(expiry.select_retentions)

    async def delete_expired(self, session_id: UUID, before: int) -> int:
        """Remove some of a project's traces that are older than a time."""
        gone, digests = await self._write(
            lambda connection: expiry.delete_expired_part(connection, session_id, before)
        )
        # Only now: had the deletion not been committed, records would name files that are gone.
        await self._write(lambda connection: self._sweep(connection, digests))
        return gone

    async def claim(self, duty: Duty, owner: UUID, seconds: float) -> bool:
        """Become the one that does a duty, or stay it."""
        return await self._write(lambda connection: leases.claim(connection, duty, owner, seconds))

    async def release(self, duty: Duty, owner: UUID) -> None:
        """Let others do a duty."""
        await self._write(lambda connection: leases.release(connection, duty, owner))

    async def give_space_back(self) -> None:
        """Return free pages to the file system, step by step."""
        await self._write(drop_garbage)
        while await self._write(give_space_back):
            pass
        self._indexer.wake()

    async def find_sessions(self, selection: SessionSelection) -> list[Row]:
        """Read projects."""
        return await self._read(read_sessions.select_sessions, selection)

    async def session_stats(self, ids: Sequence[UUID]) -> dict[UUID, Row]:
        """Work out the figures of projects."""
        return await self._read(figures.select_session_figures, ids)

    def _ensure_default(self, connection: Connection) -> None:
        write_sessions.SessionResolver(speak_for(connection, self.workspace.id), now()).default()

    def _sweep(self, connection: Connection, digests: set[bytes]) -> None:
        for digest in write_sessions.orphan_digests(connection, digests):
            self._blobs.remove(digest)
