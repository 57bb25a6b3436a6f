"""What a repository of the hub holds: a prompt, or the directory of an agent or a skill."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the column; what is there are prompts."""
    in_order = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("prompt_repos", sa.Column("repo_type", in_order, nullable=False, server_default="prompt"))
