"""Reading projects and their figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select

from smithkit.server.domain.jsons import load
from smithkit.server.store.tables import feedback, runs, sessions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.protocol import SessionSelection

__all__ = ["contains", "read_stats", "select_sessions"]

_SUMMED = (
    "total_tokens",
    "prompt_tokens",
    "completion_tokens",
    "total_cost",
    "prompt_cost",
    "completion_cost",
)


def select_sessions(connection: Connection, selection: SessionSelection, workspace_id: UUID) -> list[Row]:
    """Read the projects that a selection names, newest first."""
    statement = (
        select(sessions)
        .where(*_conditions(selection, workspace_id))
        .order_by(sessions.c.start_time.desc(), sessions.c.id.desc())
    )
    if selection.metadata is None:
        statement = statement.limit(selection.limit).offset(selection.offset)
        return [dict(row) for row in connection.execute(statement).mappings()]
    # Containment of nested JSON has no form that all databases share, and projects are few.
    matching = [
        dict(row)
        for row in connection.execute(statement).mappings()
        if contains((load((row["extra"] or "{}").encode()) or {}).get("metadata"), selection.metadata)
    ]
    return matching[selection.offset : selection.offset + selection.limit]


def _conditions(selection: SessionSelection, workspace_id: UUID) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [sessions.c.workspace_id == workspace_id]
    if selection.name is not None:
        conditions.append(sessions.c.name == selection.name)
    if selection.name_contains is not None:
        conditions.append(sessions.c.name.icontains(selection.name_contains, autoescape=True))
    if selection.ids is not None:
        conditions.append(sessions.c.id.in_(selection.ids))
    if selection.reference_datasets is not None:
        conditions.append(sessions.c.reference_dataset_id.in_(selection.reference_datasets))
    if selection.reference_free:
        conditions.append(sessions.c.reference_dataset_id.is_(None))
    return conditions


def contains(whole: Any, part: Any) -> bool:
    """Tell whether JSON contains other JSON: objects by their keys, lists by their members.

    Example:
        >>> contains({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}})
        True
    """
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            key in whole and contains(whole[key], value) for key, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and all(any(contains(item, one) for item in whole) for one in part)
    return type(whole) is type(part) and bool(whole == part)


def read_stats(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Work out the figures of projects.

    Counts, latencies and the error rate are those of root runs, tokens and costs those of all runs.
    """
    return {session_id: _stats(connection, session_id) for session_id in ids}


def _stats(connection: Connection, session_id: UUID) -> Row:
    is_root = runs.c.parent_run_id.is_(None)
    statement = select(
        func.count(case((is_root, 1))).label("run_count"),
        func.count(case((is_root & runs.c.has_error, 1))).label("errors"),
        func.min(runs.c.start_time).label("first_run_start_time"),
        func.max(runs.c.start_time).label("last_run_start_time"),
        *(func.sum(runs.c[name]).label(name) for name in _SUMMED),
    ).where(runs.c.session_id == session_id)
    figures: Row = dict(connection.execute(statement).mappings().one())
    errors = figures.pop("errors")
    figures["error_rate"] = errors / figures["run_count"] if figures["run_count"] else None
    in_session = (runs.c.session_id == session_id) & is_root
    latency = runs.c.end_time - runs.c.start_time
    first_token = runs.c.first_token_time - runs.c.start_time
    for name, length in (("latency", latency), ("first_token", first_token)):
        figures |= _percentiles(connection, name, length, in_session)
    of_run = select(feedback.c.key, feedback.c.score).join(runs, runs.c.id == feedback.c.run_id)
    figures["feedback_stats"] = _feedback(connection, of_run.where(runs.c.session_id == session_id))
    of_session = select(feedback.c.key, feedback.c.score).where(
        feedback.c.session_id == session_id, feedback.c.run_id.is_(None)
    )
    figures["session_feedback_stats"] = _feedback(connection, of_session)
    return figures


def _percentiles(
    connection: Connection, name: str, length: ColumnElement[Any], condition: ColumnElement[bool]
) -> dict[str, float | None]:
    measured = condition & length.is_not(None)
    count = connection.execute(select(func.count()).where(measured)).scalar_one()
    found: dict[str, float | None] = {}
    for percent in (50, 99):
        place = max(0, -(-count * percent // 100) - 1)  # nearest rank
        value = connection.execute(
            select(length).where(measured).order_by(length).limit(1).offset(place)
        ).scalar()
        found[f"{name}_p{percent}"] = None if value is None else value / 1_000_000
    return found


def _feedback(connection: Connection, statement: Any) -> Row:
    scored = statement.subquery()
    grouped = select(scored.c.key, func.count(), func.avg(scored.c.score)).group_by(scored.c.key)
    return {key: {"n": n, "avg": average} for key, n, average in connection.execute(grouped)}
