"""The filters that this server can answer."""

from __future__ import annotations

import re

from smithkit.server.domain.jsons import load
from smithkit.server.errors import unprocessable

__all__ = ["thread_of"]

_THREAD = re.compile(r'\s*eq\(\s*"?thread_id"?\s*,\s*("(?:[^"\\]|\\.)*")\s*\)\s*')


def thread_of(text: str) -> str:
    """Read a filter that names a conversation.

    Args:
        text: ``eq(thread_id, "...")``.

    Returns:
        The conversation.

    Raises:
        ApiError: 422, it is another filter.

    Example:
        >>> thread_of('eq(thread_id, "t-1")')
        't-1'
    """
    match = _THREAD.fullmatch(text)
    try:
        if match is not None:
            return str(load(match[1].encode()))
    except ValueError:
        pass
    raise unprocessable('filter: of the filter language this server knows eq(thread_id, "...") alone as yet')
