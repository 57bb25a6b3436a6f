"""The store on a SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import OperationalError

from smithkit.server.store.blobs import open_blobs
from smithkit.server.store.engine import (
    blob_folder,
    claim,
    create_file,
    database_path,
    reader_engine,
    writer_engine,
)
from smithkit.server.store.gathering import Gathering
from smithkit.server.store.protocol import RunBatch, StoreFigures
from smithkit.server.store.sql_store import SqlStore
from smithkit.server.store.storage import no_room, told_clearly
from smithkit.server.store.writer import WriterClosedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from uuid import UUID

    from smithkit.server.store.access import Access

__all__ = ["SqliteStore"]


class SqliteStore(SqlStore):
    """Keeps everything in one file, with attachments in a folder beside it.

    Args:
        url: ``sqlite:///path`` or a path.
        blobs: Where attachments lie, if not beside the file.

    Raises:
        ValueError: The URL names another kind of database.

    Example:
        >>> store = SqliteStore("sqlite:///runs.db")
        >>> store.path.name
        'runs.db'
    """

    def __init__(self, url: str, blobs: str | None = None) -> None:
        self.path: Path = database_path(url)
        super().__init__(open_blobs(blobs, blob_folder(self.path)))
        self._gatherings: dict[UUID, Gathering] = {}  # by workspace; one for all views of it

    def open(self) -> None:
        """Make or migrate the file and start the writing thread."""
        create_file(self.path)
        self._sole = claim(self.path)
        with told_clearly(self.path):
            self._start(writer_engine(self.path), reader_engine(self.path))

    def _dispose(self) -> None:
        super()._dispose()
        if self._sole is not None:
            self._sole.release()

    def _bind(self, access: Access, secret: bytes) -> None:
        super()._bind(access, secret)
        self._gathering = self._gatherings.setdefault(access.workspace_id, Gathering(self._put_all))

    async def _put(self, batch: RunBatch) -> None:
        await self._gathering.add(batch)

    async def _put_all(self, batches: Sequence[RunBatch]) -> list[Exception | None]:
        outcome = await self._outcome(RunBatch.joined(batches))
        if outcome is None or len(batches) == 1 or _concerns_all(outcome):
            return [outcome] * len(batches)
        outcomes: list[Exception | None] = []
        for batch in batches:
            if not _concerns_all(outcome):
                outcome = await self._outcome(batch)
            outcomes.append(outcome)
        return outcomes

    async def _outcome(self, batch: RunBatch) -> Exception | None:
        """Write a batch; gives why it could not be written."""
        try:
            await super()._put(batch)
        except Exception as error:  # noqa: BLE001 - whoever waits hears of it
            return error
        return None

    async def figures(self) -> StoreFigures:
        """Tell how large the files are, the write-ahead log among them, and how many writes wait."""
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        waiting = sum(one.waiting for one in list(self._gatherings.values()))
        return StoreFigures(
            sum(file.stat().st_size for file in files if file.exists()), waiting + self._writer.queued
        )


def _concerns_all(error: Exception | None) -> bool:
    """Whether it is the database or its disk that something is wrong with, and no batch."""
    return isinstance(error, OperationalError | WriterClosedError) or (error is not None and no_room(error))
