"""Reading records of feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.domain.feedback import Tally
from smithkit.server.store.clickhouse.client import Bound, chunks
from smithkit.server.store.clickhouse.schema import FEEDBACK_COLUMNS
from smithkit.server.store.feedback_figures import Scope

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.clickhouse.client import Clickhouse
    from smithkit.server.store.feedback_protocol import FeedbackSelection

__all__ = ["feedback_of_runs", "feedback_stats", "read_figures", "rows_where", "select_feedback"]

_SCOPES = {
    Scope.RUNS: ("session_id", "run_id IS NOT NULL"),
    Scope.SESSION: ("session_id", "run_id IS NULL"),
    Scope.COMPARISON: ("comparative_experiment_id", "1"),
}


def rows_where(clickhouse: Clickhouse, column: str, ids: Iterable[UUID]) -> list[Row]:
    """Read whole records by a column of ids, of any workspace."""
    found: list[Row] = []
    for part in chunks(ids):
        bound = Bound()
        found += clickhouse.query(f"SELECT * FROM feedback FINAL WHERE {column} IN {bound.ids(part)}", bound)
    return found


def select_feedback(clickhouse: Clickhouse, workspace_id: UUID, selection: FeedbackSelection) -> list[Row]:
    """Read the records that a selection names, oldest first."""
    bound = Bound()
    which = _conditions(selection, bound)
    return _shown(
        clickhouse.query(
            f"SELECT {', '.join(FEEDBACK_COLUMNS)} FROM feedback FINAL"
            f" WHERE {' AND '.join([_own(bound, workspace_id), *which])} ORDER BY created_at, toString(id)"
            f" LIMIT {bound(selection.limit, 'UInt64')} OFFSET {bound(selection.offset, 'UInt64')}",
            bound,
        )
    )


def feedback_of_runs(clickhouse: Clickhouse, workspace_id: UUID, ids: Sequence[UUID]) -> list[Row]:
    """Read the records of runs' feedback, oldest first."""
    found: list[Row] = []
    for part in chunks(ids):
        bound = Bound()
        found += clickhouse.query(
            f"SELECT {', '.join(FEEDBACK_COLUMNS)} FROM feedback FINAL WHERE {_own(bound, workspace_id)}"
            f" AND run_id IN {bound.ids(part)} ORDER BY created_at, toString(id)",
            bound,
        )
    return _shown(found)


def _shown(rows: list[Row]) -> list[Row]:
    """Scores as numbers with a point, as SQL databases give them."""
    for row in rows:
        if row["score"] is not None:
            row["score"] = float(row["score"])
    return rows


def _own(bound: Bound, workspace_id: UUID) -> str:
    return f"workspace_id = {bound(str(workspace_id), 'UUID')}"


def _conditions(selection: FeedbackSelection, bound: Bound) -> list[str]:
    ids = (
        ("run_id", selection.runs),
        ("session_id", selection.sessions),
        ("trace_id", selection.traces),
        ("comparative_experiment_id", selection.comparisons),
    )
    texts = (("key", selection.keys), ("source", selection.sources))
    found = [f"{name} IN {bound.ids(values)}" for name, values in ids if values is not None]
    found += [f"{name} IN {bound(list(own), 'Array(String)')}" for name, own in texts if own is not None]
    for name, known in (("run_id", selection.on_runs), ("score", selection.has_score)):
        if known is not None:
            found.append(f"{name} IS {'NOT ' if known else ''}NULL")
    if selection.created_from is not None:
        found.append(f"created_at >= {bound(selection.created_from, 'Int64')}")
    if selection.created_to is not None:
        found.append(f"created_at <= {bound(selection.created_to, 'Int64')}")
    return found


def read_figures(
    clickhouse: Clickhouse, workspace_id: UUID, ids: Collection[UUID], scope: Scope
) -> dict[UUID, Row]:
    """Work out the figures of scopes, by key, as the API shows them; one without feedback is left out."""
    column, which = _SCOPES[scope]
    found: dict[UUID, dict[str, Tally]] = {}
    for part in chunks(ids):
        bound = Bound()
        rows = clickhouse.query(
            f"SELECT {column} AS session_id, key, score, category, count() AS n FROM feedback FINAL"
            f" WHERE {_own(bound, workspace_id)} AND {column} IN {bound.ids(part)} AND {which}"
            f" GROUP BY {column}, key, score, category",
            bound,
        )
        for row in rows:
            _add(found.setdefault(row["session_id"], {}), row)
    return {one: {key: tally.summary() for key, tally in keys.items()} for one, keys in found.items()}


def feedback_stats(clickhouse: Clickhouse, which: str, bound: Bound) -> Row:
    """Work out the figures of feedback for which a condition holds, by key."""
    rows = clickhouse.query(
        f"SELECT key, score, category, count() AS n FROM feedback FINAL WHERE {which}"
        " GROUP BY key, score, category",
        bound,
    )
    found: dict[str, Tally] = {}
    for row in rows:
        _add(found, row)
    return {key: tally.summary() for key, tally in found.items()}


def _add(tallies: dict[str, Tally], row: Row) -> None:
    """Sums are exact, so it does not matter that equal feedback is counted before."""
    score = None if row["score"] is None else float(row["score"])
    tallies.setdefault(row["key"], Tally()).add(score, row["category"], row["n"])
