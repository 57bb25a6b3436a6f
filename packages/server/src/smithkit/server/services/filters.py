"""The filters that this server can answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smithkit.server.domain.jsons import load
from smithkit.server.errors import unprocessable
from smithkit.server.store import FeedbackFilter

if TYPE_CHECKING:
    from uuid import UUID

__all__ = ["feedback_filter", "thread_of"]

_THREAD = re.compile(r'\s*eq\(\s*"?thread_id"?\s*,\s*("(?:[^"\\]|\\.)*")\s*\)\s*')
_COMPARISON = (
    r'\s*(?:eq\(\s*"?feedback_key"?\s*,\s*(?P<key>"(?:[^"\\]|\\.)*")|(?P<name>eq|neq|gte?|lte?)\(\s*"?feedback_score"?'
    r"\s*,\s*(?P<bound>-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?))\s*\)\s*"
)
_ONE = re.compile(_COMPARISON)
_SEVERAL = re.compile(r"\s*and\(((?:{0})(?:,{0})*)\)\s*".format(re.sub(r"\?P<\w+>", "?:", _COMPARISON)))
_OPERATORS = {"eq": "eq", "neq": "ne", "gt": "gt", "gte": "ge", "lt": "lt", "lte": "le"}


def feedback_filter(session_id: UUID, text: str) -> FeedbackFilter:
    """Read a filter that names feedback.

    Args:
        session_id: The experiment whose runs must have it.
        text: ``eq(feedback_key, "...")``, or this joined by ``and`` with bounds of the score, such as
            ``gte(feedback_score, 0.5)``.

    Returns:
        What it asks for.

    Raises:
        ApiError: 422, it is another filter.

    Example:
        >>> feedback_filter(None, 'and(eq(feedback_key, "exact"), gt(feedback_score, 0.5))').bounds
        (('gt', 0.5),)
    """
    joined = _SEVERAL.fullmatch(text)
    found = list(_ONE.finditer(text if joined is None else joined[1]))
    keys = [_text(one["key"]) for one in found if one["key"]]
    if len(keys) != 1 or (joined is None and not _ONE.fullmatch(text)):
        raise unprocessable(
            'filters: rows of experiments are filtered by feedback: eq(feedback_key, "..."), or '
            'and(eq(feedback_key, "..."), gte(feedback_score, 0.5))'
        )
    bounds = ((_OPERATORS[one["name"]], float(one["bound"])) for one in found if one["name"])
    return FeedbackFilter(session_id, keys[0], tuple(bounds))


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
    if match is not None:
        return _text(match[1])
    raise unprocessable('filter: of the filter language this server knows eq(thread_id, "...") alone as yet')


def _text(literal: str) -> str:
    try:
        return str(load(literal.encode()))
    except ValueError as error:
        raise unprocessable(f"filter: {literal} is not a text") from error
