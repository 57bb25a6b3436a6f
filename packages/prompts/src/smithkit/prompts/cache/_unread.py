"""Commits that are copied when somebody looks into them, not when they are pulled.

To copy a manifest takes longer than all else that a pull from memory does, and many pulls only want to know
which commit it is, or look at the manifest once.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from smithkit.prompts.cache._snapshots import Snapshot
from smithkit.prompts.schemas import PromptCommit

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["giving"]

_reading = threading.RLock()
_new = object.__new__
_get = object.__getattribute__
_set = object.__setattr__


class _Unread(PromptCommit, defer_build=True):
    """A commit that nobody has looked into: whoever does has a `PromptCommit` with content of its own."""

    def __getattribute__(self, name: str) -> Any:
        _read(self)
        return getattr(self, name)


def giving(commit: PromptCommit) -> Callable[[], PromptCommit]:
    """A function that gives a copy of a commit, as it is now, at each call.

    Args:
        commit: The commit.
    """
    content = Snapshot(commit.__getstate__())

    def give() -> PromptCommit:
        unread = _new(_Unread)
        _set(unread, "content", content)
        return unread

    return give


def _read(unread: _Unread) -> None:
    with _reading:
        if type(unread) is not _Unread:
            return  # another thread was first
        content = _get(unread, "__dict__").pop("content", None)
        if content is not None:
            PromptCommit.__setstate__(unread, content.copy())
        _set(unread, "__class__", PromptCommit)
