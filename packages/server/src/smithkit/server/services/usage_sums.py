"""What runs have used, added up: tokens, costs, and what both are broken down to."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from smithkit.server.domain.usage import format_cost, usage_details
from smithkit.server.store import RunSelection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Mapping
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.store import Store

__all__ = ["DETAILS", "USAGE", "numbers", "read_pages", "sum_details", "sum_traces", "sum_usage"]

USAGE = tuple(f"{side}_{what}" for side in ("total", "prompt", "completion") for what in ("tokens", "cost"))
"""Names of tokens and costs."""
DETAILS = frozenset(
    f"{side}_{what}_details" for side in ("prompt", "completion") for what in ("token", "cost")
)
"""Names of what tokens and costs are broken down to."""

_PAGE = 5000  # runs that are read at a time
_TRACES = 100  # that are asked for at once


class _Sums:
    """Adds runs up."""

    def __init__(self) -> None:
        self._totals: dict[str, int] = {}
        self._details: dict[str, Counter[str]] = {name: Counter() for name in DETAILS}

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            for name in USAGE:
                if row[name] is not None:
                    self._totals[name] = self._totals.get(name, 0) + row[name]
            for name, given in usage_details(row["usage_outputs"] or row["usage_extra"]).items():
                self._details[name].update(numbers(given))

    @property
    def usage(self) -> dict[str, Any]:
        return _shown(self._totals)

    @property
    def details(self) -> dict[str, Any]:
        return {name: dict(found) or None for name, found in self._details.items()}


async def read_pages(store: Store, selection: RunSelection) -> AsyncIterator[list[Row]]:
    """Read the records of all runs of a selection, some thousands at a time; its limit does not matter."""
    selection = replace(selection, limit=_PAGE)
    while True:
        rows = await store.find_runs(selection)
        yield rows
        if len(rows) < _PAGE:
            break
        selection = replace(selection, after=(rows[-1]["start_time"], rows[-1]["id"]))


async def sum_usage(store: Store, selection: RunSelection) -> dict[str, Any]:
    """Add up the tokens and costs of runs.

    Returns:
        Name → sum, as version 2 shows it; ``median_tokens`` too.
    """
    figures = await store.run_stats(selection)
    return _shown(figures) | {"median_tokens": figures["median_tokens"]}


async def sum_details(store: Store, selection: RunSelection) -> dict[str, Any]:
    """Add up the break-downs of the tokens and costs of runs.

    Returns:
        Name → what it is broken down to; None where no run has any.
    """
    sums = _Sums()
    async for rows in read_pages(store, selection):
        await run_in_threadpool(sums.add, rows)
    return sums.details


async def sum_traces(
    store: Store, sessions: Collection[UUID] | None, groups: Mapping[UUID, str]
) -> dict[str, dict[str, Any]]:
    """Add up the tokens and costs of all runs of traces, and their break-downs.

    Args:
        store: Where the runs lie.
        sessions: Their projects.
        groups: Trace → whose sums it counts in.

    Returns:
        Sums by name, as version 2 shows them, of each group.
    """
    sums = {group: _Sums() for group in groups.values()}
    traces = list(groups)
    for at in range(0, len(traces), _TRACES):
        part = RunSelection(sessions=sessions, traces=traces[at : at + _TRACES])
        async for rows in read_pages(store, part):
            await run_in_threadpool(_add_grouped, sums, rows, groups)
    return {group: {**own.usage, **own.details} for group, own in sums.items()}


def _add_grouped(sums: Mapping[str, _Sums], rows: Iterable[Row], groups: Mapping[UUID, str]) -> None:
    of_group: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_group[groups[row["trace_id"]]].append(row)
    for group, own in of_group.items():
        sums[group].add(own)


def numbers(given: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what can be added; clients write whatever they like into break-downs.

    Example:
        >>> numbers({"audio": 3, "known": True, "note": "x"})
        {'audio': 3}
    """
    return {key: n for key, n in given.items() if isinstance(n, int | float) and not isinstance(n, bool)}


def _shown(sums: Mapping[str, Any]) -> dict[str, Any]:
    """Tokens as they are, costs in dollars."""
    costs = {name: format_cost(sums.get(name)) for name in USAGE if "cost" in name}
    tokens = {name: sums.get(name) for name in USAGE if name not in costs}
    return tokens | {name: None if text is None else float(text) for name, text in costs.items()}
