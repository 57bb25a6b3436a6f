"""The rows of a database's tables, wherever they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.exc import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Table

__all__ = ["FETCHED", "Row", "Rows"]

FETCHED = 32
"""Rows that are read at a time: one may be large."""

Row = dict[str, Any]
"""Column → value, as SQLAlchemy gives it."""


class Rows:
    """The rows of an SQL database's tables."""

    def begin(self) -> None:
        """Take this moment as the one at which is read what follows, where the connection does not do so."""

    def count(self, connection: Connection, table: Table) -> int:
        """Count the rows of a table."""
        return connection.execute(select(func.count()).select_from(table)).scalar_one()

    def read(self, connection: Connection, table: Table) -> Iterator[Row]:
        """Go through a table."""
        ordered = select(table).order_by(*table.primary_key.columns)
        for row in connection.execute(ordered.execution_options(yield_per=FETCHED)).mappings():
            yield dict(row)

    def absent(self, connection: Connection, table: Table, rows: list[Row]) -> list[Row]:
        """Keep the rows that are not there, by their primary keys."""
        columns = list(table.primary_key.columns)
        wanted = [tuple(row[column.name] for column in columns) for row in rows]
        statement = select(*columns).where(tuple_(*columns).in_(wanted))
        here = {tuple(found) for found in connection.execute(statement)}
        return [row for row, key in zip(rows, wanted, strict=True) if key not in here]

    def insert(self, connection: Connection, table: Table, rows: list[Row]) -> int:
        """Store rows that are not there, but those that another one keeps out; tell how many were stored."""
        try:
            with connection.begin_nested():
                connection.execute(table.insert(), rows)
        except IntegrityError:
            return sum(self._insert_one(connection, table, row) for row in rows)
        return len(rows)

    def _insert_one(self, connection: Connection, table: Table, row: Row) -> bool:
        try:
            with connection.begin_nested():
                connection.execute(table.insert(), row)
        except IntegrityError:
            return False
        return True

    def problems(self, _connection: Connection) -> dict[str, list[str]]:
        """Look whether rows that lie elsewhere fit to those of the SQL database: what was looked at → problems."""
        return {}
