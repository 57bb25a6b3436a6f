"""What the services ask of a store about prompts and their commits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from smithkit.server.domain.runs import Row

__all__ = ["CommitSelection", "NewCommit", "PromptStore", "RepoSelection", "RepoType", "SortField"]

RepoType = Literal["prompt", "agent", "skill"]
"""What a repository holds: manifests of prompts, or the directory of an agent or a skill."""

SortField = Literal["updated_at", "num_likes", "num_downloads", "num_views"]


@dataclass(slots=True)
class RepoSelection:
    """Which prompts, of those that the workspace may see: its own and public ones. None does not restrict.

    Attributes:
        query: Text in the name, the full name or the description.
        match_prefix: That text begins them.
        repo_type: What they hold.
        is_public: Public ones alone, or private ones.
        is_archived: Archived ones alone, or those in use.
        labels: Prompts with all of these.
        sort_field: What to sort by.
        ascending: Least first; by default most, or newest, first.
        limit: Prompts at most.
        offset: Prompts to pass over.
    """

    query: str | None = None
    match_prefix: bool = False
    repo_type: RepoType | None = None
    is_public: bool | None = None
    is_archived: bool | None = None
    labels: Collection[str] = ()
    sort_field: SortField = "updated_at"
    ascending: bool = False
    limit: int = 100
    offset: int = 0


@dataclass(slots=True)
class CommitSelection:
    """Which commits of a prompt, newest first. What is None does not restrict."""

    id: UUID | None = None
    prefix: str | None = None
    tag: str | None = None
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit to store.

    Attributes:
        parent_id: The commit that has to be the newest one still; None: there has to be none.
        hash: Its hash.
        manifest_id: What manifests that are equal share.
        manifest: JSON.
        example_run_ids: JSON.
    """

    parent_id: UUID | None
    hash: str
    manifest_id: UUID
    manifest: bytes
    example_run_ids: str


class PromptStore(Protocol):
    """Durable storage of prompts. Rows are mappings of the column names in `store.prompt_tables`.

    Those of prompts have `owner`, `labels`, `num_commits`, `num_likes`, `liked`, `pulls` and
    `last_commit_hash` too; those of commits `parent_id` and `parent_hash`, and not the manifest.
    """

    async def create_repo(self, values: Row, labels: Sequence[str]) -> Row | None:
        """Make a prompt of the workspace; None if it has one of that name."""
        ...

    async def read_repo(self, owner: str | None, name: str) -> Row | None:
        """Read a prompt that the workspace may see; the owner is a handle, None for the workspace."""
        ...

    async def find_repos(self, selection: RepoSelection) -> tuple[list[Row], int]:
        """Read a page of prompts, and how many there are in all."""
        ...

    async def update_repo(self, repo_id: UUID, values: Row, labels: Sequence[str] | None) -> Row | None:
        """Change a prompt, its labels if they are given; None if there is none."""
        ...

    async def delete_repo(self, repo_id: UUID) -> bool:
        """Remove a prompt with all that belongs to it; False if there is none."""
        ...

    async def like(self, repo_id: UUID, *, like: bool) -> int | None:
        """Note whether the workspace likes a prompt, and give its likes; None if there is none."""
        ...

    async def add_commit(self, repo_id: UUID, commit: NewCommit) -> Row | None:
        """Store a commit; None if the prompt is gone or its newest commit is not the parent."""
        ...

    async def find_commits(self, repo_id: UUID, selection: CommitSelection) -> list[Row]:
        """Read commits, newest first."""
        ...

    async def read_manifest(self, commit_id: UUID) -> bytes | None:
        """Read a commit's manifest, as JSON; None if there is no such commit."""
        ...

    async def count_pull(self, commit_id: UUID) -> None:
        """Count that a commit was read."""
        ...

    async def set_tag(self, repo_id: UUID, name: str, commit_id: UUID) -> Row | None:
        """Give a commit a tag, taking it from another one; None if the prompt has no such commit."""
        ...

    async def find_tags(self, repo_id: UUID, name: str | None = None) -> list[Row]:
        """Read the tags of a prompt's commits, or one of them, by name; each with `commit_hash`."""
        ...

    async def delete_tag(self, repo_id: UUID, name: str) -> bool:
        """Remove a tag; False if there is none."""
        ...
