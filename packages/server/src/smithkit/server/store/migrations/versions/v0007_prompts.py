"""Prompts, and the handle by which a workspace owns them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from smithkit.server.store.types import Guid

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables; the workspace that is there gets the handle that new ones have."""
    op.add_column("workspaces", sa.Column("handle", sa.Text(), nullable=True))
    op.execute("UPDATE workspaces SET handle = 'personal'")
    op.create_index("uq_workspaces_handle", "workspaces", ["handle"], unique=True)
    _create_repos()
    _create_commits()
    _create_likes()


def _create_repos() -> None:
    op.create_table(
        "prompt_repos",
        sa.Column("id", Guid(), nullable=False),
        sa.Column("workspace_id", Guid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("readme", sa.Text(), nullable=True),
        sa.Column("is_public", sa.Boolean(name="is_public"), nullable=False),
        sa.Column("is_archived", sa.Boolean(name="is_archived"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "name", name="uq_prompt_repos_name"),
    )
    op.create_table(
        "prompt_labels",
        sa.Column("repo_id", Guid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["prompt_repos.id"]),
        sa.PrimaryKeyConstraint("repo_id", "position"),
    )


def _create_commits() -> None:
    op.create_table(
        "prompt_commits",
        sa.Column("id", Guid(), nullable=False),
        sa.Column("repo_id", Guid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("manifest_id", Guid(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
        sa.Column("example_run_ids", sa.Text(), nullable=False),
        sa.Column("pulls", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["prompt_repos.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("repo_id", "number", name="uq_prompt_commits_number"),
        sa.UniqueConstraint("repo_id", "hash", name="uq_prompt_commits_hash"),
    )
    op.create_table(
        "prompt_tags",
        sa.Column("id", Guid(), nullable=False),
        sa.Column("repo_id", Guid(), nullable=False),
        sa.Column("commit_id", Guid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["commit_id"], ["prompt_commits.id"]),
        sa.ForeignKeyConstraint(["repo_id"], ["prompt_repos.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("repo_id", "name", name="uq_prompt_tags_name"),
    )


def _create_likes() -> None:
    op.create_table(
        "prompt_likes",
        sa.Column("repo_id", Guid(), nullable=False),
        sa.Column("workspace_id", Guid(), nullable=False),
        sa.ForeignKeyConstraint(["repo_id"], ["prompt_repos.id"]),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("repo_id", "workspace_id"),
    )
