"""The store of prompts in an SQL database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.store import read_prompts, write_prompts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.access import Access
    from smithkit.server.store.prompt_protocol import CommitSelection, NewCommit, RepoSelection

__all__ = ["SqlPrompts"]


class SqlPrompts:
    """Fulfils `PromptStore`.

    Args:
        access: The database, for the workspace that asks.
    """

    def __init__(self, access: Access) -> None:
        self._read = access.read
        self._write = access.write
        self._workspace_id = access.workspace_id

    async def create_repo(self, values: Row, labels: Sequence[str]) -> Row | None:
        """Make a prompt; `values` may leave columns out."""
        workspace_id = self._workspace_id
        return await self._write(
            lambda connection: write_prompts.insert_repo(connection, workspace_id, values, labels)
        )

    async def read_repo(self, owner: str | None, name: str) -> Row | None:
        """Read a prompt that the workspace may see."""
        return await self._read(read_prompts.read_repo, self._workspace_id, owner, name)

    async def find_repos(self, selection: RepoSelection) -> tuple[list[Row], int]:
        """Read a page of prompts."""
        return await self._read(read_prompts.select_repos, selection, self._workspace_id)

    async def update_repo(self, repo_id: UUID, values: Row, labels: Sequence[str] | None) -> Row | None:
        """Change a prompt."""
        workspace_id = self._workspace_id
        return await self._write(
            lambda connection: write_prompts.update_repo(connection, workspace_id, repo_id, values, labels)
        )

    async def delete_repo(self, repo_id: UUID) -> bool:
        """Remove a prompt."""
        return await self._write(lambda connection: write_prompts.delete_repo(connection, repo_id))

    async def like(self, repo_id: UUID, *, like: bool) -> int | None:
        """Note whether the workspace likes a prompt."""
        workspace_id = self._workspace_id
        return await self._write(
            lambda connection: write_prompts.change_like(connection, workspace_id, repo_id, like=like)
        )

    async def add_commit(self, repo_id: UUID, commit: NewCommit) -> Row | None:
        """Store a commit."""
        return await self._write(lambda connection: write_prompts.insert_commit(connection, repo_id, commit))

    async def find_commits(self, repo_id: UUID, selection: CommitSelection) -> list[Row]:
        """Read commits."""
        return await self._read(read_prompts.select_commits, repo_id, selection)

    async def read_manifest(self, commit_id: UUID) -> bytes | None:
        """Read a commit's manifest."""
        return await self._read(read_prompts.read_manifest, commit_id)

    async def count_pull(self, commit_id: UUID) -> None:
        """Count that a commit was read."""
        await self._write(lambda connection: write_prompts.count_pull(connection, commit_id))

    async def set_tag(self, repo_id: UUID, name: str, commit_id: UUID) -> Row | None:
        """Give a commit a tag."""
        return await self._write(
            lambda connection: write_prompts.set_tag(connection, repo_id, name, commit_id)
        )

    async def find_tags(self, repo_id: UUID, name: str | None = None) -> list[Row]:
        """Read the tags of a prompt's commits."""
        return await self._read(read_prompts.select_tags, repo_id, name)

    async def delete_tag(self, repo_id: UUID, name: str) -> bool:
        """Remove a tag."""
        return await self._write(lambda connection: write_prompts.delete_tag(connection, repo_id, name))
