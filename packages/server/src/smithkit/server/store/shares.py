"""Tokens by which runs are shared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from smithkit.server.domain.times import now
from smithkit.server.store.ownership import foreign_runs, in_own_session
from smithkit.server.store.tables import run_shares, runs

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row

__all__ = ["delete_share", "insert_share", "read_share", "select_shared"]


def insert_share(connection: Connection, run_id: UUID, token: UUID) -> UUID | None:
    """Store a run's token unless it has one, and give the one that it has; None if there is no such run."""
    own = in_own_session(connection, runs.c.session_id)
    if connection.execute(select(runs.c.id).where(runs.c.id == run_id, own)).first() is None:
        return None
    present = read_share(connection, run_id)
    if present is None:
        connection.execute(run_shares.insert(), {"token": token, "run_id": run_id, "created_at": now()})
    return present or token


def read_share(connection: Connection, run_id: UUID) -> UUID | None:
    """Read a run's token."""
    statement = select(run_shares.c.token).join(runs, run_shares.c.run_id == runs.c.id)
    own = in_own_session(connection, runs.c.session_id)
    return connection.execute(statement.where(run_shares.c.run_id == run_id, own)).scalar()


def delete_share(connection: Connection, run_id: UUID) -> None:
    """Forget a run's token."""
    if not foreign_runs(connection, [run_id]):
        connection.execute(delete(run_shares).where(run_shares.c.run_id == run_id))


def select_shared(connection: Connection, token: UUID) -> Row | None:
    """Read the record of the run that has a token."""
    statement = select(runs).join(run_shares, run_shares.c.run_id == runs.c.id)
    own = in_own_session(connection, runs.c.session_id)
    row = connection.execute(statement.where(run_shares.c.token == token, own)).mappings().first()
    return None if row is None else dict(row)
