"""Client methods that read the content of prompts, through the cache."""

from __future__ import annotations

from dataclasses import dataclass
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
from smithkit.prompts.cache._commits import as_model, copied
from smithkit.prompts.cache._keys import key_of
from smithkit.prompts.identifiers import OWN_WORKSPACE, PromptIdentifier, parse_identifier
from smithkit.workspace import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smithkit.prompts._options import AnyCache
    from smithkit.prompts.cache._commits import StoredCommit
    from smithkit.prompts.cache._keys import Key
    from smithkit.prompts.schemas import PromptCommit

    Commit = PromptCommit | StoredCommit

__all__ = ["PullMethods"]

_UNAVAILABLE = (
    LangSmithAPIError,
    LangSmithConnectionError,
    LangSmithRateLimitError,
    LangSmithRequestTimeout,
    LangSmithResponseError,
)
_SERVER_ERRORS = 500


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
        pull = _Pull(parse_identifier(prompt_identifier), bool(include_model))
        try:
            found = yield from pull.through_cache(self, use_cache=not skip_cache)
        except LangSmithError as error:
            if fallback is None or not _is_unavailable(error):
                raise
            return fallback() if callable(fallback) else fallback
        return _own(as_model(found))

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
        from smithkit.prompts import _langchain

        pull = _Pull(parse_identifier(prompt_identifier), bool(include_model))
        loads_langchain = _langchain.is_wanted(as_langchain)
        try:
            found = yield from pull.through_cache(self, use_cache=not skip_cache)
        except LangSmithError as error:
            if fallback is None or not _is_unavailable(error):
                raise
            return fallback() if callable(fallback) else fallback
        if not loads_langchain:
            return prompts_of(self).rendered(found)
        trusted = not include_model or (yield from _is_own(self, pull.identifier))
        return _langchain.load(
            found,
            secrets=secrets,
            secrets_from_env=secrets_from_env,
            with_model=bool(include_model),
            trusted=trusted,
        )


@dataclass(frozen=True, slots=True)
class _Pull:
    """What is pulled."""

    identifier: PromptIdentifier
    include_model: bool

    def through_cache(self, client: Methods, *, use_cache: bool) -> Flow[Commit]:
        """The commit: from the cache, else from the server, else what the disk knows of it."""
        kept = prompts_of(client)
        cache = kept.cache if use_cache else None
        if cache is None:
            return (yield from self.fetch())
        key = key_of(self.identifier, scope_of_client(client), include_model=self.include_model)
        refresh = kept.refresher(lambda one: self._fetch_again(one, key))
        found: Commit | None = cache.lookup(key, refresh)
        if found is None:
            found = yield from kept.flights.share(key, lambda: self._fetch_and_store(cache, key, refresh))
        return found

    def fetch(self) -> Flow[PromptCommit]:
        """The commit from the server."""
        from smithkit.prompts.schemas import PromptCommit

        name = self.identifier
        params = {"include_model": "true"} if self.include_model else None
        try:
            response = yield Request("GET", f"/commits/{name.commit_path}", params=params)
        except LangSmithNotFoundError as error:
            raise LangSmithNotFoundError(
                f"There is no prompt {name.owner}/{name.name}, or it has no commit or tag {name.commit!r}, or this "
                f"key may not see it. list_prompts and list_prompt_commits tell what there is. {error}",
                status_code=error.status_code,
            ) from error
        return parse(PromptCommit, {"owner": name.owner, "repo": name.name, **json_object(response)})

    def _fetch_and_store(self, cache: AnyCache, key: Key, refresh: Callable[[], Any]) -> Flow[Commit]:
        try:
            commit = yield from self.fetch()
        except LangSmithError as error:
            known: Commit | None = cache.rescue(key, refresh) if _is_unavailable(error) else None
            if known is None:
                raise
            return known
        cache.store(key, commit, refresh)
        return commit

    def _fetch_again(self, client: Methods, key: Key) -> Flow[PromptCommit]:
        """The commit anew, if the client still has the credentials that it was pulled with."""
        if scope_of_client(client) != key.scope:
            raise LangSmithUserError("The client has other credentials than when it pulled the prompt.")
        return (yield from self.fetch())


def _is_unavailable(error: LangSmithError) -> bool:
    """Whether it says that the server is down or fails, not that the call is wrong."""
    return isinstance(error, _UNAVAILABLE) or (error.status_code or 0) >= _SERVER_ERRORS


def _own(commit: PromptCommit) -> PromptCommit:
    """A copy for the caller."""
    if not hasattr(commit, "model_copy"):
        return commit  # what callers put into the cache themselves
    return commit.model_copy(
        update={"manifest": copied(commit.manifest), "examples": copied(commit.examples)}
    )


def _is_own(client: Methods, identifier: PromptIdentifier) -> Flow[bool]:
    """Whether a prompt is of the own workspace, so that its model may say where requests go."""
    if identifier.owner == OWN_WORKSPACE:
        return True
    return identifier.owner == (yield from settings(client)).tenant_handle
