"""Removing a project's runs and what belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, select

from smithkit.server.store.clickhouse.client import Bound, chunks
from smithkit.server.store.feedback_tables import annotation_queue_runs, feedback_tokens
from smithkit.server.store.tables import attachments
from smithkit.server.store.write_sessions import orphan_digests

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from smithkit.server.store.blobs import BlobFolder
    from smithkit.server.store.clickhouse.client import Clickhouse

__all__ = ["delete_runs"]

_STEP = 20_000
_OF_RUNS = ("run_documents", "run_shares", "feedback")


def delete_runs(
    connection: Connection, clickhouse: Clickhouse, blobs: BlobFolder, workspace_id: UUID, session_id: UUID
) -> None:
    """Remove what belongs to a project's runs first, and the runs last, so that what is cut short can go on.

    Args:
        connection: A connection to the SQL database that holds the write lock.
        clickhouse: Where the runs are.
        blobs: Where files lie.
        workspace_id: Whose the project is.
        session_id: The project.
    """
    _forget_elsewhere(connection, clickhouse, blobs, workspace_id, session_id)
    for table in _OF_RUNS:
        bound = Bound()
        inside = f"run_id IN (SELECT id FROM runs FINAL WHERE {_inside(workspace_id, session_id, bound)})"
        clickhouse.delete(table, f"workspace_id = {bound(str(workspace_id), 'UUID')} AND {inside}", bound)
    for table in ("feedback", "runs"):
        bound = Bound()
        clickhouse.delete(table, _inside(workspace_id, session_id, bound), bound)


def _inside(workspace_id: UUID, session_id: UUID, bound: Bound) -> str:
    workspace, session = bound(str(workspace_id), "UUID"), bound(str(session_id), "UUID")
    return f"workspace_id = {workspace} AND session_id = {session}"


def _forget_elsewhere(
    connection: Connection, clickhouse: Clickhouse, blobs: BlobFolder, workspace_id: UUID, session_id: UUID
) -> None:
    """Remove what the SQL database holds of a project's runs, and the files that nothing names any more."""
    after = UUID(int=0)
    while True:
        bound = Bound()
        inside = _inside(workspace_id, session_id, bound)
        found = clickhouse.query(
            f"SELECT id FROM runs FINAL WHERE {inside} AND id > {bound(str(after), 'UUID')}"
            f" ORDER BY id LIMIT {_STEP}",
            bound,
        )
        for part in chunks(row["id"] for row in found):
            _forget(connection, blobs, part)
        if len(found) < _STEP:
            return
        after = found[-1]["id"]


def _forget(connection: Connection, blobs: BlobFolder, ids: list[UUID]) -> None:
    own = attachments.c.run_id.in_(ids)
    digests = set(connection.execute(select(attachments.c.digest).where(own)).scalars())
    for table in (attachments, feedback_tokens, annotation_queue_runs):
        connection.execute(delete(table).where(table.c.run_id.in_(ids)))
    for digest in orphan_digests(connection, digests):
        blobs.remove(digest)
