"""A workspace's own record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from smithkit.server.store.tables import workspaces

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row

__all__ = ["select_settings", "update_handle"]


def select_settings(connection: Connection, workspace_id: UUID) -> Row:
    """Read the record, without the secret."""
    columns = (workspaces.c.id, workspaces.c.display_name, workspaces.c.created_at, workspaces.c.handle)
    return dict(connection.execute(select(*columns).where(workspaces.c.id == workspace_id)).mappings().one())


def update_handle(connection: Connection, workspace_id: UUID, handle: str) -> Row:
    """Set the handle, and give the record."""
    connection.execute(workspaces.update().where(workspaces.c.id == workspace_id).values(handle=handle))
    return select_settings(connection, workspace_id)
