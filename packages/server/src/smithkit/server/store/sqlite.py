"""The store on a SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.store.blobs import open_blobs
from smithkit.server.store.engine import (
    blob_folder,
    claim,
    create_file,
    database_path,
    reader_engine,
    writer_engine,
)
from smithkit.server.store.protocol import StoreFigures
from smithkit.server.store.sql_store import SqlStore
from smithkit.server.store.storage import told_clearly

if TYPE_CHECKING:
    from pathlib import Path

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

    async def figures(self) -> StoreFigures:
        """Tell how large the files are, the write-ahead log among them, and how many writes wait."""
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return StoreFigures(sum(file.stat().st_size for file in files if file.exists()), self._writer.queued)
