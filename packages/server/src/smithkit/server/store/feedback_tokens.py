"""Records of feedback tokens inside a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from smithkit.server.store.access import workspace_of
from smithkit.server.store.feedback_tables import feedback_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row

__all__ = ["insert_tokens", "select_token", "select_tokens"]

_KEPT = 7 * 24 * 3600 * 1_000_000  # an expired token is told from a forged one for a week


def insert_tokens(connection: Connection, rows: Sequence[Row], moment: int) -> None:
    """Store records; those that have long expired go."""
    connection.execute(delete(feedback_tokens).where(feedback_tokens.c.expires_at < moment - _KEPT))
    if rows:
        own = {"workspace_id": workspace_of(connection)}
        connection.execute(feedback_tokens.insert(), [{**row, **own} for row in rows])


def select_token(connection: Connection, handle: bytes) -> Row | None:
    """Read the record of a token."""
    own = feedback_tokens.c.workspace_id == workspace_of(connection)
    statement = select(feedback_tokens).where(feedback_tokens.c.handle == handle, own)
    row = connection.execute(statement).mappings().first()
    return None if row is None else dict(row)


def select_tokens(connection: Connection, run_id: UUID, moment: int, limit: int, offset: int) -> list[Row]:
    """Read the records of a run's tokens that have not expired, oldest first."""
    table = feedback_tokens
    own = table.c.workspace_id == workspace_of(connection)
    live = select(table).where(own, table.c.run_id == run_id, table.c.expires_at > moment)
    ordered = live.order_by(table.c.created_at, table.c.handle).limit(limit).offset(offset)
    return [dict(row) for row in connection.execute(ordered).mappings()]
