"""Notice that plugins came or went, at the cost of comparing two numbers."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Generation", "after_change"]

_changes = 0
_listeners: list[Callable[[], None]] = []


class Generation:
    """What one reader has seen of the changes."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        _listen()
        self._seen = -1

    def changed(self) -> bool:
        """Whether there was a change since the last call; true at the first."""
        if self._seen == _changes:
            return False
        self._seen = _changes
        return True


def after_change(listener: Callable[[], None]) -> None:
    """Have a function called after each change.

    Args:
        listener: Called without arguments, in the thread of the change.
    """
    _listeners.append(listener)


@functools.cache
def _listen() -> None:
    from smithkit.plugins import manager

    manager().on_change(_changed)


def _changed() -> None:
    global _changes  # noqa: PLW0603 - one plugin manager a process
    _changes += 1
    for listener in _listeners:
        listener()
