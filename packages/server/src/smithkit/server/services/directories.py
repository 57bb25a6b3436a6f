"""The content of agents and skills: directories, each commit a whole one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from smithkit.server.domain.directories import change_entries, read_entries, write_entries
from smithkit.server.domain.prompt_names import LATEST, OWN
from smithkit.server.errors import ApiError, not_found, unprocessable
from smithkit.server.services.commits import render_commit, stale
from smithkit.server.store import CommitSelection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smithkit.server.domain.directories import Entries
    from smithkit.server.domain.manifests import Manifest
    from smithkit.server.domain.runs import Row
    from smithkit.server.services.commits import CommitService
    from smithkit.server.services.prompts import PromptService
    from smithkit.server.store import Store

__all__ = ["DirectoryService"]

_ATTEMPTS = 5  # while others commit to the same directory


class DirectoryService:
    """Reads and writes the directories of agents and skills.

    Args:
        store: Where they lie.
        prompts: Knows who may see and change a repository.
        commits: Finds and adds commits.
    """

    def __init__(self, store: Store, prompts: PromptService, commits: CommitService) -> None:
        self._store = store.prompts
        self._prompts = prompts
        self._commits = commits

    async def read(self, owner: str, name: str, kind: str | None, commit: str | None) -> dict[str, Any]:
        """Read a directory, and count that.

        Args:
            owner: Handle of the repository's owner, or ``-``.
            name: The repository's name.
            kind: ``agent`` or ``skill``; None takes either.
            commit: ``latest``, a tag, a hash or the beginning of one; None for the newest.

        Returns:
            ``commit_id``, ``commit_hash`` and ``files``. A link without a commit means the newest one.

        Raises:
            ApiError: 404; 422, several hashes begin so.
        """
        repo = await self._seen(owner, name, kind)
        row = await self._commits.resolve(repo, commit or LATEST)
        files = await self._entries(row)
        await self._store.count_pull(row["id"])
        return {
            "owner": repo["owner"],
            "repo": repo["name"],
            "commit_id": row["id"],
            "commit_hash": row["hash"],
            "files": files,
        }

    async def commit(
        self, owner: str, name: str, changes: Mapping[str, dict[str, Any] | None], parent: str | None
    ) -> dict[str, Any]:
        """Commit changes of a directory on top of its newest commit. Where nothing changes, that one stands.

        Args:
            owner: Handle of the repository's owner, or ``-``.
            name: The repository's name.
            changes: Path → what is there from now on, or None for nothing.
            parent: The beginning of the hash of what the client takes for the newest commit; None takes any.

        Returns:
            The commit as the API shows it.

        Raises:
            ApiError: 403, the repository is another workspace's; 404; 409, the parent is not the newest commit;
                422, the directory cannot be like this, or a link leads nowhere.
        """
        repo = await self._owned(owner, name)
        pinned = {path: await self._pin(owner, path, entry) for path, entry in changes.items()}
        for _ in range(_ATTEMPTS):
            newest = await self._commits.newest(repo)
            if parent is not None and (newest is None or not newest["hash"].startswith(parent.lower())):
                raise stale(newest)
            content = await run_in_threadpool(_changed, await self._entries(newest), pinned)
            if newest is not None and newest["manifest_id"] == content.id:
                return {"commit": render_commit(newest)}
            row = await self._commits.append(repo, newest, content)
            if row is not None:
                return {"commit": render_commit(row)}
        raise stale(None)

    async def delete(self, owner: str, name: str) -> None:
        """Remove an agent or a skill with all its commits.

        Raises:
            ApiError: 403, it is another workspace's; 404.
        """
        await self._owned(owner, name)
        await self._prompts.delete(owner, name)

    async def _seen(self, owner: str, name: str, kind: str | None) -> Row:
        row = await self._prompts.look_up(owner, name)
        if row is None or row["repo_type"] == "prompt" or kind not in {None, row["repo_type"]}:
            raise _missing(owner, name, kind)
        return row

    async def _owned(self, owner: str, name: str) -> Row:
        repo = await self._prompts.owned(owner, name)
        if repo["repo_type"] == "prompt":
            raise _missing(owner, name, None)
        return repo

    async def _entries(self, commit: Row | None) -> Entries:
        content = None if commit is None else await self._store.read_manifest(commit["id"])
        return {} if content is None else await run_in_threadpool(read_entries, content)

    async def _pin(self, owner: str, path: str, entry: dict[str, Any] | None) -> dict[str, Any] | None:
        """Check that a link leads somewhere, and write the commit that it names in full."""
        if entry is None or entry["type"] == "file":
            return entry
        target = entry["owner"] or owner
        repo = await self._prompts.look_up(target, entry["repo_handle"])
        if repo is None or repo["repo_type"] != entry["type"]:
            raise unprocessable(f"files.{path}: there is no {entry['type']} {target}/{entry['repo_handle']}")
        link = {**entry, "owner": None if target == OWN else target, "commit_id": None, "commit_hash": None}
        if entry["commit_id"] is None and entry["commit_hash"] is None:
            return link
        named = CommitSelection(id=entry["commit_id"], prefix=entry["commit_hash"], limit=1)
        found = await self._store.find_commits(repo["id"], named)
        if not found:
            raise unprocessable(f"files.{path}: {target}/{entry['repo_handle']} has no such commit")
        return {**link, "commit_id": str(found[0]["id"]), "commit_hash": found[0]["hash"]}


def _changed(entries: Entries, changes: Mapping[str, dict[str, Any] | None]) -> Manifest:
    try:
        return write_entries(change_entries(entries, changes))
    except ValueError as error:
        raise unprocessable(f"files: {error}") from error


def _missing(owner: str, name: str, kind: str | None) -> ApiError:
    return not_found(f"{(kind or 'agent or skill').capitalize()} {f'{owner}/{name}'!r:.300}")
