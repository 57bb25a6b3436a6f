"""Lists that the API gives a page at a time, by offset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from smithkit.answers import rows
from smithkit.errors import LangSmithUserError
from smithkit.operations import Flow, Page, PageFlow, Request, until_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

__all__ = ["PAGE_SIZE", "check_limit", "collected", "offset_pages"]

PAGE_SIZE = 100
"""Items that the API gives in one page at most."""


def check_limit(limit: int | None, name: str = "limit") -> None:
    """Insist that a number of items is not negative.

    Args:
        limit: The number, or None for no limit.
        name: The argument's name, for the message.

    Raises:
        LangSmithUserError: It is negative.

    Example:
        >>> check_limit(None)
        >>> check_limit(0)
    """
    if limit is not None and limit < 0:
        raise LangSmithUserError(f"{name} must be 0 or more, not {limit}.")


def offset_pages(
    path: str,
    params: Mapping[str, Any] | None = None,
    *,
    parse: Callable[[Any], T],
    limit: int | None = None,
    offset: int = 0,
) -> PageFlow[T]:
    """The flow of a `paginated` method whose endpoint takes `limit` and `offset` and answers with a list.

    A page is fetched when its first item is asked for. The last is one that is empty or shorter than
    asked for, or the one that reaches the caller's limit.

    Args:
        path: Path of the endpoint.
        params: Its further query parameters; None values are left out.
        parse: Makes an item of a row of the answer.
        limit: Most items to give; None for all, 0 for none.
        offset: Items to leave out at the start.

    Yields:
        `Request` and `Page` objects.

    Raises:
        LangSmithUserError: A negative `limit` or `offset`.
        LangSmithResponseError: The answer is not a list.

    Example:
        >>> from smithkit.operations import paginated
        >>> class Names:
        ...     @paginated
        ...     def list_names(self, *, limit: int | None = None) -> PageFlow[str]:
        ...         yield from offset_pages("/sessions", parse=lambda row: row["name"], limit=limit)
    """
    check_limit(limit)
    check_limit(offset, "offset")
    size = PAGE_SIZE if limit is None else min(limit, PAGE_SIZE)
    left = limit
    while left is None or left > 0:
        response = yield Request("GET", path, params={**(params or {}), "limit": size, "offset": offset})
        page = rows(response)
        if page:
            yield Page([parse(row) for row in page[:left]])
        if len(page) < size:
            return
        offset += len(page)
        if left is not None:
            left -= len(page)


def collected(pages: PageFlow[T]) -> Flow[list[T]]:
    """All items of a paginated flow, for an operation that needs them at once.

    Args:
        pages: The flow.

    Returns:
        Its items.

    Example:
        >>> from smithkit.operations import operation
        >>> class Names:
        ...     @operation
        ...     def names(self) -> Flow[list[str]]:
        ...         return (yield from collected(offset_pages("/sessions", parse=lambda row: row["name"])))
    """
    items: list[T] = []
    while (page := (yield from until_page(pages))) is not None:
        items.extend(page.items)
    return items
