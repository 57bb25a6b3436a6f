"""Removing a project's runs and what belongs to them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, select

from smithkit.server.store.clickhouse.client import Bound, chunks
from smithkit.server.store.feedback_tables import annotation_queue_runs, feedback_tokens
from smithkit.server.store.tables import attachments
from smithkit.server.store.write_sessions import orphan_digests

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from smithkit.server.store.blobs import Blobs
    from smithkit.server.store.clickhouse.client import Clickhouse

__all__ = ["delete_expired", "delete_runs"]

_STEP = 20_000
_OF_RUNS = ("run_documents", "run_shares", "feedback")


def delete_runs(
    connection: Connection, clickhouse: Clickhouse, blobs: Blobs, workspace_id: UUID, session_id: UUID
) -> None:
    """Remove what belongs to a project's runs first, and the runs last, so that what is cut short can go on.

    Args:
        connection: A connection to the SQL database that holds the write lock.
        clickhouse: Where the runs are.
        blobs: Where files lie.
        workspace_id: Whose the project is.
        session_id: The project.
    """
    whole = partial(_inside, workspace_id, session_id)
    _delete(connection, clickhouse, blobs, workspace_id, whole)
    bound = Bound()
    clickhouse.delete("feedback", whole(bound), bound)


def delete_expired(
    connection: Connection,
    clickhouse: Clickhouse,
    blobs: Blobs,
    workspace_id: UUID,
    *,
    session_id: UUID,
    before: int,
) -> int:
    """Remove a project's traces that began and came in, whole, before a time.

    Args:
        connection: A connection to the SQL database that holds the write lock.
        clickhouse: Where the runs are.
        blobs: Where files lie.
        workspace_id: Whose the project is.
        session_id: The project.
        before: Microseconds since 1970.

    Returns:
        How many runs are gone.
    """
    old = partial(_old, workspace_id, session_id, before)
    bound = Bound()
    [counted] = clickhouse.query(f"SELECT count() AS n FROM runs FINAL WHERE {old(bound)}", bound)
    if counted["n"]:
        _delete(connection, clickhouse, blobs, workspace_id, old)
    return int(counted["n"])


def _delete(
    connection: Connection,
    clickhouse: Clickhouse,
    blobs: Blobs,
    workspace_id: UUID,
    which: Callable[[Bound], str],
) -> None:
    _forget_elsewhere(connection, clickhouse, blobs, which)
    for table in _OF_RUNS:
        bound = Bound()
        of_runs = f"run_id IN (SELECT id FROM runs FINAL WHERE {which(bound)})"
        clickhouse.delete(table, f"workspace_id = {bound(str(workspace_id), 'UUID')} AND {of_runs}", bound)
    bound = Bound()
    clickhouse.delete("runs", which(bound), bound)


def _inside(workspace_id: UUID, session_id: UUID, bound: Bound) -> str:
    workspace, session = bound(str(workspace_id), "UUID"), bound(str(session_id), "UUID")
    return f"workspace_id = {workspace} AND session_id = {session}"


def _old(workspace_id: UUID, session_id: UUID, before: int, bound: Bound) -> str:
    inside, limit = _inside(workspace_id, session_id, bound), bound(before, "Int64")
    traces = (
        f"SELECT trace_id FROM runs FINAL WHERE {inside} GROUP BY trace_id"
        f" HAVING min(start_time) < {limit} AND min(created_at) < {limit}"
    )
    return f"{inside} AND trace_id IN ({traces})"


def _forget_elsewhere(
    connection: Connection, clickhouse: Clickhouse, blobs: Blobs, which: Callable[[Bound], str]
) -> None:
    """Remove what the SQL database holds of runs, and the files that nothing names any more."""
    after = UUID(int=0)
    while True:
        bound = Bound()
        found = clickhouse.query(
            f"SELECT id FROM runs FINAL WHERE {which(bound)} AND id > {bound(str(after), 'UUID')}"
            f" ORDER BY id LIMIT {_STEP}",
            bound,
        )
        for part in chunks(row["id"] for row in found):
            _forget(connection, blobs, part)
        if len(found) < _STEP:
            return
        after = found[-1]["id"]


def _forget(connection: Connection, blobs: Blobs, ids: list[UUID]) -> None:
    own = attachments.c.run_id.in_(ids)
    digests = set(connection.execute(select(attachments.c.digest).where(own)).scalars())
    for table in (attachments, feedback_tokens, annotation_queue_runs):
        connection.execute(delete(table).where(table.c.run_id.in_(ids)))
    for digest in orphan_digests(connection, digests):
        blobs.remove(digest)
