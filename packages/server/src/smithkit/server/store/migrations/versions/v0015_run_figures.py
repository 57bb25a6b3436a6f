"""Figures of runs that are kept; those of the runs that are there are worked out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from smithkit.server.store.kept_figures import rebuild_run_figures
from smithkit.server.store.types import Guid

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the table and fill it."""
    op.create_table(
        "run_figures",
        sa.Column("session_id", Guid(), nullable=False),
        sa.Column("is_root", sa.Boolean(name="is_root"), nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"]),
        sa.PrimaryKeyConstraint("session_id", "is_root", "hour"),
    )
    rebuild_run_figures(op.get_bind())
