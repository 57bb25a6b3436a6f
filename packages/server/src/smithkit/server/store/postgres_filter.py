"""What PostgreSQL says differently in filters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, Uuid, any_, case, cast, false, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from smithkit.server.domain.filters import evaluate
from smithkit.server.domain.jsons import dump
from smithkit.server.store.stored_record import ARGUMENTS, StoredRecord, columns_of
from smithkit.server.store.tables import run_payloads, runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, FromClause

    from smithkit.server.domain.filters import Comparison, Node

__all__ = ["JudgingDialect", "PostgresDialect", "is_one_of"]

_DANGLING = re.compile(r"(?<!\\)(?:\\\\)*\\\Z")
_STRANGE = r"\\u(0000|d[89a-f])"
_STEP = 500


def is_one_of(column: ColumnElement[Any], ids: Sequence[UUID]) -> ColumnElement[bool]:
    """Say that a column has one of any number of ids."""
    return column == any_(literal(list(ids), ARRAY(Uuid())))


class PostgresDialect:
    """The dialect, for filters that ask for nothing in payloads: those are packed."""

    def like(self, value: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Say that a text is like a pattern."""
        return false() if _DANGLING.search(pattern) else value.ilike(pattern, escape="\\")

    def tagged(self, run: FromClause, tags: tuple[str, ...]) -> ColumnElement[bool]:
        """Say that a run has one of these tags."""
        if not tags:
            return false()
        stored = run.c.tags
        exact = cast(stored, JSONB).has_any(literal(list(tags), ARRAY(Text())))
        # JSON that PostgreSQL cannot read: characters that its texts do not have.
        within = or_(*(func.strpos(stored, dump(tag).decode()) > 0 for tag in tags))
        return case((stored.regexp_match(_STRANGE, flags="i"), within), else_=exact)

    def document(self, run: FromClause, node: Node) -> ColumnElement[bool]:
        """Never asked: `store.scan_documents` looks into payloads, for the database cannot."""
        raise AssertionError(node, run)

    def search(self, run: FromClause, node: Comparison) -> ColumnElement[bool]:
        """Never asked, likewise."""
        raise AssertionError(node, run)


class JudgingDialect(PostgresDialect):
    """The dialect for some runs whose payloads are read here, and conditions on them judged.

    Args:
        connection: A connection.
        ids: The runs of which filters are asked.
    """

    def __init__(self, connection: Connection, ids: Sequence[UUID]) -> None:
        self._connection = connection
        self._ids = ids

    def document(self, run: FromClause, node: Node) -> ColumnElement[bool]:
        """Read the runs that may be meant, and name those for which a condition holds."""
        needed = set(columns_of(node))
        columns = [name for name in ARGUMENTS if name in needed]
        sources = [(run_payloads if name in run_payloads.c else runs).c[name] for name in columns]
        statement = select(runs.c.id, *sources).select_from(
            runs.outerjoin(run_payloads, run_payloads.c.run_id == runs.c.id)
        )
        found = self._connection.execute(statement.where(self._meant(run)).execution_options(yield_per=_STEP))
        holding = [
            run_id
            for run_id, *values in found
            if evaluate(node, StoredRecord.of(dict(zip(columns, values, strict=True))))
        ]
        return is_one_of(run.c.id, holding)

    def search(self, run: FromClause, node: Comparison) -> ColumnElement[bool]:
        """Say that a run's texts hold what is searched for."""
        return self.document(run, node)

    def _meant(self, run: FromClause) -> ColumnElement[bool]:
        """The runs that filters, filters of roots or filters of trees speak of."""
        if run is runs:
            return is_one_of(runs.c.id, self._ids)
        asked = runs.alias("asked_run")
        traces = select(asked.c.trace_id).where(is_one_of(asked.c.id, self._ids))
        return (runs.c.id if run.name == "root_run" else runs.c.trace_id).in_(traces)  # type: ignore[attr-defined]
