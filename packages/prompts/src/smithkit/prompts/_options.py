"""A client's options of prompts: which cache it has."""

from __future__ import annotations

import functools
import weakref
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from smithkit.errors import LangSmithUserError
from smithkit.operations import adrive, drive
from smithkit.prompts._single_flight import Flights
from smithkit.prompts.cache._disk import DiskCache
from smithkit.prompts.cache._keys import scope_of
from smithkit.prompts.cache._pulled import Pulled
from smithkit.prompts.cache._store import BaseCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from smithkit.operations import Flow
    from smithkit.prompts.cache._keys import Key

    AnyCache: TypeAlias = "BaseCache[Any] | _Adapter"

__all__ = ["ClientPrompts", "ForeignCache", "prompts_of", "scope_of_client"]


@runtime_checkable
class ForeignCache(Protocol):
    """What a `create_prompt_cache` hook may give beside the caches of this package."""

    def get(self, key: str, refresh_func: Callable[[], Any]) -> Any | None:
        """Look a commit up; `refresh_func` fetches it anew."""

    def set(self, key: str, value: Any, refresh_func: Callable[[], Any]) -> None:
        """Keep a commit."""


class _Adapter:
    """A foreign cache, used as the own ones are; its keys tell clients with other credentials apart."""

    def __init__(self, foreign: ForeignCache) -> None:
        self._foreign = foreign

    def at_hand(self, key: Key, refresh: Callable[[], Any]) -> None:
        """A foreign cache may be far away: only `lookup` asks it."""

    def lookup(self, key: Key, refresh: Callable[[], Any]) -> Pulled | None:
        found = self._foreign.get(f"{key.scope}:{key.name}", refresh)
        return None if found is None else Pulled(found)

    def store(self, key: Key, value: Any, refresh: Callable[[], Any]) -> Pulled:
        self._foreign.set(f"{key.scope}:{key.name}", value, refresh)
        return Pulled(value)

    def has_spare(self, key: Key) -> bool:  # noqa: ARG002 - as for the own caches
        """See `rescue`."""
        return False

    def rescue(self, key: Key, refresh: Callable[[], Any]) -> None:
        """A foreign cache gives what it has when it is asked first."""


class ClientPrompts:
    """What this package keeps on a client.

    Args:
        client: The client.

    Raises:
        LangSmithUserError: The option `cache` is not what it should be.
    """

    def __init__(self, client: Any) -> None:
        self._client = weakref.ref(client)
        self.flights = Flights()
        self.pulls: dict[tuple[Any, ...], Any] = {}
        options = client.config.options
        self._given = False if options.get("disable_prompt_cache") else options.get("cache")
        if not isinstance(self._given, bool | None):
            self._given = self._fitting(self._given)
        DiskCache.of(None)  # what the environment names loads what it needs now, not at the first pull

    @functools.cached_property
    def cache(self) -> AnyCache | None:
        """The client's cache; None if it has none."""
        return self._choose()

    def close(self) -> None:
        """End the refreshing of a cache of the client's own."""
        if isinstance(self._given, BaseCache):
            self._given.shutdown()

    def refresher(self, flow: Callable[[Any], Flow[Any]]) -> Callable[[], Any]:
        """A function that runs a flow anew; it does not keep the client alive.

        Args:
            flow: Gives the flow of a client.
        """
        return _Refresh(self._client, flow)

    def _choose(self) -> AnyCache | None:
        client = self._client()
        if self._given is False or client is None:
            return None
        if isinstance(self._given, BaseCache):
            return self._given
        made = None if self._given else client.hooks.first("create_prompt_cache", config=client.config)
        if made is not None:
            return made if isinstance(made, BaseCache) and self._fitting(made) else self._adapted(made)
        if client.asynchronous:
            from smithkit.prompts.cache import async_prompt_cache_singleton

            return async_prompt_cache_singleton
        from smithkit.prompts.cache import prompt_cache_singleton

        return prompt_cache_singleton

    def _fitting(self, cache: Any) -> BaseCache[Any]:
        client: Any = self._client()
        wanted = _cache_class(asynchronous=client.asynchronous)
        if not isinstance(cache, wanted):
            raise LangSmithUserError(
                f"{type(client).__name__} needs a {wanted.__name__} for its cache, not {type(cache).__name__}."
            )
        return cache

    def _adapted(self, made: Any) -> _Adapter:
        if not isinstance(made, ForeignCache):
            raise LangSmithUserError(
                f"The create_prompt_cache hook gave {type(made).__name__}, which has no `get(key, refresh_func)` "
                f"and `set(key, value, refresh_func)`."
            )
        return _Adapter(made)


def _cache_class(*, asynchronous: bool) -> type[BaseCache[Any]]:
    if asynchronous:
        from smithkit.prompts.cache import AsyncPromptCache

        return AsyncPromptCache
    from smithkit.prompts.cache import PromptCache

    return PromptCache


class _Refresh:
    """Runs a flow on a client, if that is still there."""

    def __init__(self, client: weakref.ref[Any], flow: Callable[[Any], Flow[Any]]) -> None:
        self._client = client
        self._flow = flow

    def __call__(self) -> Any:
        client = self._client()
        if client is None:
            raise LangSmithUserError("The client that pulled this prompt is gone: pull it with another one.")
        run = adrive if client.asynchronous else drive
        return run(self._flow(client), client.perform)


def prompts_of(client: Any) -> ClientPrompts:
    """What this package keeps on a client.

    Args:
        client: The client.
    """
    kept: ClientPrompts = client.state["prompts"]
    return kept


def scope_of_client(client: Any) -> str:
    """What tells the client's prompts from those of clients with other credentials.

    Args:
        client: The client.
    """
    return scope_of(client.config.api_url, client.workspace_id, client.api_key)
