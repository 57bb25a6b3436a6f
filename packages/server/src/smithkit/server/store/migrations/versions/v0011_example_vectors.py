"""Vectors of examples, for search by what they mean. It came after 0012."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from smithkit.server.store.types import Number

revision = "0011"
down_revision = "0012"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "example_vectors",
        sa.Column("row", Number, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["row"], ["example_versions.row"]),
        sa.PrimaryKeyConstraint("row"),
    )
