"""The store on a PostgreSQL database, which several servers may share.

Writes come in two kinds. Requests that bring runs alone go on beside each other: rows that they change are
locked, and what two of them change at once is done again. All others run one at a time in the whole
database, as everything does on SQLite, so what they check still holds when they write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool

from smithkit.server.store import write_runs
from smithkit.server.store.access import MustBeAloneError, speak_for
from smithkit.server.store.engine import end
from smithkit.server.store.postgres_engine import (
    alone_engine,
    beside_engine,
    database_url,
    is_conflict,
    reader_engine,
    told_clearly,
)
from smithkit.server.store.protocol import StoreFigures
from smithkit.server.store.sql_store import SqlStore

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from smithkit.server.store.blobs import Blobs
    from smithkit.server.store.protocol import RunBatch

__all__ = ["PostgresStore"]

_TRIES = 3


class PostgresStore(SqlStore):
    """Keeps everything in a PostgreSQL database, with attachments elsewhere.

    Args:
        url: ``postgresql://user:password@host/database``.
        blobs: Where attachments lie: a place that all servers on the database reach.

    Raises:
        ValueError: The URL names another kind of database, or the driver is not installed.

    Example:
        >>> store = PostgresStore("postgresql://localhost/smithkit", BlobFolder(Path("blobs")))  # doctest: +SKIP
    """

    def __init__(self, url: str, blobs: Blobs) -> None:
        super().__init__(blobs)
        self._url = database_url(url)

    def open(self) -> None:
        """Connect, make or migrate the tables and start the writing thread."""
        self._beside = beside_engine(self._url)
        with told_clearly(self._url):
            self._start(alone_engine(self._url), reader_engine(self._url))

    def _dispose(self) -> None:
        super()._dispose()
        end(self._beside)

    async def figures(self) -> StoreFigures:
        """Tell how large the database is, and how many writes of this server wait."""
        return StoreFigures(await self._read(_size), self._writer.queued)

    async def _put(self, batch: RunBatch) -> None:
        for _ in range(_TRIES):
            try:
                await run_in_threadpool(self._write_beside, batch)
            except MustBeAloneError:
                break
            except DBAPIError as error:
                if not is_conflict(error):
                    raise
            else:
                return
        await super()._put(batch)

    def _write_beside(self, batch: RunBatch) -> None:
        with self._beside.begin() as connection:
            write_runs.write_batch(speak_for(connection, self.workspace.id), batch, self._blobs)


def _size(connection: Connection) -> int:
    size: int = connection.execute(select(func.pg_database_size(func.current_database()))).scalar_one()
    return size
