"""Giving space back: free pages of the file, and blobs that nothing names."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from smithkit.server.store.clickhouse.schema import COLUMNS
from smithkit.server.store.engine import give_space_back
from smithkit.server.store.write_sessions import orphan_digests
from smithkit.server.upkeep.errors import UpkeepError

if TYPE_CHECKING:
    from smithkit.server.store.clickhouse.client import Clickhouse
    from smithkit.server.upkeep.database import Database

__all__ = ["Vacuumed", "vacuum"]

_ABANDONED_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """What was gained.

    Attributes:
        before: Bytes of the database file and its journal before.
        after: The same now.
        blobs: Files removed (count).
        blob_bytes: Their bytes.
    """

    before: int
    after: int
    blobs: int
    blob_bytes: int


def vacuum(database: Database, *, full: bool = False) -> Vacuumed:
    """Give free space back to the file system.

    Args:
        database: The database; servers may go on writing to it, but wait for a full vacuum.
        full: Whether to write the whole file anew, which also makes it dense; takes its size of free disk.

    Returns:
        What was gained.

    Raises:
        UpkeepError: A database that is not a SQLite file cannot be written anew.
    """
    if database.clickhouse is not None:
        return _with_clickhouse(database, database.clickhouse, full=full)
    path = database.path
    if path is None:
        return _of_server(database, full=full)
    before = _size(path)
    removed = _remove_orphans(database)
    if full:
        _execute(database, "VACUUM")
    else:
        _give_all_back(database)
    _execute(database, "PRAGMA wal_checkpoint(TRUNCATE)")
    return Vacuumed(before, _size(path), len(removed), sum(removed))


def _of_server(database: Database, *, full: bool) -> Vacuumed:
    """Remove blobs that nothing names; PostgreSQL reuses the space of rows by itself."""
    if full:
        raise UpkeepError("PostgreSQL writes tables anew with its own VACUUM FULL")
    removed = _remove_orphans(database)
    with database.snapshot() as connection:
        size: int = connection.execute(select(func.pg_database_size(func.current_database()))).scalar_one()
    return Vacuumed(size, size, len(removed), sum(removed))


def _with_clickhouse(database: Database, clickhouse: Clickhouse, *, full: bool) -> Vacuumed:
    """ClickHouse removes replaced and deleted rows when it merges; a full vacuum lets it merge everything now."""
    before = clickhouse.size()
    if full:
        for table in COLUMNS:
            clickhouse.command(f"OPTIMIZE TABLE {table} FINAL")
    own = vacuum(replace(database, clickhouse=None), full=full and database.path is not None)
    return replace(own, before=own.before + before, after=own.after + clickhouse.size())


def _execute(database: Database, statement: str) -> None:
    """Run what SQLite does outside transactions alone."""
    connection = database.engine.raw_connection()
    try:
        connection.cursor().execute(statement)
    finally:
        connection.close()


def _give_all_back(database: Database) -> None:
    more = True
    while more:
        with database.engine.begin() as connection:
            more = give_space_back(connection)


def _remove_orphans(database: Database) -> list[int]:
    """Remove blobs without a record. Those being written are safe: they are placed under the lock taken here."""
    sizes = []
    for group in database.blobs.groups():
        with database.engine.begin() as connection:
            for digest in orphan_digests(connection, set(group)):
                sizes.append(group[digest])
                database.blobs.remove(digest)
    return sizes + database.blobs.sweep(time.time() - _ABANDONED_SECONDS)


def _size(path: Path) -> int:
    files = (path, Path(f"{path}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
