"""Jobs that find out what conversations are about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from smithkit.server.store.types import Guid

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "insights_jobs",
        sa.Column("id", Guid(), nullable=False),
        sa.Column("session_id", Guid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("clusters", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("start_time", sa.BigInteger(), nullable=True),
        sa.Column("end_time", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_insights_jobs_session", "insights_jobs", ["session_id", "created_at"], unique=False)
