"""Entries of a cache: the least recently used goes first, what is stale stays until it is replaced."""

from __future__ import annotations

import abc
import heapq
import os
import threading
import weakref
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from smithkit.errors import LangSmithUserError
from smithkit.hooks import hookimpl
from smithkit.prompts.cache._disk import DiskCache
from smithkit.prompts.cache._keys import Key, as_key
from smithkit.prompts.cache._pulled import Pulled

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

__all__ = [
    "DEFAULT_PROMPT_CACHE_MAX_SIZE",
    "DEFAULT_PROMPT_CACHE_REFRESH_INTERVAL_SECONDS",
    "DEFAULT_PROMPT_CACHE_TTL_SECONDS",
    "BaseCache",
    "CacheEntry",
    "CacheMetrics",
    "refreshing",
]

Worker = TypeVar("Worker")

DEFAULT_PROMPT_CACHE_MAX_SIZE = 100
DEFAULT_PROMPT_CACHE_TTL_SECONDS = 300
DEFAULT_PROMPT_CACHE_REFRESH_INTERVAL_SECONDS = 60
_HEAD_START_SECONDS = 0.1  # of who is given a stale commit, before what fetches it anew wants the processor


@dataclass(slots=True)
class CacheMetrics:
    """What a cache has done so far.

    Attributes:
        hits: Look-ups that found an entry.
        misses: Look-ups that found none.
        refreshes: Entries that were fetched anew in the background.
        refresh_errors: Attempts at it that failed; the old entry stayed.
    """

    hits: int = 0
    misses: int = 0
    refreshes: int = 0
    refresh_errors: int = 0

    @property
    def total_requests(self) -> int:
        """All look-ups."""
        return self.hits + self.misses

    @property
    def hit_rate(self) -> float:
        """Share of look-ups that found an entry, 0 to 1."""
        return self.hits / self.total_requests if self.total_requests else 0.0


@dataclass(slots=True, eq=False)
class CacheEntry:
    """One value of a cache.

    Attributes:
        value: The value.
        created_at: When it was fetched, in seconds of `time.monotonic`.
        refresh_func: Fetches it anew; None for what was loaded from a file.
        name: The key as the caller wrote it.
        pinned: Whether it can not change: a commit that was asked for by its whole hash.
        used_at: When it was last given, in the same seconds.
        pulled: The value, and what callers get of it.
    """

    value: Any
    created_at: float
    refresh_func: Callable[[], Any] | None = field(repr=False)
    name: str
    pinned: bool = False
    used_at: float = field(init=False, repr=False)
    pulled: Pulled = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.used_at = monotonic()
        self.pulled = Pulled(self.value)

    def is_stale(self, ttl_seconds: float | None) -> bool:
        """Whether it is older than the time to live.

        Args:
            ttl_seconds: The time to live; None for ever.
        """
        return ttl_seconds is not None and not self.pinned and monotonic() - self.created_at > ttl_seconds


class _Alarm(Protocol):
    """An event of threads or of tasks."""

    def set(self) -> None:
        """Wake who waits."""


