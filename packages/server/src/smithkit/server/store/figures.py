"""Figures of runs: sums, shares, percentiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select, true

from smithkit.server.domain.feedback import FeedbackStats
from smithkit.server.store.access import workspace_of
from smithkit.server.store.feedback_figures import Scope, read_figures
from smithkit.server.store.read_runs import conditions
from smithkit.server.store.tables import feedback, runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.protocol import RunSelection

__all__ = ["select_run_figures", "select_session_figures"]

_SUMMED = (
    "total_tokens",
    "prompt_tokens",
    "completion_tokens",
    "total_cost",
    "prompt_cost",
    "completion_cost",
)
_LATENCY = runs.c.end_time - runs.c.start_time
_FIRST_TOKEN = runs.c.first_token_time - runs.c.start_time
_SECOND = 1_000_000
_PERCENTS = (50, 99)


def select_run_figures(connection: Connection, selection: RunSelection) -> Row:
    """Work out the figures of the runs that a selection names."""
    which = conditions(connection, selection)
    figures = _totals(connection, which, true())
    figures |= _durations(connection, which)
    tokens = _percentiles(connection, runs.c.total_tokens, which)
    figures |= {"median_tokens": tokens[0], "tokens_p99": tokens[1]}
    figures |= dict(
        zip(("cost_p50", "cost_p99"), _percentiles(connection, runs.c.total_cost, which), strict=True)
    )
    return figures | {"feedback_stats": _feedback_of_runs(connection, which)}


def select_session_figures(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Work out the figures of projects.

    Counts, latencies and the error rate are those of root runs, tokens and costs those of all runs.
    """
    on_runs = read_figures(connection, ids, Scope.RUNS)
    on_sessions = read_figures(connection, ids, Scope.SESSION)
    return {
        session_id: _session(connection, session_id)
        | {
            "feedback_stats": on_runs.get(session_id, {}),
            "session_feedback_stats": on_sessions.get(session_id, {}),
        }
        for session_id in ids
    }


def _session(connection: Connection, session_id: UUID) -> Row:
    inside = runs.c.session_id == session_id
    is_root = runs.c.parent_run_id.is_(None)
    figures = _totals(connection, [inside], is_root)
    figures |= _durations(connection, [inside, is_root])
    return figures


def _totals(connection: Connection, which: list[ColumnElement[bool]], counted: ColumnElement[bool]) -> Row:
    """Sums over all runs, and counts over those of them that are to be counted."""
    statement = select(
        func.count(case((counted, 1))).label("run_count"),
        func.count(case((counted & runs.c.has_error, 1))).label("errors"),
        func.count(case((counted & runs.c.first_token_time.is_not(None), 1))).label("streamed"),
        func.min(runs.c.start_time).label("first_run_start_time"),
        func.max(runs.c.start_time).label("last_run_start_time"),
        *(func.sum(runs.c[name]).label(name) for name in _SUMMED),
    ).where(*which)
    figures: Row = dict(connection.execute(statement).mappings().one())
    count = figures["run_count"]
    for name, share in (("error_rate", "errors"), ("streaming_rate", "streamed")):
        part = figures.pop(share)
        figures[name] = part / count if count else None
    return figures


def _durations(connection: Connection, which: list[ColumnElement[bool]]) -> Row:
    found: Row = {}
    for name, length in (("latency", _LATENCY), ("first_token", _FIRST_TOKEN)):
        for percent, value in zip(_PERCENTS, _percentiles(connection, length, which), strict=True):
            found[f"{name}_p{percent}"] = None if value is None else value / _SECOND
    return found


def _percentiles(
    connection: Connection, value: ColumnElement[Any], which: list[ColumnElement[bool]]
) -> list[int | None]:
    """The median and the 99th percentile, by nearest rank."""
    measured = [*which, value.is_not(None)]
    count = connection.execute(select(func.count()).select_from(runs).where(*measured)).scalar_one()
    places = (max(0, -(-count * percent // 100) - 1) for percent in _PERCENTS)
    ordered = select(value).where(*measured).order_by(value).limit(1)
    return [connection.execute(ordered.offset(place)).scalar() for place in places]


def _feedback_of_runs(connection: Connection, which: list[ColumnElement[bool]]) -> Row:
    of_runs = select(feedback.c.key, feedback.c.score, feedback.c.category)
    own = feedback.c.workspace_id == workspace_of(connection)
    found = connection.execute(of_runs.join(runs, runs.c.id == feedback.c.run_id).where(own, *which))
    return FeedbackStats((row.key, row.score, row.category) for row in found).by_key()
