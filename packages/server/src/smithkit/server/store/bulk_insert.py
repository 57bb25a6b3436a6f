"""Inserting many rows into SQLite."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from smithkit.server.store.types import Guid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Table

__all__ = ["BulkInsert"]

_SIZES = (64, 16, 4, 1)  # rows of a statement, so that few statements are compiled


class BulkInsert:
    """An insertion of many rows with few statements, given to the driver as they are.

    Binding values one by one took longer than storing them. And each statement that the driver runs lets other
    threads in, which it then waits for: with a statement a row, a busy server hardly wrote.

    Args:
        table: Where to.
        columns: Names of the columns that rows give; all by default.
    """

    def __init__(self, table: Table, columns: Sequence[str] | None = None) -> None:
        names = list(columns or table.c.keys())
        self._pick = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)
        self._ids = [place for place, name in enumerate(names) if isinstance(table.c[name].type, Guid)]
        places = f"({', '.join('?' * len(names))})"
        head = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES "  # noqa: S608 - names of columns
        self._statements = {size: head + ", ".join([places] * size) for size in _SIZES}

    def execute(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows; each gives a value for every column."""
        at = 0
        for size in _SIZES:
            while len(rows) - at >= size:
                values = [value for row in rows[at : at + size] for value in self._values(row)]
                connection.exec_driver_sql(self._statements[size], tuple(values))
                at += size

    def _values(self, row: Mapping[str, Any]) -> list[Any]:
        values = list(self._pick(row))
        for place in self._ids:
            if values[place] is not None:
                values[place] = values[place].bytes
        return values
