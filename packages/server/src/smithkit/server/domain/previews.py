"""What runs took and gave, in a line or two."""

from __future__ import annotations

from typing import Any

from smithkit.server.domain.conversations import conversation
from smithkit.server.domain.jsons import dump

__all__ = ["preview"]

_LONGEST = 500


def preview(value: Any) -> str | None:
    """Give what is said in inputs, outputs or an error, or else their JSON.

    Args:
        value: Of whatever type a client sent.

    Returns:
        500 characters at most; None of nothing.

    Example:
        >>> preview({"messages": [{"role": "user", "content": "Hi"}]}), preview({"n": 1}), preview({})
        ('Hi', '{"n":1}', None)
    """
    if value is None or value in ({}, []):
        return None
    text = value if isinstance(value, str) else conversation(value, None) or dump(value).decode()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
