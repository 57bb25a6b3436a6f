"""Insertions that say what becomes of rows that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table


__all__ = ["upsert"]


def upsert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Begin an insertion that says what becomes of rows that are there (``on_conflict_...``)."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
