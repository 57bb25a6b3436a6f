"""Prompts: what is said about them. Their content is in `services.commits`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.server.domain.prompt_names import OWN, is_name
from smithkit.server.domain.times import format_time
from smithkit.server.errors import ApiError, conflict, not_found, unprocessable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smithkit.server.domain.runs import Row
    from smithkit.server.store import RepoSelection, Store

__all__ = ["PromptService"]


class PromptService:
    """Reads and writes prompts.

    A workspace sees its own prompts and the public ones of others, and changes its own alone. What it must
    not see it is told to be missing.

    Args:
        store: Where they lie.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, values: Row, labels: Sequence[str]) -> dict[str, Any]:
        """Make a prompt without commits.

        Args:
            values: Columns given by the client.
            labels: What the API calls its tags.

        Returns:
            The prompt as the API shows it.

        Raises:
            ApiError: 409, there is one of that name; 422, it is to be public and the workspace has no handle.
        """
        await self._check_public(values)
        row = await self._store.prompts.create_repo(values, labels)
        if row is None:
            raise conflict(f"repo_handle: a prompt named {values['name']!r} already exists")
        return _render(row)

    async def find(self, selection: RepoSelection) -> dict[str, Any]:
        """Read a page of the prompts that the workspace may see.

        Returns:
            ``repos``, and their number without the limit as ``total``.
        """
        rows, total = await self._store.prompts.find_repos(selection)
        return {"repos": [_render(row) for row in rows], "total": total}

    async def read(self, owner: str, name: str) -> dict[str, Any]:
        """Read one prompt.

        Raises:
            ApiError: 404.
        """
        return _render(await self.seen(owner, name))

    async def update(
        self, owner: str, name: str, values: Row, labels: Sequence[str] | None
    ) -> dict[str, Any]:
        """Change what is said about a prompt.

        Args:
            owner: Handle of its owner, or ``-``.
            name: Its name.
            values: Columns to change.
            labels: What the API calls its tags, if they change.

        Returns:
            The prompt as the API shows it.

        Raises:
            ApiError: 403, it is another workspace's; 404; 422, as for `create`.
        """
        repo = await self.owned(owner, name)
        await self._check_public(values)
        row = await self._store.prompts.update_repo(repo["id"], values, labels)
        if row is None:
            raise _missing(owner, name)
        return _render(row)

    async def delete(self, owner: str, name: str) -> None:
        """Remove a prompt, its commits and its likes.

        Raises:
            ApiError: 403, it is another workspace's; 404.
        """
        repo = await self.owned(owner, name)
        if not await self._store.prompts.delete_repo(repo["id"]):
            raise _missing(owner, name)

    async def like(self, owner: str, name: str, *, like: bool) -> dict[str, int]:
        """Note whether the workspace likes a prompt; saying it twice changes nothing.

        Returns:
            How many like it.

        Raises:
            ApiError: 404.
        """
        repo = await self.seen(owner, name)
        likes = await self._store.prompts.like(repo["id"], like=like)
        if likes is None:
            raise _missing(owner, name)
        return {"likes": likes}

    async def seen(self, owner: str, name: str) -> Row:
        """Give the record of a prompt that the workspace may see.

        Raises:
            ApiError: 404.
        """
        row = await self.look_up(owner, name)
        if row is None:
            raise _missing(owner, name)
        return row

    async def look_up(self, owner: str, name: str) -> Row | None:
        """Give the record of a prompt that the workspace may see; None if there is none."""
        own = owner == OWN
        if not is_name(name) or not (own or is_name(owner)):
            return None
        return await self._store.prompts.read_repo(None if own else owner, name)

    async def owned(self, owner: str, name: str) -> Row:
        """Give the record of a prompt that the workspace may change.

        Raises:
            ApiError: 403, it is another workspace's; 404.
        """
        row = await self.seen(owner, name)
        if row["workspace_id"] != self._store.workspace.id:
            raise ApiError(
                403, f"The prompt {owner}/{name} belongs to another workspace: only that can change it"
            )
        return row

    async def _check_public(self, values: Row) -> None:
        if values.get("is_public") and (await self._store.read_settings())["handle"] is None:
            raise unprocessable("is_public: needs a handle of the workspace; POST /settings/handle sets it")


def _missing(owner: str, name: str) -> ApiError:
    """Give the error for a prompt that is not there, or must not be seen."""
    return not_found(f"Prompt {f'{owner}/{name}'!r:.300}")


def _render(row: Row) -> dict[str, Any]:
    owner = row["owner"]
    return {
        "repo_handle": row["name"],
        "repo_type": row["repo_type"],
        "description": row["description"],
        "readme": row["readme"],
        "id": row["id"],
        "tenant_id": row["workspace_id"],
        "created_at": format_time(row["created_at"]),
        "updated_at": format_time(row["updated_at"]),
        "is_public": row["is_public"],
        "is_archived": row["is_archived"],
        "tags": row["labels"],
        "original_repo_id": None,
        "upstream_repo_id": None,
        "owner": owner,
        "full_name": f"{owner or OWN}/{row['name']}",
        "num_likes": row["num_likes"],
        "num_downloads": row["pulls"],
        "num_views": row["pulls"],
        "liked_by_auth_user": row["liked"],
        "last_commit_hash": row["last_commit_hash"],
        "num_commits": row["num_commits"],
        "original_repo_full_name": None,
        "upstream_repo_full_name": None,
    }
