"""The cache of `AsyncClient`: a task fetches stale entries anew."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from typing import TYPE_CHECKING, Any

from smithkit.operations import adrive
from smithkit.prompts.cache._keys import as_key
from smithkit.prompts.cache._store import (
    DEFAULT_PROMPT_CACHE_MAX_SIZE,
    DEFAULT_PROMPT_CACHE_REFRESH_INTERVAL_SECONDS,
    DEFAULT_PROMPT_CACHE_TTL_SECONDS,
    BaseCache,
    refreshing,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["AsyncPromptCache"]


class AsyncPromptCache(BaseCache["asyncio.Task[None]"]):
    """A cache of pulled prompts for `AsyncClient`.

    It works as `PromptCache` does; what fetches stale entries anew is a task of the running event loop.

    Args:
        max_size: Entries at most; 0 for a cache that keeps nothing.
        ttl_seconds: Seconds after which an entry is fetched anew in the background; None for never.
        refresh_interval_seconds: Seconds between two looks for such entries.
        disk: A folder that keeps what was pulled for the next process, see `PromptCache`.

    Raises:
        LangSmithUserError: A number is out of range.

    Example:
        >>> from smithkit import AsyncPromptCache
        >>> AsyncPromptCache(ttl_seconds=None).metrics.total_requests
        0
    """

    async def aset(self, key: str, value: Any, refresh_func: Callable[[], Awaitable[Any]]) -> None:
        """Keep a value; the least recently used one goes when the cache is full.

        Args:
            key: The prompt's name.
            value: A `PromptCommit`.
            refresh_func: Gives an awaitable that fetches it anew when it is stale.
        """
        self._keep(as_key(key), key, value, refresh_func)

    async def configure(
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
        await self.stop()
        if running and ttl_seconds is not None and max_size:
            self._ensure_refresher()

    async def start(self) -> None:
        """Start the task, if it does not run in this event loop."""
        if self._ttl is not None:
            self._ensure_refresher()

    async def stop(self) -> None:
        """End the task, and wait for its end if it runs in this event loop."""
        task = self._worker
        self.shutdown()
        if task is not None and task.get_loop() is asyncio.get_running_loop():
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def shutdown(self) -> None:
        """End the task; the next `aset` starts it again."""
        task, self._worker = self._worker, None
        if task is not None and not task.get_loop().is_closed():
            task.get_loop().call_soon_threadsafe(task.cancel)

    def _ensure_refresher(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._worker is not None and not self._worker.done() and self._worker.get_loop() is loop:
            return
        wake = self._wake = asyncio.Event()
        self._worker = loop.create_task(_work(weakref.ref(self), wake), name="smithkit-prompts")

    def _is_worker(self) -> bool:
        return self._worker is asyncio.current_task()


async def _work(own: weakref.ref[AsyncPromptCache], wake: asyncio.Event) -> None:
    async def perform(step: float | Callable[[], Awaitable[Any]]) -> Any:
        if callable(step):
            return await step()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), step)
        woken = wake.is_set()
        wake.clear()
        return woken

    await adrive(refreshing(own), perform)
