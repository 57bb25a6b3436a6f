"""Reading projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from smithkit.server.domain.jsons import contains, load
from smithkit.server.store.access import workspace_of
from smithkit.server.store.tables import sessions

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.protocol import SessionSelection

__all__ = ["select_names", "select_sessions"]


def select_sessions(connection: Connection, selection: SessionSelection) -> list[Row]:
    """Read the projects that a selection names, newest first."""
    statement = (
        select(sessions)
        .where(*_conditions(selection, workspace_of(connection)))
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


def select_names(connection: Connection) -> dict[UUID, str]:
    """Read the names of all projects of the workspace."""
    own = sessions.c.workspace_id == workspace_of(connection)
    found = connection.execute(select(sessions.c.id, sessions.c.name).where(own))
    return {row.id: row.name for row in found}


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
