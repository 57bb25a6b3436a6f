"""Inserting many rows."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from smithkit.server.store.types import Guid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Table

__all__ = ["BulkInsert"]

_MARKS = {"sqlite": "?", "postgresql": "%s"}
_COPIED = 16  # rows from which on COPY is faster than an insertion
_SIZES = (64, 16, 4, 1)  # rows of a statement, so that few statements are compiled


class BulkInsert:
    """An insertion of many rows with few statements, given to the driver as they are.

    Binding values one by one took longer than storing them. And each statement that the driver runs lets other
    threads in, which it then waits for: with a statement a row, a busy server hardly wrote. PostgreSQL takes many
    rows by COPY, which stores twice as many runs a second.

    Args:
        table: Where to.
        columns: Names of the columns that rows give; all by default.
    """

    def __init__(self, table: Table, columns: Sequence[str] | None = None) -> None:
        names = list(columns or table.c.keys())
        self._pick = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)
        self._width = len(names)
        self._ids = [place for place, name in enumerate(names) if isinstance(table.c[name].type, Guid)]
        head = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES "  # noqa: S608 - names of columns
        self._copy_statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
        self._statements = {
            dialect: {size: head + _places(mark, len(names), size) for size in _SIZES}
            for dialect, mark in _MARKS.items()
        }

    def execute(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows; each gives a value for every column."""
        dialect = connection.dialect.name
        if dialect != "sqlite" and self._ids:
            # In one order: those who insert the same wait for each other, and not in a circle.
            rows = sorted(rows, key=lambda row: self._pick(row)[self._ids[0]])
        if dialect == "postgresql" and len(rows) >= _COPIED:
            return self._copy(connection, rows)
        at = 0
        for size in _SIZES:
            while len(rows) - at >= size:
                values = list(chain.from_iterable(map(self._pick, rows[at : at + size])))
                if dialect == "sqlite":
                    self._pack_ids(values)
                connection.exec_driver_sql(self._statements[dialect][size], tuple(values))
                at += size
        return None

    def _copy(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        driver: Any = connection.connection.driver_connection
        wrapped = _errors_wrapped(connection, self._copy_statement)
        with wrapped, driver.cursor() as cursor, cursor.copy(self._copy_statement) as copy:
            for row in rows:
                copy.write_row(self._pick(row))

    def _pack_ids(self, values: list[Any]) -> None:
        """Turn the ids among the values of some rows into bytes."""
        for first in self._ids:
            for place in range(first, len(values), self._width):
                if values[place] is not None:
                    values[place] = values[place].bytes


@contextmanager
def _errors_wrapped(connection: Connection, statement: str) -> Iterator[None]:
    """Raise SQLAlchemy's errors for those of the driver, as its own statements do.

    What PostgreSQL says beyond its first line quotes rows, and errors are logged: it is left out.
    """
    driver: Any = connection.dialect.dbapi
    try:
        yield
    except driver.Error as error:
        told = type(error)(error.diag.message_primary or str(error))
        told.sqlstate = error.sqlstate
        raise DBAPIError.instance(
            statement, None, told, driver.Error, hide_parameters=True, dialect=connection.dialect
        ) from None


def _places(mark: str, columns: int, rows: int) -> str:
    return ", ".join([f"({', '.join([mark] * columns)})"] * rows)
