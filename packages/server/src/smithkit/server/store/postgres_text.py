"""The full-text index of runs in PostgreSQL: which runs may hold what is searched for.

A run's words and the tokens of its metadata stand together as one `tsvector`. What the index finds is read and
judged (`store.scan_documents`), so it need not tell fields and phrases apart. Of a run with more words than a
`tsvector` takes nothing is known: it may hold anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import cast, column, delete, or_, select, table, text
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from smithkit.server.domain.filters.evaluate import SEARCHED
from smithkit.server.store.text_tables import text_queue
from smithkit.server.store.types import Guid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, FromClause

    from smithkit.server.domain.runs import Row

__all__ = ["empty_words", "forget_words", "may_hold", "store_words"]

_MOST_BYTES = 500_000  # a `tsvector` takes 1 MB
_words = table("run_words", column("run_id", Guid()), column("words", TSVECTOR))
_INSERT = text(
    "INSERT INTO run_words (run_id, words) VALUES (:run_id, array_to_tsvector(CAST(:words AS text[])))"
    " ON CONFLICT (run_id) DO UPDATE SET words = excluded.words"
)


def store_words(connection: Connection, rows: Sequence[Row]) -> None:
    """Put entries, as `store.text_index` makes them, in place of older ones."""
    values = [{"run_id": row["run_id"], "words": _lexemes(row)} for row in rows]
    if values:
        connection.execute(_INSERT, values)


def _lexemes(row: Row) -> list[str] | None:
    words = {f"w{word}" for name in SEARCHED for word in row[name].split()}
    lexemes = sorted(words.union(row["pairs"].split()))
    return lexemes if sum(len(lexeme.encode()) for lexeme in lexemes) < _MOST_BYTES else None


def forget_words(connection: Connection, run_ids: Sequence[UUID]) -> None:
    """Take runs out of the index."""
    connection.execute(delete(_words).where(_words.c.run_id.in_(run_ids)))


def empty_words(connection: Connection) -> None:
    """Take all runs out of the index."""
    connection.execute(delete(_words))


def may_hold(run: FromClause, query: str) -> ColumnElement[bool]:
    """Say that the index finds a run with a `tsquery`, or does not know it as it is now."""
    found = _words.c.words.op("@@")(cast(query, TSQUERY))
    unknown = _words.c.words.is_(None)
    return or_(
        run.c.id.in_(select(_words.c.run_id).where(found)),
        run.c.id.in_(select(_words.c.run_id).where(unknown)),
        run.c.id.in_(select(text_queue.c.run_id)),
    )
