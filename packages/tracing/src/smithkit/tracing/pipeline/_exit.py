"""The end of the process: whoever still holds runs gets a last, limited time to deliver them."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
from typing import Protocol
from weakref import WeakSet

__all__ = ["begun", "enlist", "keep", "release", "seconds_left", "watch_multiprocessing"]

_SECONDS = 10.0
_log = logging.getLogger("smithkit.tracing")


class Holder(Protocol):
    """Holds runs that are not delivered yet."""

    exit_order: int
    """Who passes runs on goes before those who get them."""

    def finish(self, seconds: float) -> int:
        """Deliver within some seconds; gives how many operations are lost."""
        ...


class _Process:
    """What this process holds, and until when it may take to end."""

    def __init__(self) -> None:
        self.holders: set[Holder] = set()
        self.known: WeakSet[Holder] = WeakSet()
        self.ends: float | None = None
        self.is_watched = False


_process = _Process()


def keep(holder: Holder) -> None:
    """Keep somebody alive until the process's end, because it holds something."""
    _process.holders.add(holder)


def release(holder: Holder) -> None:
    """It holds nothing any more."""
    _process.holders.discard(holder)


def enlist(holder: Holder) -> None:
    """Have somebody finish at the process's end, if it is still there then."""
    _process.known.add(holder)


def begun() -> bool:
    """Whether the process is ending."""
    return _process.ends is not None


def seconds_left() -> float:
    """Seconds that the end may still take."""
    return _SECONDS if _process.ends is None else max(0.0, _process.ends - time.monotonic())


def watch_multiprocessing() -> None:
    """In a child of `multiprocessing`, which ends without `atexit`: finish there too."""
    module = sys.modules.get("multiprocessing.process")
    if _process.is_watched or module is None or module.parent_process() is None:
        return
    from multiprocessing import util

    _process.is_watched = True
    util.Finalize(None, _finish, exitpriority=0)


def _finish() -> None:
    _process.ends = time.monotonic() + _SECONDS
    lost = 0
    for holder in sorted({*_process.holders, *_process.known}, key=lambda one: one.exit_order):
        lost += holder.finish(seconds_left())
    if lost:
        _log.warning("%d operations of runs were not sent before the program ended", lost)


def _forget() -> None:
    """In a forked child: what the parent holds, the parent delivers."""
    global _process  # noqa: PLW0603 - one a process
    _process = _Process()


atexit.register(_finish)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
