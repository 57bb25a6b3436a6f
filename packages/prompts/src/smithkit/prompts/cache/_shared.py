"""The cache that all synchronous clients of the process share, and its class's former name."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from smithkit.prompts.cache._store import (
    DEFAULT_PROMPT_CACHE_MAX_SIZE,
    DEFAULT_PROMPT_CACHE_REFRESH_INTERVAL_SECONDS,
    DEFAULT_PROMPT_CACHE_TTL_SECONDS,
)
from smithkit.prompts.cache._sync import PromptCache

if TYPE_CHECKING:
    from pathlib import Path

    from smithkit.prompts.cache._disk import DiskCache

__all__ = ["Cache", "configure_global_prompt_cache", "prompt_cache_singleton"]

prompt_cache_singleton = PromptCache()
"""The cache of every `Client` that has none of its own."""


def configure_global_prompt_cache(
    *,
    max_size: int = DEFAULT_PROMPT_CACHE_MAX_SIZE,
    ttl_seconds: float | None = DEFAULT_PROMPT_CACHE_TTL_SECONDS,
    refresh_interval_seconds: float = DEFAULT_PROMPT_CACHE_REFRESH_INTERVAL_SECONDS,
    disk: DiskCache | str | Path | bool | None = None,
) -> None:
    """Change the cache that all `Client` objects of the process share.

    Args:
        max_size: Entries at most; 0 for a cache that keeps nothing.
        ttl_seconds: Seconds after which an entry is fetched anew in the background; None for never.
        refresh_interval_seconds: Seconds between two looks for such entries.
        disk: See `PromptCache`.

    Raises:
        LangSmithUserError: A number is out of range.

    Example:
        >>> from smithkit import configure_global_prompt_cache
        >>> configure_global_prompt_cache(ttl_seconds=3600)
        >>> configure_global_prompt_cache()
    """
    prompt_cache_singleton.keep_on(disk)
    prompt_cache_singleton.configure(
        max_size=max_size, ttl_seconds=ttl_seconds, refresh_interval_seconds=refresh_interval_seconds
    )


class Cache(PromptCache):
    """The former name of `PromptCache`; deprecated.

    Args:
        options: See `PromptCache`.
    """

    def __init__(self, **options: Any) -> None:
        warnings.warn("Cache is deprecated: use PromptCache.", DeprecationWarning, stacklevel=2)
        super().__init__(**options)