class BaseCache(abc.ABC, Generic[Worker]):
    """What both caches share: all but what runs the refreshing, a thread or a task.

    Args:
        max_size: Entries at most; 0 for a cache that keeps nothing.
        ttl_seconds: Seconds after which an entry is fetched anew in the background; None for never.
        refresh_interval_seconds: Seconds between two looks for such entries.
        disk: A folder that keeps what was pulled for the next process, or a `DiskCache`; True for
            ``prompts`` in `smithkit.config.home()`. Default: ``LANGSMITH_PROMPT_CACHE``.

    Raises:
        LangSmithUserError: A number is out of range.
    """

    _worker: Worker | None = None
    """What runs `refreshing`, if it runs."""
    _wake: _Alarm | None = None
    """Has it look for stale entries now."""

    def __init__(
        self,
        *,
        max_size: int = DEFAULT_PROMPT_CACHE_MAX_SIZE,
        ttl_seconds: float | None = DEFAULT_PROMPT_CACHE_TTL_SECONDS,
        refresh_interval_seconds: float = DEFAULT_PROMPT_CACHE_REFRESH_INTERVAL_SECONDS,
        disk: DiskCache | str | Path | bool | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._entries: dict[Key, CacheEntry] = {}
        self._metrics = CacheMetrics()
        self.keep_on(disk)
        self._set_limits(max_size, ttl_seconds, refresh_interval_seconds)
        _caches.add(self)

    @hookimpl
    def create_prompt_cache(self) -> BaseCache[Worker]:
        """Be the cache of the client that has this one among its plugins."""
        return self

    def keep_on(self, disk: DiskCache | str | Path | bool | None) -> None:  # noqa: FBT001 - one argument
        """Say where commits are kept for the next process.

        Args:
            disk: See the class.
        """
        self._given_disk = None if disk is None else (DiskCache.of(disk),)

    def get(self, key: str, refresh_func: Callable[[], Any]) -> Any | None:
        """Look a value up.

        Args:
            key: The prompt's name.
            refresh_func: Fetches it anew when it is stale; takes the place of the entry's own.

        Returns:
            The value, stale or not; None if there is none.
        """
        found = self.lookup(as_key(key), refresh_func)
        return None if found is None else found.own()

    def at_hand(self, key: Key, refresh_func: Callable[[], Any]) -> Pulled | None:
        """What is in memory under a whole key; what is not is no miss yet."""
        # No lock: all threads come through here at every pull. The dictionary is not changed, and what is
        # written takes effect at once (only a build without the GIL may lose a count of two at one time).
        entry = self._entries.get(key) or self._entries.get(Key(key.name))
        if entry is None:
            return None
        now = entry.used_at = monotonic()
        entry.refresh_func = refresh_func
        self._metrics.hits += 1
        if self._ttl is not None and now - entry.created_at > self._ttl and not entry.pinned:
            self._ensure_refresher()
        return entry.pulled

    def lookup(self, key: Key, refresh_func: Callable[[], Any]) -> Pulled | None:
        """`get` by a whole key."""
        if self._max_size == 0:
            return None
        return self.at_hand(key, refresh_func) or self._from_disk(key, refresh_func)

    def store(self, key: Key, value: Any, refresh_func: Callable[[], Any] | None) -> Pulled:
        """Keep a fetched value, on disk too."""
        entry = self._keep(key, key.name, value, refresh_func)
        if self._max_size and (disk := self._disk) is not None:
            disk.write(key, value)
        return entry.pulled

    def has_spare(self, key: Key) -> bool:
        """Whether the disk knows a value, however old, for the case that the server fails."""
        return (disk := self._disk) is not None and disk.read(key) is not None

    def rescue(self, key: Key, refresh_func: Callable[[], Any]) -> Pulled | None:
        """The last value that is known, however old, when the server fails."""
        disk = self._disk
        found = None if disk is None else disk.read(key)
        if found is None:
            return None
        commit, age = found
        return self._keep(key, key.name, commit, refresh_func, age).pulled

    def invalidate(self, key: str) -> None:
        """Forget a value.

        Args:
            key: The prompt's name, in any spelling; every client's entry of that name goes, with what is
                on disk of it.
        """
        name = as_key(key).name
        with self._lock:
            for known in [known for known in self._entries if known.name == name]:
                del self._entries[known]
        if (disk := self._disk) is not None:
            disk.remove(name)

    def clear(self) -> None:
        """Forget all values, but what is on disk."""
        with self._lock:
            self._entries.clear()

    @property
    def metrics(self) -> CacheMetrics:
        """What the cache has done so far."""
        return self._metrics

    def reset_metrics(self) -> None:
        """Count from zero."""
        with self._lock:
            self._metrics = CacheMetrics()

    def dump(self, path: str | Path) -> None:
        """Write all entries to a file of JSON, which `load` reads.

        The file takes its place at once or not at all. Of two clients' entries of one name the one that was
        used last is written.

        Args:
            path: The file; folders on the way are made.

        Raises:
            OSError: It can not be written.
        """
        from smithkit.prompts.cache._dump import write

        with self._lock:
            by_use = sorted(self._entries.values(), key=lambda entry: entry.used_at)
            values = {entry.name: entry.value for entry in by_use}
        write(path, values)

    def load(self, path: str | Path) -> int:
        """Read entries from a file that `dump` wrote; they count as fetched now, and every client sees them.

        Args:
            path: The file.

        Returns:
            How many were read; 0 if the file is missing or is no such file.
        """
        from smithkit.prompts.cache._dump import read

        count = 0
        for name, value in read(path):
            with self._lock:
                if len(self._entries) >= self._max_size:
                    break
            self._insert(as_key(name), name, value, None)
            count += 1
        return count

    @property
    def _disk(self) -> DiskCache | None:
        return DiskCache.of(None) if self._given_disk is None else self._given_disk[0]

    def _from_disk(self, key: Key, refresh_func: Callable[[], Any]) -> Pulled | None:
        disk = self._disk
        found = None if disk is None else disk.read(key, young=True)
        with self._lock:
            if found is None:
                self._metrics.misses += 1
                return None
            self._metrics.hits += 1
        commit, age = found
        entry = self._insert(key, key.name, commit, refresh_func, age)
        if entry.is_stale(self._ttl):
            self._wake_refresher()
        return entry.pulled

    def _keep(
        self, key: Key, name: str, value: Any, refresh_func: Callable[[], Any] | None, age: float = 0.0
    ) -> CacheEntry:
        """Insert a value that a refresher has to look after."""
        entry = self._insert(key, name, value, refresh_func, age)
        if self._ttl is not None and self._max_size:
            self._ensure_refresher()
        return entry

    def _insert(
        self, key: Key, name: str, value: Any, refresh_func: Callable[[], Any] | None, age: float = 0.0
    ) -> CacheEntry:
        pinned = getattr(value, "commit_hash", None) == key.commit != ""
        entry = CacheEntry(value, monotonic() - age, refresh_func, name, pinned)
        with self._lock:
            if self._max_size:
                self._entries[key] = entry
            self._trim()
        return entry

    def _trim(self) -> None:
        """Forget what was not used for longest."""
        excess = len(self._entries) - self._max_size
        for key in heapq.nsmallest(excess, self._entries, lambda key: self._entries[key].used_at):
            del self._entries[key]

    def _set_limits(self, max_size: int, ttl_seconds: float | None, refresh_interval_seconds: float) -> None:
        if max_size < 0 or (ttl_seconds is not None and ttl_seconds < 0) or refresh_interval_seconds <= 0:
            raise LangSmithUserError(
                f"A prompt cache needs max_size >= 0, ttl_seconds >= 0 or None and refresh_interval_seconds > 0, not "
                f"{max_size!r}, {ttl_seconds!r} and {refresh_interval_seconds!r}."
            )
        with self._lock:
            self._max_size = max_size
            self._ttl = ttl_seconds
            self._interval = refresh_interval_seconds
            self._trim()

    def _stale(self) -> list[tuple[Key, CacheEntry, Callable[[], Any]]]:
        """What is to be fetched anew."""
        with self._lock:
            return [
                (key, entry, entry.refresh_func)
                for key, entry in self._entries.items()
                if entry.refresh_func is not None and entry.is_stale(self._ttl)
            ]

    def _refresh_stale(self) -> Generator[Callable[[], Any], Any, None]:
        for key, entry, refresh in self._stale():
            if not self._is_worker():
                return
            try:
                value = yield refresh
            except Exception:  # noqa: BLE001 - whatever it is, the old value stays
                self._refresh_failed()
            else:
                self._refreshed(key, entry, value)

    def _refreshed(self, key: Key, entry: CacheEntry, value: Any) -> None:
        """Take a fresh value, unless the entry was replaced or forgotten meanwhile."""
        with self._lock:
            self._metrics.refreshes += 1
            if self._entries.get(key) is not entry:
                return
            self._entries[key] = replace(entry, value=value, created_at=monotonic())
        if (disk := self._disk) is not None:
            disk.write(key, value)

    def _refresh_failed(self) -> None:
        with self._lock:
            self._metrics.refresh_errors += 1

    def _wake_refresher(self) -> None:
        """Have the refresher look for stale entries now."""
        self._ensure_refresher()
        if self._wake is not None:
            self._wake.set()

    @abc.abstractmethod
    def shutdown(self) -> None:
        """End the refreshing; the next value that is set starts it again."""

    @abc.abstractmethod
    def _ensure_refresher(self) -> None:
        """Have a worker that runs."""

    @abc.abstractmethod
    def _is_worker(self) -> bool:
        """Whether the worker is what runs here."""


def refreshing(own: Callable[[], BaseCache[Any] | None]) -> Generator[float | Callable[[], Any], Any, None]:
    """What the worker of a cache does, until the cache is gone, or has another worker or none.

    Args:
        own: Gives the cache, if it is still there.

    Yields:
        Seconds to wait at most, for which it gets whether it was woken; and functions that fetch an entry anew, for
        which it gets the value.
    """
    while (cache := own()) is not None and cache._is_worker():  # noqa: SLF001 - one module
        interval = cache._interval  # noqa: SLF001
        del cache  # while the worker waits, the cache may go
        if (yield interval):
            yield _HEAD_START_SECONDS
        cache = own()
        if cache is not None:
            yield from cache._refresh_stale()  # noqa: SLF001
        del cache


_caches: weakref.WeakSet[BaseCache[Any]] = weakref.WeakSet()
_held: list[BaseCache[Any]] = []


def _before_fork() -> None:
    _held[:] = sorted(_caches, key=id)
    for cache in _held:
        cache._lock.acquire()  # noqa: SLF001 - one module


def _after_fork_in_parent() -> None:
    for cache in _held:
        cache._lock.release()  # noqa: SLF001
    _held.clear()


def _after_fork_in_child() -> None:
    for cache in _held:
        cache._lock = threading.Lock()  # noqa: SLF001
        cache._worker = None  # noqa: SLF001 - it stayed in the parent
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
