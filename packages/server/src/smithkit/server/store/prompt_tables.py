"""The tables of prompts. Times are microseconds since 1970, UTC.

A prompt is a repository of commits, each on top of the one before: their numbers count up from 1.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from smithkit.server.store.tables import metadata
from smithkit.server.store.types import Guid

__all__ = ["prompt_commits", "prompt_labels", "prompt_likes", "prompt_repos", "prompt_tags"]

prompt_repos = Table(
    "prompt_repos",
    metadata,
    Column("id", Guid(), primary_key=True),
    Column("workspace_id", Guid(), ForeignKey("workspaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("repo_type", Text, nullable=False, server_default="prompt"),
    Column("description", Text),
    Column("readme", Text),
    Column("is_public", Boolean(name="is_public"), nullable=False),
    Column("is_archived", Boolean(name="is_archived"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "name", name="uq_prompt_repos_name"),
)

# What the API calls a prompt's tags; those of commits are in `prompt_tags`.
prompt_labels = Table(
    "prompt_labels",
    metadata,
    Column("repo_id", Guid(), ForeignKey("prompt_repos.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("label", Text, nullable=False),
)

prompt_commits = Table(
    "prompt_commits",
    metadata,
    Column("id", Guid(), primary_key=True),
    Column("repo_id", Guid(), ForeignKey("prompt_repos.id"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    Column("manifest_id", Guid(), nullable=False),  # equal manifests have equal ones
    Column("manifest", LargeBinary, nullable=False),  # JSON, packed
    Column("example_run_ids", Text, nullable=False),  # JSON
    Column("pulls", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("repo_id", "number", name="uq_prompt_commits_number"),
    UniqueConstraint("repo_id", "hash", name="uq_prompt_commits_hash"),
)

prompt_tags = Table(
    "prompt_tags",
    metadata,
    Column("id", Guid(), primary_key=True),
    Column("repo_id", Guid(), ForeignKey("prompt_repos.id"), nullable=False),
    Column("commit_id", Guid(), ForeignKey("prompt_commits.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("repo_id", "name", name="uq_prompt_tags_name"),
)

# A key stands for its workspace, so workspaces are who likes.
prompt_likes = Table(
    "prompt_likes",
    metadata,
    Column("repo_id", Guid(), ForeignKey("prompt_repos.id"), primary_key=True),
    Column("workspace_id", Guid(), ForeignKey("workspaces.id"), primary_key=True),
)
