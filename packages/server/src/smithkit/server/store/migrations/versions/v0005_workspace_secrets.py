"""Names of the secrets that a workspace was given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from smithkit.server.store.types import Guid

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "workspace_secrets",
        sa.Column("workspace_id", Guid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("workspace_id", "key"),
    )
