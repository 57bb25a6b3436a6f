"""The cache of pulled prompts.

Pulled commits are kept in memory: one cache for all `Client` objects of the process, one for all
`AsyncClient` objects. A commit that is older than the cache's time to live is still given at once, and is
fetched anew in the background. With a `DiskCache` what was pulled last is there for the next process too,
when the server is down as well.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smithkit.prompts.cache._aio import AsyncPromptCache
    from smithkit.prompts.cache._disk import DiskCache
    from smithkit.prompts.cache._shared import (
        Cache,
        configure_global_prompt_cache,
        prompt_cache_singleton,
    )
    from smithkit.prompts.cache._shared_aio import (
        AsyncCache,
        async_prompt_cache_singleton,
        configure_global_async_prompt_cache,
    )
    from smithkit.prompts.cache._store import (
        DEFAULT_PROMPT_CACHE_MAX_SIZE,
        DEFAULT_PROMPT_CACHE_REFRESH_INTERVAL_SECONDS,
        DEFAULT_PROMPT_CACHE_TTL_SECONDS,
        CacheEntry,
        CacheMetrics,
    )
    from smithkit.prompts.cache._sync import PromptCache
else:
    from smithkit._lazy import lazy_names

    __getattr__, __dir__ = lazy_names(
        globals(),
        {
            "_aio": ("AsyncPromptCache",),
            "_disk": ("DiskCache",),
            "_shared": ("Cache", "configure_global_prompt_cache", "prompt_cache_singleton"),
            "_shared_aio": (
                "AsyncCache",
                "async_prompt_cache_singleton",
                "configure_global_async_prompt_cache",
            ),
            "_store": (
                "DEFAULT_PROMPT_CACHE_MAX_SIZE",
                "DEFAULT_PROMPT_CACHE_REFRESH_INTERVAL_SECONDS",
                "DEFAULT_PROMPT_CACHE_TTL_SECONDS",
                "CacheEntry",
                "CacheMetrics",
            ),
            "_sync": ("PromptCache",),
        },
    )

__all__ = [
    "DEFAULT_PROMPT_CACHE_MAX_SIZE",
    "DEFAULT_PROMPT_CACHE_REFRESH_INTERVAL_SECONDS",
    "DEFAULT_PROMPT_CACHE_TTL_SECONDS",
    "AsyncCache",
    "AsyncPromptCache",
    "Cache",
    "CacheEntry",
    "CacheMetrics",
    "DiskCache",
    "PromptCache",
    "async_prompt_cache_singleton",
    "configure_global_async_prompt_cache",
    "configure_global_prompt_cache",
    "prompt_cache_singleton",
]
