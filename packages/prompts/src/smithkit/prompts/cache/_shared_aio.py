"""The cache that all asynchronous clients of the process share, and its class's former name."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from smithkit.prompts.cache._aio import AsyncPromptCache
from smithkit.prompts.cache._store import (
    DEFAULT_PROMPT_CACHE_MAX_SIZE,
    DEFAULT_PROMPT_CACHE_REFRESH_INTERVAL_SECONDS,
    DEFAULT_PROMPT_CACHE_TTL_SECONDS,
)

if TYPE_CHECKING:
    from pathlib import Path

    from smithkit.prompts.cache._disk import DiskCache

__all__ = ["AsyncCache", "async_prompt_cache_singleton", "configure_global_async_prompt_cache"]

async_prompt_cache_singleton = AsyncPromptCache()
"""The cache of every `AsyncClient` that has none of its own."""


async def configure_global_async_prompt_cache(
    *,
    max_size: int = DEFAULT_PROMPT_CACHE_MAX_SIZE,
    ttl_seconds: float | None = DEFAULT_PROMPT_CACHE_TTL_SECONDS,
    refresh_interval_seconds: float = DEFAULT_PROMPT_CACHE_REFRESH_INTERVAL_SECONDS,
    disk: DiskCache | str | Path | bool | None = None,
) -> None:
    """Change the cache that all `AsyncClient` objects of the process share.

    Args:
        max_size: Entries at most; 0 for a cache that keeps nothing.
        ttl_seconds: Seconds after which an entry is fetched anew in the background; None for never.
        refresh_interval_seconds: Seconds between two looks for such entries.
        disk: See `PromptCache`.

    Raises:
        LangSmithUserError: A number is out of range.

    Example:
        >>> import asyncio
        >>> from smithkit import configure_global_async_prompt_cache
        >>> asyncio.run(configure_global_async_prompt_cache(max_size=10))
        >>> asyncio.run(configure_global_async_prompt_cache())
    """
    async_prompt_cache_singleton.keep_on(disk)
    await async_prompt_cache_singleton.configure(
        max_size=max_size, ttl_seconds=ttl_seconds, refresh_interval_seconds=refresh_interval_seconds
    )


class AsyncCache(AsyncPromptCache):
    """The former name of `AsyncPromptCache`; deprecated.

    Args:
        options: See `AsyncPromptCache`.
    """

    def __init__(self, **options: Any) -> None:
        warnings.warn("AsyncCache is deprecated: use AsyncPromptCache.", DeprecationWarning, stacklevel=2)
        super().__init__(**options)
