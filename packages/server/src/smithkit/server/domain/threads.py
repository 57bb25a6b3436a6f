"""Which conversation a run belongs to."""

from __future__ import annotations

from typing import Any

__all__ = ["find_thread"]

_KEYS = ("session_id", "thread_id", "conversation_id")


def find_thread(metadata: Any) -> str | None:
    """Read the name of a run's conversation from its metadata.

    Args:
        metadata: Metadata of a run, of whatever type the client sent.

    Returns:
        Its `session_id`, `thread_id` or `conversation_id`, the first that is there; None without any.

    Example:
        >>> find_thread({"thread_id": "t-1", "user": "u"})
        't-1'
    """
    if not isinstance(metadata, dict):
        return None
    for key in _KEYS:
        name = metadata.get(key)
        if isinstance(name, str | int) and name != "":
            return str(name).encode("utf-8", "replace").decode()
    return None
