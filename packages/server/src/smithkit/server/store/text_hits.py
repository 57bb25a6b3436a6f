"""What the full-text index finds, as something to select from: in the order of start times, and never all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Join, column, select, table, text
from sqlalchemy.ext.compiler import compiles

from smithkit.server.store.sqlite_filter import queued
from smithkit.server.store.tables import runs
from smithkit.server.store.text_index import POSITION_BITS, position_of
from smithkit.server.store.text_query import index_query, scoped
from smithkit.server.store.text_tables import run_texts

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select, Table
    from sqlalchemy.sql.compiler import SQLCompiler

    from smithkit.server.store.protocol import RunSelection

__all__ = ["BY_ID", "Hits", "find_hits"]

BY_ID = "INDEXED BY sqlite_autoindex_runs_1"
"""A hint for `runs`: by its figures SQLite would rather go through all runs of a project."""

_END = 2**63 - 1
_WORDS = table("run_words", column("rowid", BigInteger))


class _InOrder(Join):
    """A join whose left side SQLite goes through, looking up the right: by its figures it would do otherwise."""

    inherit_cache = True


@compiles(_InOrder)
def _write_in_order(join: _InOrder, compiler: SQLCompiler, **options: Any) -> str:
    left, right = (compiler.process(side, **(options | {"asfrom": True})) for side in (join.left, join.right))
    on = "" if join.onclause is None else compiler.process(join.onclause, **(options | {"asfrom": False}))
    return f"{left} CROSS JOIN {right} ON {on}"


_INDEXED = _InOrder(_WORDS, run_texts, run_texts.c.position == _WORDS.c.rowid)
_RUNS = _InOrder(_INDEXED, runs, runs.c.id == run_texts.c.run_id)


@dataclass(frozen=True, slots=True)
class Hits:
    """Runs that are indexed as they are now, and that a query finds.

    Attributes:
        query: For FTS5.
        low: First position.
        high: Last position.
    """

    query: str
    low: int
    high: int

    position = _WORDS.c.rowid
    """Of a hit; the column by which hits can be ordered without sorting them."""

    def select(self, *columns: ColumnElement[Any] | Table) -> Select[Any]:
        """Select columns of runs."""
        matching = text("run_words MATCH :query").bindparams(query=self.query)
        inside = self.position.between(self.low, self.high)
        statement = select(*columns).select_from(_RUNS).where(matching, inside, ~queued(runs))
        return statement.with_hint(runs, BY_ID, "sqlite")

    def of_moment(self, position: int) -> Hits:
        """Those of the same millisecond as one of them."""
        beginning = position >> POSITION_BITS << POSITION_BITS
        return Hits(self.query, beginning, beginning + (1 << POSITION_BITS) - 1)


def find_hits(selection: RunSelection) -> Hits | None:
    """Give what the index finds for a selection: at least all runs that it names and that are not queued.

    Returns:
        The hits, on which the rest of the selection is to be checked; None if the index does not help.
    """
    query = None if selection.filter is None else index_query(selection.filter)
    if query is None:
        return None
    earliest, latest = selection.started_from, selection.started_to
    if selection.after is not None:
        moment = selection.after[0]
        if selection.ascending:
            earliest = moment if earliest is None else max(earliest, moment)
        else:
            latest = moment if latest is None else min(latest, moment)
    low = 0 if earliest is None else position_of(earliest)
    high = _END if latest is None else position_of(latest) + (1 << POSITION_BITS) - 1
    return Hits(scoped(query, selection), low, high)
