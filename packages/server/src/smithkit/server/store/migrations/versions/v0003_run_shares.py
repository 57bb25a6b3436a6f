"""Tokens by which runs are shared."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from smithkit.server.store.types import Guid

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "run_shares",
        sa.Column("token", Guid(), nullable=False),
        sa.Column("run_id", Guid(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.PrimaryKeyConstraint("token"),
        sa.UniqueConstraint("run_id"),
    )
