"""Conversations: what runs name in their metadata becomes a column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import op

from smithkit.server.domain.jsons import load
from smithkit.server.domain.threads import find_thread
from smithkit.server.store.packing import unpack
from smithkit.server.store.types import Guid, only_where

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

revision = "0002"
down_revision = "0001"

_STEP = 1000


def upgrade() -> None:
    """Add the column, and fill it for the runs that are there."""
    op.add_column("runs", sa.Column("thread_id", sa.Text(), nullable=True))
    runs = sa.table("runs", sa.column("id", Guid()), sa.column("thread_id", sa.Text()))
    connection = op.get_bind()
    statement = runs.update().where(runs.c.id == sa.bindparam("key")).values(thread_id=sa.bindparam("thread"))
    for found in _threads(connection):
        if found:
            connection.execute(statement, [{"key": key, "thread": thread} for key, thread in found])
    threaded = only_where(sa.text("thread_id IS NOT NULL"))
    if connection.dialect.name == "sqlite":
        op.create_index("ix_runs_thread", "runs", ["session_id", "thread_id", "start_time"], **threaded)
    else:
        op.create_index("ix_runs_threads", "runs", ["session_id", "start_time"], **threaded)


def _threads(connection: sa.Connection) -> Iterator[list[tuple[UUID, str]]]:
    """Ids and conversations of the runs that have one, some runs at a time."""
    payloads = sa.table("run_payloads", sa.column("run_id", Guid()), sa.column("extra", sa.LargeBinary()))
    ordered = sa.select(payloads).where(payloads.c.extra.is_not(None)).order_by(payloads.c.run_id)
    rows = connection.execute(ordered.limit(_STEP)).all()
    while rows:
        named = ((run_id, _thread(extra)) for run_id, extra in rows)
        yield [(run_id, thread) for run_id, thread in named if thread is not None]
        rows = connection.execute(ordered.where(payloads.c.run_id > rows[-1].run_id).limit(_STEP)).all()


def _thread(extra: bytes) -> str | None:
    value = load(unpack(extra))
    return find_thread(value.get("metadata")) if isinstance(value, dict) else None
