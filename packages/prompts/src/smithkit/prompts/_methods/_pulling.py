"""Client methods that read the content of prompts, through the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.answers import parse
from smithkit.errors import (
    LangSmithAPIError,
    LangSmithConnectionError,
    LangSmithError,
    LangSmithNotFoundError,
    LangSmithRateLimitError,
    LangSmithRequestTimeout,
    LangSmithResponseError,
    LangSmithUserError,
)
from smithkit.operations import Flow, Methods, Request, operation
from smithkit.prompts._methods._answers import json_object
from smithkit.prompts._options import prompts_of, scope_of_client
from smithkit.prompts.cache._keys import key_of
from smithkit.prompts.cache._pulled import Pulled
from smithkit.prompts.identifiers import OWN_WORKSPACE, PromptIdentifier, parse_identifier
from smithkit.workspace import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smithkit.prompts._options import AnyCache
    from smithkit.prompts.schemas import PromptCommit

__all__ = ["PullMethods"]

_UNAVAILABLE = (
    LangSmithAPIError,
    LangSmithConnectionError,
    LangSmithRateLimitError,
    LangSmithRequestTimeout,
    LangSmithResponseError,
)
_SERVER_ERRORS = 500
_MAX_PULLS = 512


class PullMethods(Methods):
    """Pulling: the same on both clients."""

    @operation
    def pull_prompt_commit(
        self,
        prompt_identifier: str,
        *,
        include_model: bool | None = False,
        skip_cache: bool = False,
        fallback: PromptCommit | Callable[[], PromptCommit] | None = None,
    ) -> Flow[PromptCommit]:
        """Read one commit of a prompt with its content.

        Args:
            prompt_identifier: ``name`` or ``owner/name``, and ``:commit`` or ``:tag`` for another than the
                latest. A commit that is named by its whole hash never changes, and so is asked for once.
            include_model: Whether the content holds the model that goes with the prompt.
            skip_cache: Ask the server even if the commit is known, and keep nothing.
            fallback: What to give, or a function that gives it, when the server is down or fails and the
                cache has nothing. A prompt that there is not is an error all the same.

        Returns:
            The commit. It is the caller's own: to change it changes nothing in the cache.

        Raises:
            ValueError: The identifier names no prompt.
            LangSmithNotFoundError: There is no such prompt, commit or tag.
            LangSmithConnectionError: The server could not be asked, and there is no fallback.
            LangSmithError: The server refused for another reason.

        Example:
            >>> client.pull_prompt_commit("acme/greet:abc123").manifest  # doctest: +SKIP

        ``GET /commits/{owner}/{name}/{commit}``
        """
        pull = _pull(self, prompt_identifier, include_model)
        try:
            found = yield from pull.through_cache(self, use_cache=not skip_cache)
        except LangSmithError as error:
            if fallback is None or not _is_unavailable(error):
                raise
            return fallback() if callable(fallback) else fallback
        commit: PromptCommit = found.own()
        return commit

    @pull_prompt_commit.shortcut
    def _commit_at_hand(
        self,
        prompt_identifier: str,
        *,
        include_model: bool | None = False,
        skip_cache: bool = False,
        fallback: PromptCommit | Callable[[], PromptCommit] | None = None,  # noqa: ARG002 - the method's own
    ) -> PromptCommit | None:
        kept = prompts_of(self)
        pull = kept.pulls.get((prompt_identifier, include_model, self.workspace_id, self.api_key))
        if pull is None or skip_cache or kept.cache is None:
            return None
        found = kept.cache.at_hand(pull.key, pull.refresh)
        commit: PromptCommit | None = None if found is None else found.own()
        return commit

    @operation
    def pull_prompt(
        self,
        prompt_identifier: str,
        *,
        include_model: bool | None = False,
        secrets: Mapping[str, str] | None = None,
        secrets_from_env: bool = False,
        skip_cache: bool = False,
        as_langchain: bool | None = None,
        fallback: Any = None,
    ) -> Flow[Any]:
        """Read a prompt, ready to be formatted.

        Where langchain-core is installed it is the prompt template of LangChain that was pushed; without, or
        when asked, a `smithkit.prompts.Prompt`, which formats text and chat templates and gives the
        arguments of OpenAI's and Anthropic's clients.

        Args:
            prompt_identifier: ``name`` or ``owner/name``, and ``:commit`` or ``:tag`` for another than the
                latest.
            include_model: Whether the model that goes with the prompt comes too: LangChain gives prompt and
                model in a sequence, a `Prompt` has it as its `model`.
            secrets: Name → secret of what the manifest leaves open, such as the model's key; for LangChain.
            secrets_from_env: Let the manifest name environment variables to take secrets from. Only for
                prompts that you trust.
            skip_cache: Ask the server even if the commit is known, and keep nothing.
            as_langchain: True for LangChain's template, False for a `Prompt`, None for what is installed.
            fallback: What to give, or a function that gives it, when the server is down or fails and the
                cache has nothing. A prompt that there is not is an error all the same.

        Returns:
            The prompt.

        Raises:
            ValueError: The identifier names no prompt, or the manifest has secrets, and neither `secrets`
                nor `secrets_from_env` is given.
            ManifestError: The content is not what smithkit reads, or not safe to load.
            MissingPackageError: `as_langchain` is true and langchain-core is not installed.
            LangSmithNotFoundError: There is no such prompt, commit or tag.
            LangSmithConnectionError: The server could not be asked, and there is no fallback.
            LangSmithError: The server refused for another reason.

        Example:
            >>> prompt = client.pull_prompt("greet:prod", as_langchain=False)  # doctest: +SKIP
            >>> openai.chat.completions.create(**prompt.to_openai(name="Ada"))  # doctest: +SKIP

        ``GET /commits/{owner}/{name}/{commit}``
        """
        pull = _pull(self, prompt_identifier, include_model)
        loads_langchain = as_langchain is not False and _is_langchain_wanted(as_langchain)
        try:
            found = yield from pull.through_cache(self, use_cache=not skip_cache)
        except LangSmithError as error:
            if fallback is None or not _is_unavailable(error):
                raise
            return fallback() if callable(fallback) else fallback
        if not loads_langchain:
            return found.prompt()
        trusted = not include_model or (yield from _is_own(self, pull.identifier))
        return found.template(
            secrets=secrets,
            secrets_from_env=secrets_from_env,
            with_model=bool(include_model),
            trusted=trusted,
        )


class _Pull:
    """What a client pulls, by which key, and how it is pulled anew.

    Args:
        client: The client.
        text: The identifier, as the caller wrote it.
        include_model: Whether the model comes too.
    """

    def __init__(self, client: Methods, text: str, *, include_model: bool) -> None:
        self.identifier = parse_identifier(text)
        self.include_model = include_model
        self.key = key_of(self.identifier, scope_of_client(client), include_model=include_model)
        self.refresh = prompts_of(client).refresher(self._fetch_again)

    def through_cache(self, client: Methods, *, use_cache: bool) -> Flow[Pulled]:
        """The commit: from the cache, else from the server, else what the disk knows of it."""
        kept = prompts_of(client)
        cache = kept.cache if use_cache else None
        if cache is None:
            return Pulled((yield from self.fetch()))
        found = cache.lookup(self.key, self.refresh)
        if found is None:
            found = yield from kept.flights.share(self.key, lambda: self._fetch_and_store(cache))
        return found

    def fetch(self, *, retries: bool = True) -> Flow[PromptCommit]:
        """The commit from the server."""
        from smithkit.prompts.schemas import PromptCommit

        name = self.identifier
        params = {"include_model": "true"} if self.include_model else None
        try:
            response = yield Request("GET", f"/commits/{name.commit_path}", params=params, retries=retries)
        except LangSmithNotFoundError as error:
            raise LangSmithNotFoundError(
                f"There is no prompt {name.owner}/{name.name}, or it has no commit or tag {name.commit!r}, or this "
                f"key may not see it. list_prompts and list_prompt_commits tell what there is. {error}",
                status_code=error.status_code,
            ) from error
        return parse(PromptCommit, {"owner": name.owner, "repo": name.name, **json_object(response)})

    def _fetch_and_store(self, cache: AnyCache) -> Flow[Pulled]:
        try:
            commit = yield from self.fetch(retries=not cache.has_spare(self.key))
        except LangSmithError as error:
            known = cache.rescue(self.key, self.refresh) if _is_unavailable(error) else None
            if known is None:
                raise
            return known
        return cache.store(self.key, commit, self.refresh)

    def _fetch_again(self, client: Methods) -> Flow[PromptCommit]:
        """The commit anew, if the client still has the credentials that it was pulled with."""
        if scope_of_client(client) != self.key.scope:
            raise LangSmithUserError("The client has other credentials than when it pulled the prompt.")
        return (yield from self.fetch())


def _pull(client: Any, text: str, include_model: bool | None) -> _Pull:  # noqa: FBT001 - the caller's arguments
    """What a caller asks for; made once for all calls with these arguments and credentials."""
    known = prompts_of(client).pulls
    name = (text, include_model, client.workspace_id, client.api_key)
    pull: _Pull | None = known.get(name)
    if pull is None:
        if len(known) >= _MAX_PULLS:
            known.clear()
        pull = known[name] = _Pull(client, text, include_model=bool(include_model))
    return pull


def _is_langchain_wanted(as_langchain: bool | None) -> bool:  # noqa: FBT001 - the argument of `pull_prompt`
    from smithkit.prompts import _langchain

    return _langchain.is_wanted(as_langchain)


def _is_unavailable(error: LangSmithError) -> bool:
    """Whether it says that the server is down or fails, not that the call is wrong."""
    return isinstance(error, _UNAVAILABLE) or (error.status_code or 0) >= _SERVER_ERRORS


def _is_own(client: Methods, identifier: PromptIdentifier) -> Flow[bool]:
    """Whether a prompt is of the own workspace, so that its model may say where requests go."""
    if identifier.owner == OWN_WORKSPACE:
        return True
    return identifier.owner == (yield from settings(client)).tenant_handle
