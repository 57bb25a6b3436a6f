"""The cache of `Client`: a thread fetches stale entries anew."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

from smithkit.operations import drive
from smithkit.prompts.cache._keys import as_key
from smithkit.prompts.cache._store import (
    DEFAULT_PROMPT_CACHE_MAX_SIZE,
    DEFAULT_PROMPT_CACHE_REFRESH_INTERVAL_SECONDS,
    DEFAULT_PROMPT_CACHE_TTL_SECONDS,
    BaseCache,
    refreshing,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PromptCache"]


class PromptCache(BaseCache[threading.Thread]):
    """A cache of pulled prompts for `Client`.

    An entry that is older than `ttl_seconds` is still given, and one daemon thread, which is started when
    the first entry is set, fetches it anew. A commit that is asked for by its whole hash never goes stale.

    Args:
        max_size: Entries at most; 0 for a cache that keeps nothing.
        ttl_seconds: Seconds after which an entry is fetched anew in the background; None for never.
        refresh_interval_seconds: Seconds between two looks for such entries.
        disk: A folder that keeps what was pulled for the next process, or a `DiskCache`; True for
            ``prompts`` in `smithkit.config.home()`. Default: ``LANGSMITH_PROMPT_CACHE``.

    Raises:
        LangSmithUserError: A number is out of range.

    Example:
        >>> from smithkit import Client, PromptCache
        >>> cache = PromptCache(max_size=20, ttl_seconds=60)
        >>> client = Client("https://langsmith.example", plugins=[cache])
        >>> cache.metrics.hit_rate
        0.0
    """

    def set(self, key: str, value: Any, refresh_func: Callable[[], Any]) -> None:
        """Keep a value; the least recently used one goes when the cache is full.

        Args:
            key: The prompt's name.
            value: A `PromptCommit`.
            refresh_func: Fetches it anew when it is stale.
        """
        self._keep(as_key(key), key, value, refresh_func)

    def configure(
        self,
        *,
        max_size: int = DEFAULT_PROMPT_CACHE_MAX_SIZE,
        ttl_seconds: float | None = DEFAULT_PROMPT_CACHE_TTL_SECONDS,
        refresh_interval_seconds: float = DEFAULT_PROMPT_CACHE_REFRESH_INTERVAL_SECONDS,
    ) -> None:
        """Change the limits; the entries stay, as far as there is room for them.

        Args:
            max_size: See the class; so for the others.
            ttl_seconds: See the class.
            refresh_interval_seconds: See the class.

        Raises:
            LangSmithUserError: A number is out of range.
        """
        self._set_limits(max_size, ttl_seconds, refresh_interval_seconds)
        running = self._worker is not None
        self.stop()
        if running and ttl_seconds is not None and max_size:
            self._ensure_refresher()

    def stop(self) -> None:
        """End the thread; the next `set` starts it again."""
        with self._lock:
            thread, self._worker = self._worker, None
        if thread is not None and self._wake is not None:
            self._wake.set()

    def shutdown(self) -> None:
        """See `stop`."""
        self.stop()

    def _ensure_refresher(self) -> None:
        if self._worker is not None:
            return
        with self._lock:
            if self._worker is not None:
                return
            wake = self._wake = threading.Event()
            own = weakref.ref(self, lambda _: wake.set())
            thread = self._worker = threading.Thread(
                target=_work, args=(own, wake), name="smithkit-prompts", daemon=True
            )
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending
            self._worker = None

    def _is_worker(self) -> bool:
        return self._worker is threading.current_thread()


def _work(own: weakref.ref[PromptCache], wake: threading.Event) -> None:
    def perform(step: float | Callable[[], Any]) -> Any:
        if callable(step):
            return step()
        woken = wake.wait(step)
        wake.clear()
        return woken

    drive(refreshing(own), perform)
