"""What SQLite says differently in filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, case, exists, func, null, select, text

from smithkit.server.domain.filters import write_filter
from smithkit.server.store.stored_record import ARGUMENTS, columns_of, filter_matches, metadata_text
from smithkit.server.store.tables import run_payloads
from smithkit.server.store.text_query import search_query
from smithkit.server.store.text_tables import text_queue

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, FromClause

    from smithkit.server.domain.filters import Comparison, Node

__all__ = ["SqliteDialect", "add_functions", "queued"]

_INDEXED = (
    "SELECT run_texts.run_id FROM run_words CROSS JOIN run_texts ON run_texts.position = run_words.rowid"
    " WHERE run_words MATCH :query AND run_texts.run_id IS NOT NULL"
)
_OF_RUN = frozenset({"name", "tags"})


def add_functions(connection: Any) -> None:
    """Teach a connection of the driver the functions that filters use."""
    connection.create_function("filter_matches", 1 + len(ARGUMENTS), filter_matches, deterministic=True)
    connection.create_function("metadata_text", 2, metadata_text, deterministic=True)


class SqliteDialect:
    """The dialect; payloads, which are packed, are read by a function of this process."""

    def like(self, value: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Say that a text is like a pattern."""
        return value.like(pattern, escape="\\")

    def tagged(self, run: FromClause, tags: tuple[str, ...]) -> ColumnElement[bool]:
        """Say that a run has one of these tags."""
        each = func.json_each(run.c.tags).table_valued("value", joins_implicitly=True)
        return exists(select(1).select_from(each).where(each.c.value.in_(tags)))

    def document(self, run: FromClause, node: Node) -> ColumnElement[bool]:
        """Say a condition on metadata, inputs, outputs or the text of the error."""
        needed = set(columns_of(node))
        arguments = [
            null() if name not in needed else (run if name in _OF_RUN else run_payloads).c[name]
            for name in ARGUMENTS
        ]
        matches = func.filter_matches(write_filter(node), *arguments)
        own = select(matches).where(run_payloads.c.run_id == run.c.id).correlate(run)
        return own.scalar_subquery() == 1

    def search(self, run: FromClause, node: Comparison) -> ColumnElement[bool]:
        """Say that a run's texts hold what is searched for."""
        indexed = run.c.id.in_(text(_INDEXED).bindparams(bindparam("query", search_query(node), unique=True)))
        return case((queued(run), self.document(run, node)), else_=indexed)


def queued(run: FromClause) -> ColumnElement[bool]:
    """Say that a run was written after it was last indexed, or never was."""
    return run.c.id.in_(select(text_queue.c.run_id))
