"""Reading feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from smithkit.server.store.access import workspace_of
from smithkit.server.store.tables import feedback

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.feedback_protocol import FeedbackSelection

__all__ = ["ids_of_formula", "select_feedback", "select_one"]


def select_feedback(connection: Connection, selection: FeedbackSelection) -> list[Row]:
    """Read the records that a selection names, oldest first."""
    own = feedback.c.workspace_id == workspace_of(connection)
    statement = select(feedback).where(own, *_conditions(selection))
    ordered = statement.order_by(feedback.c.created_at, feedback.c.id)
    page = ordered.limit(selection.limit).offset(selection.offset)
    return [dict(row) for row in connection.execute(page).mappings()]


def select_one(connection: Connection, feedback_id: UUID) -> Row | None:
    """Read one record."""
    own = feedback.c.workspace_id == workspace_of(connection)
    row = connection.execute(select(feedback).where(feedback.c.id == feedback_id, own)).mappings().first()
    return None if row is None else dict(row)


def _conditions(selection: FeedbackSelection) -> list[ColumnElement[bool]]:
    table = feedback.c
    members = (
        (table.run_id, selection.runs),
        (table.key, selection.keys),
        (table.session_id, selection.sessions),
        (table.trace_id, selection.traces),
        (table.source, selection.sources),
        (table.comparative_experiment_id, selection.comparisons),
    )
    found: list[ColumnElement[bool]] = [
        column.in_(values) for column, values in members if values is not None
    ]
    if selection.on_runs is not None:
        found.append(table.run_id.is_not(None) if selection.on_runs else table.run_id.is_(None))
    if selection.has_score is not None:
        found.append(table.score.is_not(None) if selection.has_score else table.score.is_(None))
    if selection.created_from is not None:
        found.append(table.created_at >= selection.created_from)
    if selection.created_to is not None:
        found.append(table.created_at <= selection.created_to)
    return found


def ids_of_formula(connection: Connection, formula_id: UUID, limit: int) -> list[UUID]:
    """Read ids of some of the feedback that a formula gave."""
    own = select(feedback.c.id).where(feedback.c.formula_id == formula_id).limit(limit)
    return list(connection.execute(own).scalars())
