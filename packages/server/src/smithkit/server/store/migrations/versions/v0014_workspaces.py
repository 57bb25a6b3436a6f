"""API keys, and whose feedback, formulas and feedback tokens are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from smithkit.server.store.types import Guid

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the table and the columns; what is there belongs to the one workspace that there was."""
    op.create_table(
        "api_keys",
        sa.Column("id", Guid(), nullable=False),
        sa.Column("workspace_id", Guid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("uq_api_keys_digest", "api_keys", ["digest"], unique=True)
    for table in ("feedback", "feedback_formulas", "feedback_tokens"):
        op.add_column(table, sa.Column("workspace_id", Guid(), nullable=True))
        op.execute(f"UPDATE {table} SET workspace_id = (SELECT id FROM workspaces LIMIT 1)")  # noqa: S608
