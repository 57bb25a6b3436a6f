"""The content of prompts: commits, each on top of the one before, and tags that name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from smithkit.server.domain.manifests import hash_commit, read_manifest, without_model
from smithkit.server.domain.prompt_names import HASH_PREFIX, LATEST, OWN, is_name
from smithkit.server.domain.times import format_time
from smithkit.server.errors import ApiError, bad_request, conflict, not_found, unprocessable
from smithkit.server.store import CommitSelection, NewCommit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smithkit.server.domain.manifests import Manifest
    from smithkit.server.domain.runs import Row
    from smithkit.server.services.prompts import PromptService
    from smithkit.server.services.runs import RunService
    from smithkit.server.store import Store

__all__ = ["CommitService", "render_commit", "stale"]

_HASH_LENGTH = 64
_SHORT = 8
_OF_EXAMPLE = ("id", "session_id", "start_time", "inputs", "outputs")


class CommitService:
    """Reads and writes the commits of prompts, and their tags.

    Args:
        store: Where they lie.
        prompts: Knows who may see and change a prompt.
        runs: Reads the runs that a commit gives as examples.
    """

    def __init__(self, store: Store, prompts: PromptService, runs: RunService) -> None:
        self._store = store.prompts
        self._prompts = prompts
        self._runs = runs

    async def create(
        self, owner: str, name: str, manifest: Any, parent: str | None, examples: Sequence[UUID]
    ) -> dict[str, Any]:
        """Commit a manifest on top of the newest commit.

        Args:
            owner: Handle of the prompt's owner, or ``-``.
            name: The prompt's name.
            manifest: Parsed JSON.
            parent: What the client takes for the newest commit; None for a first one.
            examples: Runs that show the prompt in use.

        Returns:
            The commit as the API shows it.

        Raises:
            ApiError: 400, the manifest is not a prompt; 403, the prompt is another workspace's; 404; 409, the
                parent is not the newest commit, or has the same manifest, or it is no prompt.
        """
        repo = _prompt(await self._prompts.owned(owner, name))
        try:
            content = read_manifest(manifest)
        except ValueError as error:
            raise bad_request(str(error)) from error
        base = None if parent is None else await self.resolve(repo, parent)
        newest = await self.newest(repo)
        if newest is not None and (base is None or base["id"] != newest["id"]):
            raise stale(newest)
        if newest is not None and newest["manifest_id"] == content.id:
            raise conflict(f"Nothing to commit: the latest commit, {_short(newest)}, has the same manifest")
        row = await self.append(repo, newest, content, examples)
        if row is None:
            raise stale(None)
        return {"commit": render_commit(row)}

    async def append(
        self, repo: Row, newest: Row | None, content: Manifest, examples: Sequence[UUID] = ()
    ) -> Row | None:
        """Add a commit.

        Args:
            repo: The prompt's record.
            newest: The commit that it stands on; None for a first one.
            content: Its manifest.
            examples: Runs that show the prompt in use.

        Returns:
            Its record; None if there is a newer commit meanwhile.
        """
        commit = NewCommit(
            parent_id=newest["id"] if newest else None,
            hash=hash_commit(content, newest["hash"] if newest else None),
            manifest_id=content.id,
            manifest=content.content,
            example_run_ids=orjson.dumps(examples).decode(),
        )
        return await self._store.add_commit(repo["id"], commit)

    async def find(self, owner: str, name: str, selection: CommitSelection) -> dict[str, Any]:
        """Read a page of a prompt's commits, newest first.

        Returns:
            ``commits``, and the number of all as ``total``.

        Raises:
            ApiError: 404.
        """
        repo = await self._prompts.seen(owner, name)
        rows = await self._store.find_commits(repo["id"], selection)
        return {"commits": [render_commit(row) for row in rows], "total": repo["num_commits"]}

    async def pull(self, owner: str, name: str, commit: str, *, include_model: bool) -> dict[str, Any]:
        """Read one commit with its manifest, and count that.

        Args:
            owner: Handle of the prompt's owner, or ``-``.
            name: The prompt's name.
            commit: ``latest``, a tag, a hash or the beginning of one.
            include_model: Whether the manifest keeps the model behind the prompt.

        Returns:
            ``commit_hash``, ``manifest`` and ``examples``.

        Raises:
            ApiError: 404; 409, it is no prompt; 422, several hashes begin so.
        """
        repo = _prompt(await self._prompts.seen(owner, name))
        row = await self.resolve(repo, commit)
        manifest = await self._store.read_manifest(row["id"])
        if manifest is None:
            raise _no_commit(commit)
        await self._store.count_pull(row["id"])
        examples = [UUID(run_id) for run_id in orjson.loads(row["example_run_ids"])]
        return {
            "commit_hash": row["hash"],
            "manifest": orjson.Fragment(manifest if include_model else without_model(manifest)),
            "examples": await self._runs.find(examples, _OF_EXAMPLE) if examples else [],
        }

    async def tag(self, owner: str, name: str, tag: str, commit_id: UUID) -> dict[str, Any]:
        """Give a commit a tag. One that another commit has moves.

        Returns:
            The tag as the API shows it.

        Raises:
            ApiError: 403, the prompt is another workspace's; 404.
        """
        repo = await self._prompts.owned(owner, name)
        row = await self._store.set_tag(repo["id"], tag, commit_id)
        if row is None:
            raise _no_commit(str(commit_id))
        return _render_tag(row)

    async def move_tag(self, owner: str, name: str, tag: str, commit_id: UUID) -> dict[str, Any]:
        """Give a tag that is there to another commit; see `tag`."""
        await self.read_tag(owner, name, tag)
        return await self.tag(owner, name, tag, commit_id)

    async def find_tags(self, owner: str, name: str) -> list[dict[str, Any]]:
        """Read the tags of a prompt's commits, by name.

        Raises:
            ApiError: 404.
        """
        repo = await self._prompts.seen(owner, name)
        return [_render_tag(row) for row in await self._store.find_tags(repo["id"])]

    async def read_tag(self, owner: str, name: str, tag: str) -> dict[str, Any]:
        """Read one tag.

        Raises:
            ApiError: 404.
        """
        repo = await self._prompts.seen(owner, name)
        found = await self._store.find_tags(repo["id"], tag) if is_name(tag) else []
        if not found:
            raise _no_tag(tag)
        return _render_tag(found[0])

    async def delete_tag(self, owner: str, name: str, tag: str) -> None:
        """Remove a tag; the commit stays.

        Raises:
            ApiError: 403, the prompt is another workspace's; 404.
        """
        repo = await self._prompts.owned(owner, name)
        if not is_name(tag) or not await self._store.delete_tag(repo["id"], tag):
            raise _no_tag(tag)

    async def newest(self, repo: Row) -> Row | None:
        """Give the record of the newest commit; None if there are none."""
        return next(iter(await self._store.find_commits(repo["id"], CommitSelection(limit=1))), None)

    async def resolve(self, repo: Row, text: str) -> Row:
        """Find the commit that a text means: a whole hash before a tag, a tag before the start of a hash.

        Raises:
            ApiError: 404; 422, several hashes begin so.
        """
        if text == LATEST:
            found = await self.newest(repo)
            if found is None:
                raise ApiError(404, "The prompt has no commits yet")
            return found
        selections = []
        prefix = text.lower() if HASH_PREFIX.fullmatch(text.lower()) else None
        if is_name(text) and len(prefix or "") < _HASH_LENGTH:
            selections.append(CommitSelection(tag=text, limit=1))
        if prefix is not None:
            selections.append(CommitSelection(prefix=prefix, limit=2))
        for selection in selections:
            rows = await self._store.find_commits(repo["id"], selection)
            if len(rows) > 1:
                raise unprocessable(f"commit: several hashes begin with {text!r}; give more of it")
            if rows:
                return rows[0]
        raise _no_commit(text)


def _prompt(repo: Row) -> Row:
    if repo["repo_type"] != "prompt":
        path = f"/v1/platform/hub/repos/{repo['owner'] or OWN}/{repo['name']}/directories"
        raise conflict(f"{repo['name']} is no prompt, it has the type {repo['repo_type']!r}: see {path}")
    return repo


def _no_commit(text: str) -> ApiError:
    return not_found(f"Commit {text!r:.100}")


def _no_tag(text: str) -> ApiError:
    return not_found(f"Tag {text!r:.100}")


def stale(newest: Row | None) -> ApiError:
    """Give the error for a commit on top of another one than the newest."""
    known = "" if newest is None else f", {_short(newest)},"
    return conflict(
        f"parent_commit: is not the latest commit{known} any more: pull that and commit on top of it"
    )


def _short(row: Row) -> str:
    return str(row["hash"][:_SHORT])


def render_commit(row: Row) -> dict[str, Any]:
    """Write a commit as the API shows it."""
    created = format_time(row["created_at"])
    return {
        "id": row["id"],
        "manifest_id": row["manifest_id"],
        "repo_id": row["repo_id"],
        "parent_id": row["parent_id"],
        "commit_hash": row["hash"],
        "created_at": created,
        "updated_at": created,
        "example_run_ids": orjson.Fragment(row["example_run_ids"]),
        "num_downloads": row["pulls"],
        "num_views": row["pulls"],
        "parent_commit_hash": row["parent_hash"],
    }


def _render_tag(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "repo_id": row["repo_id"],
        "commit_id": row["commit_id"],
        "commit_hash": row["commit_hash"],
        "tag_name": row["name"],
        "created_at": format_time(row["created_at"]),
        "updated_at": format_time(row["updated_at"]),
    }
