"""Figures of runs: sums, shares, percentiles.

Of whole projects they are kept, of anything else they are counted. What is kept of many runs has rounded
percentiles; few runs are counted, so that theirs are exact.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import exists, select

from smithkit.server.domain.feedback import FeedbackStats
from smithkit.server.domain.run_figures import percentile
from smithkit.server.store.access import workspace_of
from smithkit.server.store.counted_figures import count_in_columns
from smithkit.server.store.feedback_figures import Scope, read_figures
from smithkit.server.store.kept_figures import HOUR, count_runs, select_kept
from smithkit.server.store.ownership import in_own_session, own_sessions
from smithkit.server.store.protocol import RunSelection
from smithkit.server.store.read_runs import conditions
from smithkit.server.store.tables import feedback, run_figures, runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from smithkit.server.domain.run_figures import RunFigures
    from smithkit.server.domain.runs import Row

__all__ = ["select_run_figures", "select_session_figures"]

_FEW = 5000  # runs
_SECOND = 1_000_000
_PERCENTS = (50, 99)
_KEPT_BY = frozenset({"sessions", "is_root", "started_from", "started_to"})
_NO_MATTER = frozenset({"after", "ascending", "limit"})


def select_run_figures(connection: Connection, selection: RunSelection) -> Row:
    """Work out the figures of the runs that a selection names."""
    figures = _figures(connection, selection)
    return {
        "run_count": figures.runs,
        **_rates(figures),
        **_moments(connection, selection, figures),
        **_sums(figures),
        **_durations(figures),
        **dict(zip(("median_tokens", "tokens_p99"), _percentiles(figures, "total_tokens"), strict=True)),
        **dict(zip(("cost_p50", "cost_p99"), _percentiles(figures, "total_cost"), strict=True)),
        "feedback_stats": _feedback(connection, selection),
    }


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
    every = RunSelection(sessions=[session_id])
    whole = _kept(connection, every)
    roots = _figures(connection, replace(every, is_root=True))
    return {
        "run_count": roots.runs,
        **_rates(roots),
        **_moments(connection, every, whole),
        **_sums(whole),
        **_durations(roots),
    }


def _figures(connection: Connection, selection: RunSelection) -> RunFigures:
    if not _is_kept(selection):
        return _count(connection, selection)
    kept = _kept(connection, selection)
    return kept if kept.runs > _FEW else _count(connection, selection)


def _count(connection: Connection, selection: RunSelection) -> RunFigures:
    if connection.dialect.name == "sqlite":
        return count_in_columns(connection, selection)
    return count_runs(connection, conditions(connection, selection))


def _is_kept(selection: RunSelection) -> bool:
    """Whether a selection asks for nothing by which figures are not kept."""
    return all(
        getattr(selection, name) is None
        for name in selection.__slots__
        if name not in _KEPT_BY and name not in _NO_MATTER
    )


def _kept(connection: Connection, selection: RunSelection) -> RunFigures:
    """Add up what is kept of all whole hours, and the runs of the two hours that are cut."""
    earliest, latest = selection.started_from, selection.started_to
    of_sessions = _of_sessions(connection, selection)
    if earliest is None and latest is None:
        return select_kept(connection, of_sessions, is_root=selection.is_root)
    first = None if earliest is None else -(-earliest // HOUR)
    end = None if latest is None else (latest + 1) // HOUR
    if first is not None and end is not None and first >= end:
        return _count(connection, selection)
    figures = select_kept(connection, of_sessions, is_root=selection.is_root, hours=(first, end))
    if first is not None and earliest != first * HOUR:
        figures.add(_count(connection, replace(selection, started_to=first * HOUR - 1)))
    if end is not None and latest != end * HOUR - 1:
        figures.add(_count(connection, replace(selection, started_from=end * HOUR)))
    return figures


def _of_sessions(connection: Connection, selection: RunSelection) -> ColumnElement[bool]:
    column = run_figures.c.session_id
    if selection.sessions is None:
        return in_own_session(connection, column)
    return column.in_(own_sessions(connection, selection.sessions))


def _rates(figures: RunFigures) -> Row:
    if not figures.runs:
        return {"error_rate": None, "streaming_rate": None}
    return {"error_rate": figures.errors / figures.runs, "streaming_rate": figures.streamed / figures.runs}


def _sums(figures: RunFigures) -> Row:
    return {name: total if figures.known[name] else None for name, total in figures.sums.items()}


def _durations(figures: RunFigures) -> Row:
    return {
        f"{name}_p{percent}": None if length is None else length / _SECOND
        for name in ("latency", "first_token")
        for percent, length in zip(_PERCENTS, _percentiles(figures, name), strict=True)
    }


def _percentiles(figures: RunFigures, name: str) -> list[int | None]:
    return [percentile(figures.spread[name], percent) for percent in _PERCENTS]


def _moments(connection: Connection, selection: RunSelection, figures: RunFigures) -> Row:
    """When the first and the last run began."""
    first, last = figures.first, figures.last
    if first is None and figures.runs:
        # One project at a time, since an index gives the order of its runs alone.
        sessions = [None] if selection.sessions is None else [[one] for one in selection.sessions]
        each = [_first_and_last(connection, replace(selection, sessions=own)) for own in sessions]
        found = [moment for pair in each for moment in pair if moment is not None]
        first, last = min(found, default=None), max(found, default=None)
    return {"first_run_start_time": first, "last_run_start_time": last}


def _first_and_last(connection: Connection, selection: RunSelection) -> list[int | None]:
    start = runs.c.start_time
    own = select(start).where(*conditions(connection, selection)).limit(1)
    return [connection.execute(own.order_by(order)).scalar() for order in (start, start.desc())]


def _feedback(connection: Connection, selection: RunSelection) -> Row:
    # From the feedback to its runs: of those there may be many more.
    of_runs = exists(
        select(1)
        .where(runs.c.id == feedback.c.run_id, *conditions(connection, selection))
        .correlate(feedback)
    )
    own = [feedback.c.workspace_id == workspace_of(connection)]
    if selection.sessions is not None:
        own.append(feedback.c.session_id.in_(selection.sessions))
    statement = select(feedback.c.key, feedback.c.score, feedback.c.category)
    found = connection.execute(statement.where(*own, of_runs))
    return FeedbackStats((row.key, row.score, row.category) for row in found).by_key()
