"""Filters as requests bring them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smithkit.server.domain.filters import (
    RUN_FIELDS,
    And,
    Comparison,
    FilterError,
    Operator,
    check_filter,
    parse_filter,
)
from smithkit.server.domain.jsons import load
from smithkit.server.errors import unprocessable
from smithkit.server.store import FeedbackFilter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from smithkit.server.domain.filters import Node
    from smithkit.server.domain.filters.fields import Field

__all__ = ["all_of", "feedback_filter", "read_filter", "read_search"]

_COMPARISON = (
    r'\s*(?:eq\(\s*"?feedback_key"?\s*,\s*(?P<key>"(?:[^"\\]|\\.)*")|(?P<name>eq|neq|gte?|lte?)\(\s*"?feedback_score"?'
    r"\s*,\s*(?P<bound>-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?))\s*\)\s*"
)
_ONE = re.compile(_COMPARISON)
_SEVERAL = re.compile(r"\s*and\(((?:{0})(?:,{0})*)\)\s*".format(re.sub(r"\?P<\w+>", "?:", _COMPARISON)))
_OPERATORS = {"eq": "eq", "neq": "ne", "gt": "gt", "gte": "ge", "lt": "lt", "lte": "le"}


def read_filter(name: str, text: str | None, fields: Mapping[str, Field] = RUN_FIELDS) -> Node | None:
    """Read a filter and check it.

    Args:
        name: Where it stands in the request.
        text: The filter; None or blank asks for nothing.
        fields: What may be asked.

    Returns:
        Its tree; None for no filter.

    Raises:
        ApiError: 422, saying what is wrong and where.

    Example:
        >>> read_filter("filter", 'eq(name, "a")').value
        'a'
    """
    if text is None or not text.strip():
        return None
    try:
        return check_filter(parse_filter(text), fields)
    except FilterError as error:
        raise unprocessable(f"{name}: {error}") from error


def read_search(name: str, text: str | None) -> Node | None:
    """Read what is searched for in all texts; None for nothing.

    Raises:
        ApiError: 422, there is no word in it.
    """
    if text is None or not text.strip():
        return None
    try:
        return check_filter(Comparison(Operator.SEARCH, "", text), RUN_FIELDS)
    except FilterError as error:
        raise unprocessable(f"{name}: {error}") from error


def all_of(*nodes: Node | None) -> Node | None:
    """Join filters that must all hold; None if there is none."""
    given = tuple(node for node in nodes if node is not None)
    return And(given) if len(given) > 1 else next(iter(given), None)


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


def _text(literal: str) -> str:
    try:
        return str(load(literal.encode()))
    except ValueError as error:
        raise unprocessable(f"filter: {literal} is not a text") from error
