"""Client methods of prompts as such: their names, texts and likes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from smithkit.answers import parse
from smithkit.errors import LangSmithNotFoundError, LangSmithUserError
from smithkit.operations import Flow, Methods, Request, operation
from smithkit.paging import PAGE_SIZE, check_limit
from smithkit.prompts._methods._answers import flag, json_object
from smithkit.prompts.identifiers import OWN_WORKSPACE, PromptIdentifier, parse_identifier
from smithkit.workspace import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smithkit.operations import Response
    from smithkit.prompts.schemas import ListPromptsResponse, Prompt, PromptSortField

__all__ = ["AsyncRepositoryMethods", "RepositoryMethods"]

_NO_HANDLE = (
    "A public prompt needs a handle of the workspace. Choose one in LangSmith's settings, under Prompts, or "
    "leave is_public out."
)


class RepositoryMethods(Methods):
    """Prompts as such: the methods of `Client`."""

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
            "is_public": None if is_public is None else flag(is_public),
            "is_archived": flag(is_archived),
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
        return json_object(response)

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
        """Take back what `like_prompt` gave; all else is the same.

        Args:
            prompt_identifier: See `like_prompt`.

        Returns:
            ``{"likes": n}``.

        Example:
            >>> client.unlike_prompt("acme/greet")["likes"]  # doctest: +SKIP
            0

        ``POST /likes/{owner}/{name}``
        """
        return (yield from _like(prompt_identifier, like=False))

    def _check_own(self, identifier: PromptIdentifier, action: str) -> Flow[None]:
        """Insist that a prompt belongs to the own workspace."""
        handle = (yield from settings(self)).tenant_handle
        if identifier.owner not in (OWN_WORKSPACE, handle):
            own = f"this workspace's handle is {handle!r}" if handle else "this workspace has no handle"
            raise LangSmithUserError(
                f"Cannot {action} a prompt of {identifier.owner!r}: {own}. Leave the owner out, or use a "
                f"key of that workspace."
            )


class AsyncRepositoryMethods(RepositoryMethods):
    """Prompts as such: the methods of `AsyncClient`. The path of the list ends in a slash."""

    _prompts_path = "/repos/"


def _like(prompt_identifier: str, *, like: bool) -> Flow[dict[str, int]]:
    identifier = parse_identifier(prompt_identifier)
    response = yield Request("POST", f"/likes/{identifier.path}", json={"like": like})
    return json_object(response)


def _prompt(response: Response) -> Prompt:
    from smithkit.prompts.schemas import Prompt

    return parse(Prompt, json_object(response).get("repo"))
