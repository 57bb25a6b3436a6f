"""Tokens by which runs are shared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.domain.times import now
from smithkit.server.store.clickhouse.client import Bound

if TYPE_CHECKING:
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.clickhouse.client import Clickhouse

__all__ = ["find_share", "owner_of_share", "put_share", "shared_run"]


def find_share(clickhouse: Clickhouse, workspace_id: UUID, run_id: UUID) -> Row | None:
    """Read a run's record of its token."""
    bound = Bound()
    rows = clickhouse.query(
        f"SELECT * FROM run_shares FINAL WHERE run_id = {bound(str(run_id), 'UUID')}"
        f" AND workspace_id = {bound(str(workspace_id), 'UUID')}",
        bound,
    )
    return next(iter(rows), None)


def put_share(
    clickhouse: Clickhouse, workspace_id: UUID, run_id: UUID, token: UUID, *, deleted: bool = False
) -> None:
    """Store a run's token, or that it has none any more."""
    row = {"run_id": run_id, "workspace_id": workspace_id, "token": token}
    clickhouse.insert("run_shares", [{**row, "version": now(), "deleted": int(deleted)}])


def owner_of_share(clickhouse: Clickhouse, token: UUID) -> UUID | None:
    """Give the workspace whose run has a token."""
    share = _with_token(clickhouse, token)
    owner: UUID | None = share["workspace_id"] if share is not None else None
    return owner


def shared_run(clickhouse: Clickhouse, workspace_id: UUID, token: UUID) -> UUID | None:
    """Give the workspace's run that has a token."""
    share = _with_token(clickhouse, token)
    if share is None or share["workspace_id"] != workspace_id:
        return None
    run_id: UUID = share["run_id"]
    return run_id


def _with_token(clickhouse: Clickhouse, token: UUID) -> Row | None:
    bound = Bound()
    own = f"SELECT * FROM run_shares FINAL WHERE token = {bound(str(token), 'UUID')}"
    return next(iter(clickhouse.query(own, bound)), None)
