"""Client methods of commits: their list, and new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.answers import parse
from smithkit.config import host_url
from smithkit.errors import (
    LangSmithConflictError,
    LangSmithNotFoundError,
    LangSmithResponseError,
    LangSmithUserError,
)
from smithkit.operations import Flow, Methods, Page, PageFlow, Request, operation, paginated, without_secrets
from smithkit.paging import PAGE_SIZE, check_limit
from smithkit.prompts._methods._answers import flag, json_object
from smithkit.prompts.errors import StaleParentError
from smithkit.prompts.identifiers import OWN_WORKSPACE, PromptIdentifier, parse_identifier
from smithkit.workspace import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smithkit.operations import Response
    from smithkit.prompts.schemas import ListedPromptCommit

__all__ = ["AsyncCommitMethods", "CommitMethods"]

_LATEST = "latest"
_SHORT = 8


class CommitMethods(Methods):
    """Commits: the methods of `Client`."""

    @paginated
    def list_prompt_commits(
        self,
        prompt_identifier: str,
        *,
        limit: int | None = None,
        offset: int = 0,
        include_model: bool = False,
    ) -> PageFlow[ListedPromptCommit]:
        """List a prompt's commits, newest first, without their content.

        Args:
            prompt_identifier: ``name`` or ``owner/name``.
            limit: Most commits to give; None for all.
            offset: Commits to leave out at the start.
            include_model: Whether to tell the model that goes with each commit.

        Yields:
            Commits, fetched a page of at most 100 at a time when they are asked for.

        Raises:
            ValueError: The identifier names no prompt.
            LangSmithUserError: `limit` or `offset` is negative.
            LangSmithNotFoundError: There is no such prompt.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> [commit.commit_hash for commit in client.list_prompt_commits("greet")]  # doctest: +SKIP

        ``GET /commits/{owner}/{name}``
        """
        from smithkit.prompts.schemas import ListedPromptCommit

        identifier = parse_identifier(prompt_identifier)
        check_limit(limit)
        check_limit(offset, "offset")
        size = None if limit is None else min(limit, PAGE_SIZE)
        named = {"owner": identifier.owner, "repo": identifier.name}
        left = limit
        while left is None or left > 0:
            params = {
                "limit": size,
                "offset": offset,
                "include_model": self._include_model(include=include_model),
            }
            response = yield Request("GET", self._commits_path(identifier), params=params)
            commits, total = _listed(response)
            if commits:
                yield Page([parse(ListedPromptCommit, {**named, **row}) for row in commits[:left]])
            offset += len(commits)
            if not commits or offset >= total:
                return
            if left is not None:
                left -= len(commits)

    @operation
    def create_commit(
        self,
        prompt_identifier: str,
        object: Any,  # noqa: A002 - the API's own signature
        *,
        parent_commit_hash: str | None = None,
        tags: str | Sequence[str] | None = None,
    ) -> Flow[str]:
        """Add a commit to a prompt.

        Args:
            prompt_identifier: ``name`` or ``owner/name`` of a prompt that there is.
            object: Its content: a `smithkit.prompts.Prompt`, a prompt template of LangChain, or a manifest.
            parent_commit_hash: Hash of the commit that it follows; None or ``latest`` for the newest.
            tags: Tags to put on it, such as ``prod``; they leave the commits that had them.

        Returns:
            The URL of the commit's page.

        Raises:
            ValueError: The identifier names no prompt.
            ManifestError: The object can not be written as a manifest.
            LangSmithNotFoundError: There is no such prompt.
            StaleParentError: The parent is not the newest commit any more.
            LangSmithConflictError: The newest commit has the same content.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> from smithkit.prompts import ChatPrompt
            >>> prompt = ChatPrompt([("system", "You are {mood}."), ("human", "{question}")])
            >>> client.create_commit("greet", prompt, tags="prod")  # doctest: +SKIP

        ``GET /repos/{owner}/{name}``, ``GET`` and ``POST /commits/{owner}/{name}``, for each tag
        ``POST /repos/{owner}/{name}/tags``, ``GET /settings`` once a client
        """
        from smithkit.prompts._manifests import manifest_of

        identifier = parse_identifier(prompt_identifier)
        manifest = manifest_of(object)
        names = _tag_names(tags)
        yield from _insist(identifier)
        parent = parent_commit_hash
        if parent is None or parent == _LATEST:
            parent = yield from self._latest_hash(identifier)
        commit = yield from _commit(identifier, manifest, parent)
        for name in names:
            body = {"tag_name": name, "commit_id": commit.get("id")}
            yield Request("POST", f"/repos/{identifier.path}/tags", json=body)
        return (yield from self._commit_url(identifier, str(commit.get("commit_hash"))))

    def _latest_hash(self, identifier: PromptIdentifier) -> Flow[str | None]:
        """Hash of the newest commit; None if there is none."""
        response = yield Request("GET", self._commits_path(identifier), params={"limit": 1, "offset": 0})
        commits, _ = _listed(response)
        return commits[0].get("commit_hash") if commits else None

    def _commit_url(self, identifier: PromptIdentifier, commit: str) -> Flow[str]:
        """The page of a commit: in the own workspace, or in the hub."""
        workspace = yield from settings(self)
        host = host_url(self.config)
        if identifier.owner in (OWN_WORKSPACE, workspace.tenant_handle):
            return f"{host}/prompts/{identifier.name}/{commit[:_SHORT]}?organizationId={workspace.id}"
        return f"{host}/hub/{identifier.owner}/{identifier.name}:{commit[:_SHORT]}"

    def _commits_path(self, identifier: PromptIdentifier) -> str:
        return f"/commits/{identifier.path}"

    def _include_model(self, *, include: bool) -> bool | str:
        """How the list of commits is asked for models."""
        return include


class AsyncCommitMethods(CommitMethods):
    """Commits: the methods of `AsyncClient`. Paths of lists end in a slash, and truth is lower case."""

    def _commits_path(self, identifier: PromptIdentifier) -> str:
        return f"/commits/{identifier.path}/"

    def _include_model(self, *, include: bool) -> bool | str:
        return flag(include)


def _insist(identifier: PromptIdentifier) -> Flow[None]:
    """Insist that there is a prompt."""
    try:
        yield Request("GET", f"/repos/{identifier.path}")
    except LangSmithNotFoundError as error:
        raise LangSmithNotFoundError(
            f"There is no prompt {identifier.owner}/{identifier.name}, or this key may not see it. push_prompt "
            f"makes one; create_prompt makes one without content.",
            status_code=error.status_code,
        ) from error


def _commit(identifier: PromptIdentifier, manifest: Any, parent: str | None) -> Flow[dict[str, Any]]:
    body = {"parent_commit": parent, "manifest": manifest}
    try:
        # Not `_commits_path`: what is posted goes to one path on both clients.
        response = yield Request("POST", f"/commits/{identifier.path}", json=body)
    except LangSmithConflictError as error:
        if "nothing to commit" in str(error).lower():
            raise
        raise StaleParentError(
            f"The server took no commit of {identifier.owner}/{identifier.name} on top of {parent or 'nothing'}: "
            f"another one came between. Pull it, and commit on top of it. {error}",
            status_code=error.status_code,
        ) from error
    commit = json_object(response).get("commit")
    if not isinstance(commit, dict) or not isinstance(commit.get("commit_hash"), str):
        raise LangSmithResponseError(
            f"The server answered without the hash of the commit to {identifier.owner}/{identifier.name}."
        )
    return commit


def _tag_names(tags: str | Sequence[str] | None) -> list[str]:
    names = [tags] if isinstance(tags, str) else list(tags or ())
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise LangSmithUserError(f"A tag of a commit is a text that is not blank, not {name!r:.80}.")
    return names


def _listed(response: Response) -> tuple[list[dict[str, Any]], int]:
    """The commits of a page, and how many there are in all."""
    body = json_object(response)
    commits, total = body.get("commits"), body.get("total")
    if not isinstance(commits, list) or not isinstance(total, int):
        raise LangSmithResponseError(
            f"{without_secrets(response.url)} answered without `commits` and `total`.",
            status_code=response.status_code,
        )
    return commits, total
