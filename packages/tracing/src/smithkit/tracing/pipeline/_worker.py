"""A daemon thread that works for an owner without keeping it alive."""

from __future__ import annotations

import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from smithkit.tracing.pipeline import _exit

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Worker"]

_PAUSE_SECONDS = 0.5  # after which the successor of a killed thread goes on


class Worker:
    """Starts with the first work, ends with its owner, and has a successor if it is killed.

    Args:
        owner: For whom; held only while there is work.
        work: Does what there is to do, given the owner; returns when there is nothing left.
        rest: Waits for work, some seconds at most; must not hold the owner.
        name: The thread's name.
    """

    def __init__(
        self, owner: object, work: Callable[[Any], object], rest: Callable[[], object], name: str
    ) -> None:
        self._owner = weakref.ref(owner)
        self._work = work
        self._rest = rest
        self._name = name
        self._lock = threading.RLock()  # a signal handler may trace while its thread is in here
        self.thread: threading.Thread | None = None
        """The thread at work, or the last one."""

    def ensure(self) -> bool:
        """Have a thread; False if the interpreter is ending and starts none any more."""
        if self.is_alive():
            return True
        with self._lock:
            if self.is_alive():
                return True
            _exit.watch_multiprocessing()
            return self._start(0.0)

    def is_alive(self) -> bool:
        """Whether there is a thread."""
        return self.thread is not None and self.thread.is_alive()

    def is_current(self) -> bool:
        """Whether the calling thread is the one that is to work; False once it was stopped."""
        return threading.current_thread() is self.thread

    def stop(self, wake: Callable[[], object], timeout: float) -> bool:
        """End the thread after what it is at; False if it is at it still.

        Args:
            wake: Ends its rest.
            timeout: Seconds to wait for it at most.
        """
        thread, self.thread = self.thread, None
        wake()
        if thread is None or thread is threading.current_thread():
            return thread is None
        thread.join(timeout)
        return not thread.is_alive()

    def _start(self, pause: float) -> bool:
        thread = threading.Thread(target=self._live, args=(pause,), name=self._name, daemon=True)
        previous, self.thread = self.thread, thread
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending
            self.thread = previous
            return False
        return True

    def _live(self, pause: float) -> None:
        time.sleep(pause)
        try:
            while self.is_current():
                owner = self._owner()
                if owner is None:
                    return
                self._work(owner)
                del owner
                self._rest()
        except BaseException:
            if self.is_current():
                self._start(_PAUSE_SECONDS)
            raise
