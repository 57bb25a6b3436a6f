"""Filters as requests bring them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.domain.filters import (
    RUN_FIELDS,
    And,
    Comparison,
    FilterError,
    Operator,
    check_filter,
    parse_filter,
    write_filter,
)
from smithkit.server.errors import unprocessable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from smithkit.server.domain.filters import Node
    from smithkit.server.domain.filters.fields import Field

__all__ = ["all_of", "read_filter", "read_filters", "read_search"]


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


def read_filters(name: str, texts: Mapping[UUID, Sequence[str]]) -> tuple[tuple[UUID, Node], ...]:
    """Read filters of several projects.

    Args:
        name: Where they stand in the request.
        texts: By project: filters that must all hold of one run.

    Returns:
        Projects, each with all that is asked of it; those of which nothing is asked are left out.

    Raises:
        ApiError: 422, saying what is wrong and where; together they may be as large as one filter.

    Example:
        >>> from uuid import UUID
        >>> project = UUID(int=1)
        >>> ((_, node),) = read_filters("filters", {project: ['eq(feedback_key, "exact")', "gt(latency, 2)"]})
        >>> write_filter(node)
        'and(eq(feedback_key, "exact"), gt(latency, 2000000))'
    """
    found: list[tuple[UUID, Node]] = []
    for project, own in texts.items():
        node = all_of(*(read_filter(f"{name}.{project}", text) for text in own))
        if node is not None:
            found.append((project, node))
    if sum(map(len, texts.values())) > 1 and (whole := all_of(*(node for _, node in found))) is not None:
        try:
            parse_filter(write_filter(whole))
        except FilterError as error:
            raise unprocessable(f"{name}: taken together, {error}") from error
    return tuple(found)
