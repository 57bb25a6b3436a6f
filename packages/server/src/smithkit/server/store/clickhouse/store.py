"""The store of runs and feedback on ClickHouse."""

from __future__ import annotations

from contextlib import ExitStack
from copy import copy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from smithkit.server.store.clickhouse.client import Clickhouse
from smithkit.server.store.clickhouse.deletion import delete_expired, delete_runs
from smithkit.server.store.clickhouse.feedback import ClickhouseFeedback
from smithkit.server.store.clickhouse.feedback_rows import feedback_of_runs, read_figures
from smithkit.server.store.clickhouse.filters import names_projects
from smithkit.server.store.clickhouse.migrations import prepare
from smithkit.server.store.clickhouse.parts import ClickhouseDatasets, ClickhouseDirectory, ClickhouseQueues
from smithkit.server.store.clickhouse.read_runs import RunReader
from smithkit.server.store.clickhouse.shares import find_share, owner_of_share, put_share, shared_run
from smithkit.server.store.clickhouse.write_runs import RunWriter
from smithkit.server.store.feedback_figures import Scope
from smithkit.server.store.gathering import Gathering
from smithkit.server.store.protocol import NameTakenError, RunSelection
from smithkit.server.store.read_sessions import select_names

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.blobs import Blob, BlobSink
    from smithkit.server.store.clickhouse.address import Address
    from smithkit.server.store.prompt_protocol import PromptStore
    from smithkit.server.store.protocol import (
        Duty,
        RunBatch,
        RunGrouping,
        SessionSelection,
        StoreFigures,
        Workspace,
    )
    from smithkit.server.store.sql_store import SqlStore

__all__ = ["ClickhouseStore"]


