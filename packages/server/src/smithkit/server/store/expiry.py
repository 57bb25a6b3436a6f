"""Deleting what a project no longer keeps, inside a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, select

from smithkit.server.store.access import workspace_of
from smithkit.server.store.ownership import in_own_session
from smithkit.server.store.tables import runs, sessions
from smithkit.server.store.write_sessions import delete_runs

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row

__all__ = ["delete_expired_part", "select_retentions"]

_TRACES = 50
_RUNS = 500


def select_retentions(connection: Connection) -> list[Row]:
    """Read what the workspace's projects say of how long they keep runs."""
    own = sessions.c.workspace_id == workspace_of(connection)
    columns = (sessions.c.id, sessions.c.trace_tier, sessions.c.extra)
    return [dict(row) for row in connection.execute(select(*columns).where(own)).mappings()]


def delete_expired_part(connection: Connection, session_id: UUID, before: int) -> tuple[int, set[bytes]]:
    """Remove some of a project's traces that began and came in before a time.

    Args:
        connection: A connection that holds the write lock.
        session_id: The project.
        before: Microseconds since 1970.

    Returns:
        How many runs are gone, and the digests of files that were in use.
    """
    old = (runs.c.session_id == session_id) & (runs.c.start_time < before) & (runs.c.created_at < before)
    roots = select(runs.c.trace_id).where(old, runs.c.parent_run_id.is_(None)).limit(_TRACES)
    traces = list(connection.execute(roots).scalars())
    # The root comes last: as long as it is there, what is left of its trace is found by it.
    own = in_own_session(connection, runs.c.session_id)
    in_traces = select(runs.c.id).where(runs.c.trace_id.in_(traces), own)
    of_traces = in_traces.order_by(runs.c.parent_run_id.is_(None))
    ids = list(connection.execute(of_traces.limit(_RUNS)).scalars()) if traces else []
    if not ids:
        root = runs.alias()
        rootless = ~exists().where(root.c.id == runs.c.trace_id)
        ids = list(connection.execute(select(runs.c.id).where(old, rootless).limit(_RUNS)).scalars())
    return len(ids), delete_runs(connection, ids) if ids else set()
