"""Jobs that find out what conversations are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from smithkit.server.store.ownership import in_own_session, own_sessions
from smithkit.server.store.tables import insights_jobs

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row

__all__ = ["insert_job", "select_jobs", "update_job"]


def insert_job(connection: Connection, values: Row) -> bool:
    """Store a job; False if its project is not there."""
    if not own_sessions(connection, [values["session_id"]]):
        return False
    connection.execute(insights_jobs.insert(), values)
    return True


def update_job(connection: Connection, job_id: UUID, values: Row) -> None:
    """Change a job, if it is still there."""
    connection.execute(insights_jobs.update().where(insights_jobs.c.id == job_id).values(values))


def select_jobs(connection: Connection, session_id: UUID, job_id: UUID | None) -> list[Row]:
    """Read a project's jobs, or one of them, newest first."""
    own = in_own_session(connection, insights_jobs.c.session_id)
    statement = select(insights_jobs).where(insights_jobs.c.session_id == session_id, own)
    if job_id is not None:
        statement = statement.where(insights_jobs.c.id == job_id)
    statement = statement.order_by(insights_jobs.c.created_at.desc(), insights_jobs.c.id)
    return [dict(row) for row in connection.execute(statement).mappings()]
