"""Names of a workspace's secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from smithkit.server.store.tables import workspace_secrets

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from sqlalchemy import Connection

__all__ = ["change_secrets", "select_secrets"]


def select_secrets(connection: Connection, workspace_id: UUID) -> list[str]:
    """Read the names, in order."""
    mine = workspace_secrets.c.workspace_id == workspace_id
    statement = select(workspace_secrets.c.key).where(mine).order_by(workspace_secrets.c.key)
    return list(connection.execute(statement).scalars())


def change_secrets(
    connection: Connection, workspace_id: UUID, added: Collection[str], removed: Collection[str]
) -> None:
    """Remember names, and forget others."""
    mine = workspace_secrets.c.workspace_id == workspace_id
    touched = workspace_secrets.c.key.in_({*added, *removed})
    connection.execute(delete(workspace_secrets).where(mine, touched))
    rows = [{"workspace_id": workspace_id, "key": key} for key in added]
    if rows:
        connection.execute(workspace_secrets.insert(), rows)
