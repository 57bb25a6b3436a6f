"""One request for all who want the same at the same time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from concurrent.futures import Future

    from smithkit.operations import Flow

    T = TypeVar("T")

__all__ = ["Flights"]

_ABANDONED: Any = object()


class Flights:
    """What is being fetched now; threads and tasks of several event loops may share one."""

    def __init__(self) -> None:
        self._flying: dict[Hashable, Future[Any]] = {}

    def share(self, key: Hashable, fetch: Callable[[], Flow[T]]) -> Flow[T]:
        """Fetch, or wait for who fetches already.

        Args:
            key: What is fetched.
            fetch: Gives the flow that does it.

        Returns:
            Its result; what it raises is raised to all. If it is cancelled, one of the others takes over.
        """
        from concurrent.futures import Future

        mine = (os.getpid(), key)  # in a fork nobody is left who would finish the parent's
        while True:
            own: Future[Any] = Future()
            own.set_running_or_notify_cancel()  # a waiter that is cancelled can not cancel it
            flight = self._flying.setdefault(mine, own)
            if flight is own:
                return (yield from self._lead(mine, own, fetch))
            result: T = yield flight
            if result is not _ABANDONED:
                return result

    def _lead(self, key: Hashable, own: Future[Any], fetch: Callable[[], Flow[T]]) -> Flow[T]:
        try:
            result = yield from fetch()
        except Exception as error:
            del self._flying[key]
            own.set_exception(error)
            raise
        except BaseException:
            del self._flying[key]
            own.set_result(_ABANDONED)
            raise
        del self._flying[key]
        own.set_result(result)
        return result
