"""Queries for runs, whose answers come in pages that a cursor joins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from smithkit.errors import LangSmithResponseError
from smithkit.operations import Flow, Page, PageFlow, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    T = TypeVar("T")

__all__ = ["DEFAULT_SELECT", "query_all", "query_pages"]

DEFAULT_SELECT: list[str] = [
    *"""
app_path completion_cost completion_tokens dotted_order end_time error events extra feedback_stats
first_token_time id inputs name outputs parent_run_id parent_run_ids prompt_cost prompt_tokens
reference_example_id run_type session_id start_time status tags total_cost total_tokens trace_id
""".split()
]
"""The fields of a run that are asked for when the caller names none."""


def query_pages(
    path: str, body: Mapping[str, Any], parse: Callable[[dict[str, Any]], T], limit: int | None = None
) -> PageFlow[T]:
    """The flow of a `paginated` method that queries runs.

    Args:
        path: Path of the endpoint.
        body: The query; None values are left out.
        parse: Makes an item of a row.
        limit: Most items to give; None for all.

    Yields:
        `Request` and `Page` objects.
    """
    cursor: str | None = None
    left = limit
    while left is None or left > 0:
        rows, cursor = yield from _page(path, body, cursor)
        rows = rows[:left]
        yield Page([parse(row) for row in rows])
        if cursor is None:
            return
        left = None if left is None else left - len(rows)


def query_all(path: str, body: Mapping[str, Any]) -> Flow[list[dict[str, Any]]]:
    """Fetch every row that a query finds.

    Args:
        path: Path of the endpoint.
        body: The query; None values are left out.

    Returns:
        The rows.
    """
    found, cursor = yield from _page(path, body, None)
    while cursor is not None:
        rows, cursor = yield from _page(path, body, cursor)
        found += rows
    return found


def _page(
    path: str, body: Mapping[str, Any], cursor: str | None
) -> Flow[tuple[list[dict[str, Any]], str | None]]:
    asked = {name: value for name, value in {**body, "cursor": cursor}.items() if value is not None}
    answer = (yield Request("POST", path, json=asked)).json()
    if not isinstance(answer, dict):
        raise LangSmithResponseError(f"POST {path} answered with something else than a page of runs.")
    return answer.get("runs") or [], (answer.get("cursors") or {}).get("next") or None
