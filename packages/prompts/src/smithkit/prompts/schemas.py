"""Schemas of prompts and their commits.

Models of the server's answers keep fields that they do not know (``extra="allow"``): a newer server
never breaks an older client.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic evaluates the annotation
from enum import StrEnum
from typing import Any
from uuid import UUID  # noqa: TC003 - pydantic evaluates the annotation

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ListPromptsResponse", "ListedPromptCommit", "Prompt", "PromptCommit", "PromptSortField"]


class PromptSortField(StrEnum):
    """What a list of prompts can be sorted by.

    Attributes:
        num_downloads: How often it was pulled.
        num_views: How often its page was seen.
        updated_at: When it was last changed.
        num_likes: How many people like it.
    """

    num_downloads = "num_downloads"
    num_views = "num_views"
    updated_at = "updated_at"
    num_likes = "num_likes"


class Prompt(BaseModel):
    """A prompt: a named line of commits.

    Attributes:
        repo_handle: Its name, without the owner.
        description: A text for people.
        readme: A longer text, in Markdown.
        id: Its id.
        tenant_id: Id of the workspace that it belongs to.
        created_at: When it was made.
        updated_at: When it was last changed.
        is_public: Whether everybody can see it.
        is_archived: Whether it is archived.
        tags: Its tags.
        original_repo_id: Id of the first prompt of its line of copies.
        upstream_repo_id: Id of the prompt that it is a copy of.
        owner: Handle of its owner; None in a workspace without a handle.
        full_name: Owner and name, with a slash between.
        num_likes: How many people like it.
        num_downloads: How often it was pulled.
        num_views: How often its page was seen.
        liked_by_auth_user: Whether the key's user likes it.
        last_commit_hash: Hash of its latest commit.
        num_commits: How many commits it has.
        original_repo_full_name: Full name of `original_repo_id`.
        upstream_repo_full_name: Full name of `upstream_repo_id`.
    """

    model_config = ConfigDict(extra="allow")

    repo_handle: str
    description: str | None = None
    readme: str | None = None
    id: str
    tenant_id: str
    created_at: datetime
    updated_at: datetime
    is_public: bool
    is_archived: bool
    tags: list[str]
    original_repo_id: str | None = None
    upstream_repo_id: str | None = None
    owner: str | None
    full_name: str
    num_likes: int
    num_downloads: int
    num_views: int
    liked_by_auth_user: bool | None = None
    last_commit_hash: str | None = None
    num_commits: int
    original_repo_full_name: str | None = None
    upstream_repo_full_name: str | None = None


class ListPromptsResponse(BaseModel):
    """Prompts of a list.

    Attributes:
        repos: The prompts.
        total: How many there are in all.
    """

    model_config = ConfigDict(extra="allow")

    repos: list[Prompt]
    total: int


class PromptCommit(BaseModel):
    """One version of a prompt, with its content.

    Attributes:
        owner: Handle of its owner; ``-`` for the own workspace.
        repo: Name of the prompt.
        commit_hash: Its hash.
        manifest: The prompt's content, as LangChain serialises it.
        examples: Example runs.
    """

    model_config = ConfigDict(extra="allow")

    owner: str
    repo: str
    commit_hash: str
    manifest: dict[str, Any]
    examples: list[dict[str, Any]]


class ListedPromptCommit(BaseModel):
    """One version of a prompt as it stands in the list of its commits, without its content.

    Attributes:
        id: Its id.
        owner: Handle of its owner; ``-`` for the own workspace.
        repo: Name of the prompt.
        manifest_id: Id of its content.
        repo_id: Id of the prompt.
        parent_id: Id of the commit before.
        commit_hash: Its hash.
        created_at: When it was made.
        updated_at: When it was last changed.
        example_run_ids: Ids of example runs.
        num_downloads: How often it was pulled.
        num_views: How often its page was seen.
        parent_commit_hash: Hash of the commit before.
    """

    model_config = ConfigDict(extra="allow")

    id: UUID
    owner: str
    repo: str
    manifest_id: UUID | None = None
    repo_id: UUID | None = None
    parent_id: UUID | None = None
    commit_hash: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    example_run_ids: list[UUID] | None = Field(default_factory=list)
    num_downloads: int | None = 0
    num_views: int | None = 0
    parent_commit_hash: str | None = None
