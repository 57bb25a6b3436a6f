"""Client methods of prompts and their commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from smithkit.answers import parse
from smithkit.errors import LangSmithNotFoundError, LangSmithResponseError, LangSmithUserError
from smithkit.operations import Flow, Methods, Page, PageFlow, Request, operation, paginated
from smithkit.paging import PAGE_SIZE, check_limit
from smithkit.prompts.identifiers import OWN_WORKSPACE, PromptIdentifier, parse_identifier
from smithkit.workspace import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smithkit.operations import Response
    from smithkit.prompts.schemas import (
        ListedPromptCommit,
        ListPromptsResponse,
        Prompt,
        PromptCommit,
        PromptSortField,
    )

__all__ = ["AsyncPromptMethods", "PromptMethods"]

_NO_HANDLE = (
    "A public prompt needs a handle of the workspace. Choose one in LangSmith's settings, under Prompts, or "
    "leave is_public out."
)


class PromptMethods(Methods):
    """Prompts: the methods of `Client`."""

    _prompts_path = "/repos"

    @operation
    def list_prompts(
        self,
        *,
        limit: int = 100,
        offset: int = 0,
        is_public: bool | None = None,
        is_archived: bool | None = False,
        sort_field: PromptSortField | str = "updated_at",
        sort_direction: Literal["desc", "asc"] = "desc",
        query: str | None = None,
    ) -> Flow[ListPromptsResponse]:
        """List prompts.

        Args:
            limit: Most prompts to give; more than 100 take several requests.
            offset: Prompts to leave out at the start.
            is_public: Only public ones, or only private ones; None for both.
            is_archived: Archived ones in place of those in use.
            sort_field: What to sort by: ``updated_at``, ``num_likes``, ``num_downloads``, ``num_views``.
            sort_direction: ``desc`` or ``asc``.
            query: Only those with this text at the start of their name or description.

        Returns:
            The prompts, and how many there are in all.

        Raises:
            LangSmithUserError: `limit` or `offset` is negative.
            LangSmithError: The server refused, or could not be asked.

        Example:
            >>> client.list_prompts(limit=5, query="greet").total  # doctest: +SKIP

        ``GET /repos``
        """
        from smithkit.prompts.schemas import ListPromptsResponse

        check_limit(limit)
        check_limit(offset, "offset")
        params = {
            "is_public": None if is_public is None else _flag(is_public),
            "is_archived": _flag(is_archived),
            "sort_field": sort_field,
            "sort_direction": sort_direction,
            "query": query,
            "match_prefix": None if query is None else "true",
        }
        repos: list[Prompt] = []
        while True:
            size = min(limit - len(repos), PAGE_SIZE)
            page = {"limit": size, "offset": offset + len(repos)}
            response = yield Request("GET", self._prompts_path, params={**params, **page})
            answer = parse(ListPromptsResponse, response.json())
            repos += answer.repos
            if len(answer.repos) < size or len(repos) >= limit:
                return answer.model_copy(update={"repos": repos})

    @operation
    def get_prompt(self, prompt_identifier: str) -> Flow[Prompt | None]:
        """Read a prompt, without its content.

        Args:
            prompt_identifier: ``name`` or ``owner/name``.

        Returns:
            The prompt; None if there is none.

        Raises:
            ValueError: The identifier names no prompt.
            LangSmithError: The server refused, or could not be asked.

        Example:
            >>> client.get_prompt("greet").num_commits  # doctest: +SKIP

        ``GET /repos/{owner}/{name}``
        """
        identifier = parse_identifier(prompt_identifier)
        try:
            response = yield Request("GET", f"/repos/{identifier.path}")
        except LangSmithNotFoundError:
            return None
        return _prompt(response)

    @operation
    def create_prompt(
        self,
        prompt_identifier: str,
        *,
        description: str | None = None,
        readme: str | None = None,
        tags: Sequence[str] | None = None,
        is_public: bool = False,
    ) -> Flow[Prompt]:
        """Create a prompt without commits.

        Args:
            prompt_identifier: ``name``, or ``owner/name`` with the own workspace's handle as the owner.
            description: A text for people.
            readme: A longer text, in Markdown.
            tags: Its tags.
            is_public: Whether everybody can see it.

        Returns:
            The prompt.

        Raises:
            ValueError: The identifier names no prompt.
            LangSmithUserError: The owner is another workspace, or the prompt is to be public and the
                workspace has no handle.
            LangSmithConflictError: There is one of that name.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.create_prompt("greet", tags=["demo"]).full_name  # doctest: +SKIP

        ``GET /settings`` once a client, ``POST /repos``
        """
        identifier = parse_identifier(prompt_identifier)
        yield from self._check_own(identifier, "create")
        if is_public and not (yield from settings(self)).tenant_handle:
            raise LangSmithUserError(_NO_HANDLE)
        body = {
            "repo_handle": identifier.name,
            "description": description or "",
            "readme": readme or "",
            "tags": list(tags or ()),
            "is_public": is_public,
        }
        return _prompt((yield Request("POST", self._prompts_path, json=body)))

    @operation
    def update_prompt(
        self,
        prompt_identifier: str,
        *,
        description: str | None = None,
        readme: str | None = None,
        tags: Sequence[str] | None = None,
        is_public: bool | None = None,
        is_archived: bool | None = None,
    ) -> Flow[dict[str, Any]]:
        """Change what is said about a prompt; its commits stay as they are.

        Args:
            prompt_identifier: ``name`` or ``owner/name``.
            description: A new text for people.
            readme: A new longer text.
            tags: New tags, in place of all that it has.
            is_public: Whether everybody can see it.
            is_archived: Whether it is archived.

        Returns:
            The server's answer; ``repo`` is the prompt.

        Raises:
            ValueError: The identifier names no prompt, or the prompt is to be public and the workspace
                has no handle.
            LangSmithNotFoundError: There is no such prompt.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.update_prompt("greet", is_archived=True)  # doctest: +SKIP

        ``GET /settings`` once a client, ``PATCH /repos/{owner}/{name}``
        """
        identifier = parse_identifier(prompt_identifier)
        handle = (yield from settings(self)).tenant_handle
        if is_public and not handle:
            raise ValueError(_NO_HANDLE)
        fields = {
            "description": description,
            "readme": readme,
            "is_public": is_public,
            "is_archived": is_archived,
            "tags": None if tags is None else list(tags),
        }
        body = {name: value for name, value in fields.items() if value is not None}
        response = yield Request("PATCH", f"/repos/{identifier.path}", json=body)
        return _object(response)

    @operation
    def delete_prompt(self, prompt_identifier: str) -> Flow[None]:
        """Delete a prompt of the own workspace with all its commits.

        Args:
            prompt_identifier: ``name``, or ``owner/name`` with the own workspace's handle as the owner.

        Raises:
            ValueError: The identifier names no prompt.
            LangSmithUserError: The owner is another workspace.
            LangSmithNotFoundError: There is no such prompt.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.delete_prompt("greet")  # doctest: +SKIP

        ``GET /settings`` once a client, ``DELETE /repos/{owner}/{name}``
        """
        identifier = parse_identifier(prompt_identifier)
        yield from self._check_own(identifier, "delete")
        yield Request("DELETE", f"/repos/{identifier.path}")

    @operation
    def like_prompt(self, prompt_identifier: str) -> Flow[dict[str, int]]:
        """Like a prompt.

        Args:
            prompt_identifier: ``name`` or ``owner/name``.

        Returns:
            ``{"likes": n}``.

        Raises:
            ValueError: The identifier names no prompt.
            LangSmithError: The server refused, or could not be asked.

        Example:
            >>> client.like_prompt("acme/greet")  # doctest: +SKIP
            {'likes': 1}

        ``POST /likes/{owner}/{name}``
        """
        return (yield from _like(prompt_identifier, like=True))

    @operation
    def unlike_prompt(self, prompt_identifier: str) -> Flow[dict[str, int]]:
        """Take a like back.

        Args:
            prompt_identifier: ``name`` or ``owner/name``.

        Returns:
            ``{"likes": n}``.

        Raises:
            ValueError: The identifier names no prompt.
            LangSmithError: The server refused, or could not be asked.

        Example:
            >>> client.unlike_prompt("acme/greet")  # doctest: +SKIP
            {'likes': 0}

        ``POST /likes/{owner}/{name}``
        """
        return (yield from _like(prompt_identifier, like=False))

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
    def pull_prompt_commit(
        self,
        prompt_identifier: str,
        *,
        include_model: bool | None = False,
        skip_cache: bool = False,  # noqa: ARG002 - there is no cache to skip
    ) -> Flow[PromptCommit]:
        """Read one commit of a prompt with its content.

        Args:
            prompt_identifier: ``name`` or ``owner/name``, and ``:commit`` for another than the latest.
            include_model: Whether the content holds the model that goes with the prompt.
            skip_cache: Ask the server even if the commit is known.

        Returns:
            The commit.

        Raises:
            ValueError: The identifier names no prompt.
            LangSmithNotFoundError: There is no such commit.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.pull_prompt_commit("acme/greet:abc123").manifest  # doctest: +SKIP

        ``GET /commits/{owner}/{name}/{commit}``
        """
        from smithkit.prompts.schemas import PromptCommit

        identifier = parse_identifier(prompt_identifier)
        params = {"include_model": "true"} if include_model else None
        response = yield Request("GET", f"/commits/{identifier.commit_path}", params=params)
        return parse(PromptCommit, {"owner": identifier.owner, "repo": identifier.name, **_object(response)})

    def _check_own(self, identifier: PromptIdentifier, action: str) -> Flow[None]:
        """Insist that a prompt belongs to the own workspace."""
        handle = (yield from settings(self)).tenant_handle
        if identifier.owner not in (OWN_WORKSPACE, handle):
            own = f"this workspace's handle is {handle!r}" if handle else "this workspace has no handle"
            raise LangSmithUserError(
                f"Cannot {action} a prompt of {identifier.owner!r}: {own}. Leave the owner out, or use a "
                f"key of that workspace."
            )

    def _commits_path(self, identifier: PromptIdentifier) -> str:
        return f"/commits/{identifier.path}"

    def _include_model(self, *, include: bool) -> bool | str:
        """How the list of commits is asked for models."""
        return include


class AsyncPromptMethods(PromptMethods):
    """Prompts: the methods of `AsyncClient`. Paths of lists end in a slash, and truth is lower case."""

    _prompts_path = "/repos/"

    def _commits_path(self, identifier: PromptIdentifier) -> str:
        return f"/commits/{identifier.path}/"

    def _include_model(self, *, include: bool) -> bool | str:
        return _flag(include)


def _flag(value: bool | None) -> str:  # noqa: FBT001 - one argument
    return "true" if value else "false"


def _like(prompt_identifier: str, *, like: bool) -> Flow[dict[str, int]]:
    identifier = parse_identifier(prompt_identifier)
    response = yield Request("POST", f"/likes/{identifier.path}", json={"like": like})
    return _object(response)


def _object(response: Response) -> dict[str, Any]:
    """The JSON object of an answer."""
    body = response.json()
    if not isinstance(body, dict):
        raise LangSmithResponseError(
            f"{response.url} answered with JSON that is no object.", status_code=response.status_code
        )
    return body


def _prompt(response: Response) -> Prompt:
    from smithkit.prompts.schemas import Prompt

    return parse(Prompt, _object(response).get("repo"))


def _listed(response: Response) -> tuple[list[dict[str, Any]], int]:
    """The commits of a page, and how many there are in all."""
    body = _object(response)
    commits, total = body.get("commits"), body.get("total")
    if not isinstance(commits, list) or not isinstance(total, int):
        raise LangSmithResponseError(
            f"{response.url} answered without `commits` and `total`.", status_code=response.status_code
        )
    return commits, total
