"""Everything in a database as a stream of records: rows of all tables but the derived ones, and blobs."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select

import smithkit.server.store.sql_store  # noqa: F401 - brings the tables of every part
from smithkit.server.store.tables import metadata
from smithkit.server.store.write_sessions import DIGEST_COLUMNS
from smithkit.server.upkeep.rows import FETCHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection, Table

    from smithkit.server.upkeep.database import Database

__all__ = [
    "BlobRecord",
    "Record",
    "RowRecord",
    "count_rows",
    "exported_tables",
    "named_digests",
    "read_records",
]

_PIECE = 192 * 1024  # a multiple of three, so that pieces of base64 join


class RowRecord(NamedTuple):
    """A row.

    Attributes:
        table: Its table.
        values: Column → value, as SQLAlchemy gives it.
    """

    table: Table
    values: dict[str, Any]


class BlobRecord(NamedTuple):
    """A blob.

    Attributes:
        digest: SHA-256 of the content.
        pieces: The content; to be read before the next record.
    """

    digest: bytes
    pieces: Iterable[bytes]


Record = RowRecord | BlobRecord


def exported_tables() -> list[Table]:
    """Give the tables that hold data of their own, each after those that it refers to.

    Example:
        >>> names = [table.name for table in exported_tables()]
        >>> names.index("sessions") < names.index("runs")
        True
    """
    return [table for table in metadata.sorted_tables if not table.info.get("derived")]


def count_rows(database: Database, connection: Connection) -> dict[str, int]:
    """Count the rows of each table."""
    return {table.name: database.rows.count(connection, table) for table in exported_tables()}


def named_digests(connection: Connection) -> Iterator[bytes]:
    """Go through the digests of all blobs that records name, in order."""
    streams = [
        connection.execute(select(column).distinct().order_by(column).execution_options(yield_per=FETCHED))
        .scalars()
        .__iter__()
        for column in DIGEST_COLUMNS
    ]
    previous = None
    for digest in heapq.merge(*streams):
        if digest != previous:
            yield digest
        previous = digest


def read_records(database: Database, connection: Connection, missing: list[bytes]) -> Iterator[Record]:
    """Go through a database: blobs first, then rows in an order in which they can be inserted.

    Args:
        database: The database.
        connection: A snapshot of it.
        missing: Takes the digests of blobs that are named and not there.

    Yields:
        The records.
    """
    for digest in named_digests(connection):
        blob = database.blobs.find(digest)
        if blob is None:
            missing.append(digest)
            continue
        with blob.open() as file:
            yield BlobRecord(digest, iter(lambda: file.read(_PIECE), b""))
    for table in exported_tables():
        for row in database.rows.read(connection, table):
            yield RowRecord(table, row)