class ClickhouseStore:
    """Keeps runs and feedback on a ClickHouse server, and everything else in a SQL database.

    Args:
        address: The ClickHouse server and its database.
        inner: The SQL database; this store opens and closes it.
    """

    def __init__(self, address: Address, inner: SqlStore) -> None:
        self.address = address
        self._inner = inner
        self._gatherings: dict[UUID, Gathering] = {}  # by workspace; one for all views of it

    def open(self) -> None:
        """Open the SQL database, connect, and make or migrate the tables."""
        with ExitStack() as opened:
            self._inner.open()
            opened.callback(self._inner.close)
            self._clickhouse = Clickhouse(self.address)
            opened.callback(self._clickhouse.close)
            # Under the write lock: of several servers that start at once, one migrates.
            self._inner.access.writer.submit(lambda _db: prepare(self._clickhouse)).result()
            opened.pop_all()
        self._bind()

    def in_workspace(self, workspace_id: UUID) -> ClickhouseStore:
        """The same open storage, as another workspace sees it."""
        view = copy(self)
        view._inner = self._inner.in_workspace(workspace_id)  # noqa: SLF001 - one of us
        view._bind()  # noqa: SLF001
        return view

    def _bind(self) -> None:
        """Speak for a workspace from now on."""
        access, blobs = self._inner.access, self._inner.blobs
        own = access.workspace_id
        self._access = access
        self._own = own
        self._runs = RunReader(self._clickhouse, own)
        self._writer = RunWriter(self._clickhouse, own, blobs)
        self._gathering = self._gatherings.setdefault(own, Gathering(self._write_all))
        self.directory = ClickhouseDirectory(access, self._clickhouse)
        self.datasets = ClickhouseDatasets(access, blobs, self._clickhouse, self._runs)
        self.prompts: PromptStore = self._inner.prompts
        self.feedback = ClickhouseFeedback(access, self._clickhouse)
        self.queues = ClickhouseQueues(access, self._clickhouse, self._runs)

    def close(self) -> None:
        """Close both."""
        self._inner.close()
        self._clickhouse.close()

    # ---------------------------------------------------------------- runs and feedback

    async def write(self, batch: RunBatch) -> None:
        """Merge and store a request's runs, and what comes with them."""
        await self._gathering.add(batch)

    async def _write_all(self, batches: Sequence[RunBatch]) -> list[Exception | None]:
        return await self._access.write(partial(self._writer.write, batches=batches))

    async def find_runs(self, selection: RunSelection) -> list[Row]:
        """Read the records of runs, without payloads."""
        return await run_in_threadpool(self._runs.select, selection, await self._projects(selection))

    async def read_answers(self, sessions: Sequence[UUID], examples: Sequence[UUID]) -> list[Row]:
        """Read the records of roots that answer examples."""
        return await run_in_threadpool(self._runs.answers, sessions, examples)

    async def read_payloads(self, ids: Sequence[UUID], names: Sequence[str]) -> dict[UUID, dict[str, bytes]]:
        """Read payloads of runs."""
        return await run_in_threadpool(self._runs.payloads, ids, names)

    async def read_children(self, ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
        """Read the ids of direct children."""
        return await run_in_threadpool(self._runs.children, ids)

    async def read_feedback(self, ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
        """Read feedback of runs."""
        rows = await run_in_threadpool(feedback_of_runs, self._clickhouse, self._own, ids)
        found: dict[UUID, list[Row]] = {}
        for row in rows:
            found.setdefault(row["run_id"], []).append(row)
        return found

    async def figures(self) -> StoreFigures:
        """Tell how large both databases are, and how many writes of this server wait."""
        own, size = await self._inner.figures(), await run_in_threadpool(self._clickhouse.size)
        waiting = sum(one.waiting for one in list(self._gatherings.values()))
        return replace(own, size=own.size + size, queued_writes=own.queued_writes + waiting)

    async def count_unindexed(self) -> int:
        """None: words are looked up as soon as a run is written."""
        return 0

    async def run_stats(self, selection: RunSelection) -> Row:
        """Work out the figures of runs."""
        return await run_in_threadpool(self._runs.figures, selection, await self._projects(selection))

    async def group_runs(self, selection: RunSelection, grouping: RunGrouping) -> tuple[list[str], int]:
        """Find groups of runs."""
        projects = await self._projects(selection)
        return await run_in_threadpool(self._runs.groups, selection, grouping, projects)

    async def session_stats(self, ids: Sequence[UUID]) -> dict[UUID, Row]:
        """Work out the figures of projects."""
        return await run_in_threadpool(self._session_stats, ids)

    def _session_stats(self, ids: Sequence[UUID]) -> dict[UUID, Row]:
        figures = self._runs.session_figures(ids)
        on_runs = read_figures(self._clickhouse, self._own, ids, Scope.RUNS)
        on_sessions = read_figures(self._clickhouse, self._own, ids, Scope.SESSION)
        return {
            one: own
            | {
                "feedback_stats": on_runs.get(one, {}),
                "session_feedback_stats": on_sessions.get(one, {}),
            }
            for one, own in figures.items()
        }

    async def delete_session(self, session_id: UUID) -> bool:
        """Remove a project and its runs."""

        def remove(db: Connection) -> None:
            delete_runs(db, self._clickhouse, self._inner.blobs, self._own, session_id)

        if session_id in await self._access.read(select_names):
            await self._access.write(remove)
        return await self._inner.delete_session(session_id)

    async def list_retentions(self) -> list[Row]:
        """Read what the workspace's projects say of how long they keep runs."""
        return await self._inner.list_retentions()

    async def delete_expired(self, session_id: UUID, before: int) -> int:
        """Remove a project's traces that are older than a time."""

        def remove(db: Connection) -> int:
            where = (self._clickhouse, self._inner.blobs, self._own)
            return delete_expired(db, *where, session_id=session_id, before=before)

        return await self._access.write(remove)

    async def claim(self, duty: Duty, owner: UUID, seconds: float) -> bool:
        """Become the one that does a duty, or stay it."""
        return await self._inner.claim(duty, owner, seconds)

    async def release(self, duty: Duty, owner: UUID) -> None:
        """Let others do a duty."""
        await self._inner.release(duty, owner)

    async def give_space_back(self) -> None:
        """Return free space to the file system; ClickHouse does so by itself."""
        await self._inner.give_space_back()

    async def _projects(self, selection: RunSelection) -> dict[UUID, str]:
        """The workspace's projects by id, if a filter asks for their names."""
        filters = (selection.filter, selection.trace_filter, selection.tree_filter)
        return await self._access.read(select_names) if any(map(names_projects, filters)) else {}

    # ---------------------------------------------------------------- sharing

    async def share_run(self, run_id: UUID, token: UUID) -> UUID | None:
        """Store a run's token, and give the one that it has."""

        def share(_db: Connection) -> UUID | None:
            if run_id not in self._runs.existing([run_id]):
                return None
            present = find_share(self._clickhouse, self._own, run_id)
            if present is None:
                if owner_of_share(self._clickhouse, token) is not None:
                    raise NameTakenError(token)
                put_share(self._clickhouse, self._own, run_id, token)
            kept: UUID = present["token"] if present is not None else token
            return kept

        return await self._access.write(share)

    async def read_share(self, run_id: UUID) -> UUID | None:
        """Read a run's token."""
        share = await run_in_threadpool(find_share, self._clickhouse, self._own, run_id)
        return None if share is None else share["token"]

    async def delete_share(self, run_id: UUID) -> None:
        """Forget a run's token."""

        def forget(_db: Connection) -> None:
            share = find_share(self._clickhouse, self._own, run_id)
            if share is not None:
                put_share(self._clickhouse, self._own, run_id, share["token"], deleted=True)

        await self._access.write(forget)

    async def find_shared(self, token: UUID) -> Row | None:
        """Read the record of the run that has a token."""
        run_id = await run_in_threadpool(shared_run, self._clickhouse, self._own, token)
        found = await self.find_runs(RunSelection(ids=[run_id])) if run_id is not None else []
        return next(iter(found), None)

    # ---------------------------------------------------------------- what the SQL database holds

    @property
    def workspace(self) -> Workspace:
        """The workspace; known once the store is open."""
        return self._inner.workspace

    def sink(self, spill: int) -> BlobSink:
        """Begin to receive an attachment."""
        return self._inner.sink(spill)

    def find_blob(self, digest: bytes) -> Blob | None:
        """Give the attachment with this digest."""
        return self._inner.find_blob(digest)

    async def read_attachments(self, ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
        """Read the records of runs' files."""
        return await self._inner.read_attachments(ids)

    async def create_insights_job(self, values: Row) -> bool:
        """Store a job."""
        return await self._inner.create_insights_job(values)

    async def update_insights_job(self, job_id: UUID, values: Row) -> None:
        """Change a job."""
        await self._inner.update_insights_job(job_id, values)

    async def find_insights_jobs(self, session_id: UUID, job_id: UUID | None = None) -> list[Row]:
        """Read a project's jobs."""
        return await self._inner.find_insights_jobs(session_id, job_id)

    async def read_settings(self) -> Row:
        """Read the workspace's record."""
        return await self._inner.read_settings()

    async def set_handle(self, handle: str) -> Row:
        """Give the workspace a handle."""
        return await self._inner.set_handle(handle)

    async def list_secrets(self) -> list[str]:
        """Read the names of the workspace's secrets."""
        return await self._inner.list_secrets()

    async def change_secrets(self, added: Collection[str], removed: Collection[str]) -> None:
        """Remember names of secrets, and forget others."""
        await self._inner.change_secrets(added, removed)

    async def create_session(self, values: Row, *, upsert: bool) -> Row | None:
        """Make a project."""
        return await self._inner.create_session(values, upsert=upsert)

    async def update_session(self, session_id: UUID, values: Row) -> Row | None:
        """Change a project."""
        return await self._inner.update_session(session_id, values)

    async def find_sessions(self, selection: SessionSelection) -> list[Row]:
        """Read projects."""
        return await self._inner.find_sessions(selection)
