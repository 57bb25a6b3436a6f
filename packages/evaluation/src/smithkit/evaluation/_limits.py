"""Limits of an evaluation: how much of the user's code runs at a time, and how often it is called."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

__all__ = ["OPEN", "Gate", "checked_concurrency", "checked_limit", "checked_rate"]


class Gate:
    """What calls pass: so many at a time, and so many a second.

    Args:
        most: Calls at a time; None for any number.
        per_second: Calls that begin each second, evenly apart; None for any number.
    """

    def __init__(self, most: int | None = None, per_second: float | None = None) -> None:
        self._threads = contextlib.nullcontext() if most is None else threading.Semaphore(most)
        self._tasks = contextlib.nullcontext() if most is None else asyncio.Semaphore(most)
        self._apart = 0.0 if per_second is None else 1 / per_second
        self._next = 0.0
        self._lock = threading.Lock()

    def __reduce__(self) -> Any:
        return Gate, ()  # it holds in one process

    @contextlib.contextmanager
    def passed(self) -> Iterator[None]:
        """A call in a thread, once it may begin."""
        with self._threads:
            wait = self._wait()
            if wait > 0:
                time.sleep(wait)
            yield

    @contextlib.asynccontextmanager
    async def apassed(self) -> AsyncIterator[None]:
        """A call in a task, once it may begin."""
        async with self._tasks:
            wait = self._wait()
            if wait > 0:
                await asyncio.sleep(wait)
            yield

    def _wait(self) -> float:
        """Take the next turn; seconds until then."""
        if not self._apart:
            return 0.0
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._apart
            return turn - now


OPEN = Gate()
"""A gate that lets everything through."""


def checked_concurrency(max_concurrency: int | None) -> int | None:
    """How many rows may run at a time: 0 is one after the other, None is all.

    Raises:
        ValueError: It is negative.
    """
    if max_concurrency is None:
        return None
    if not isinstance(max_concurrency, int) or max_concurrency < 0:
        raise ValueError(
            f"max_concurrency must be 0 (one after the other), more, or None (all), not {max_concurrency!r}."
        )
    return max(max_concurrency, 1)


def checked_limit(name: str, given: Any) -> None:
    """See that a limit is a number of calls, or None.

    Raises:
        ValueError: It is not.
    """
    if given is not None and (not isinstance(given, int) or isinstance(given, bool) or given < 1):
        raise ValueError(f"{name} must be a whole number, at least 1, or None for no limit, not {given!r}.")


def checked_rate(name: str, given: Any) -> None:
    """See that a rate is a number of calls a second, or None.

    Raises:
        ValueError: It is not.
    """
    number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if given is not None and not (number and 0 < given < float("inf")):
        raise ValueError(
            f"{name} must be calls per second, more than 0, or None for no limit, not {given!r}."
        )
