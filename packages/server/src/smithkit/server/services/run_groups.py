"""Runs in groups, with the figures of each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from smithkit.server.domain.filters import And, Comparison, Group, Node, Operator, Some, write_filter
from smithkit.server.services.figures import render_figures
from smithkit.server.services.filters import all_of

if TYPE_CHECKING:
    from smithkit.server.services.runs import RunService
    from smithkit.server.store import RunGrouping, RunSelection, Store

__all__ = ["RunGroupService"]

_SHOWN = (
    "feedback_stats",
    "first_token_p50",
    "first_token_p99",
    "latency_p50",
    "latency_p99",
    "total_tokens",
    "prompt_tokens",
    "completion_tokens",
    "total_cost",
    "prompt_cost",
    "completion_cost",
)


class RunGroupService:
    """Groups runs by what they have in common.

    Args:
        store: Where they lie.
        runs: Shows their payloads.
    """

    def __init__(self, store: Store, runs: RunService) -> None:
        self._store = store
        self._runs = runs

    async def stats(self, selection: RunSelection, grouping: RunGrouping) -> dict[str, Any]:
        """Sum up the runs of each group.

        Args:
            selection: Which runs.
            grouping: Which groups.

        Returns:
            What a group has in common → its figures.
        """
        keys, _ = await self._store.group_runs(selection, grouping)
        return {
            key: render_figures(await self._store.run_stats(_of_group(selection, grouping, key)))
            for key in keys
        }

    async def count(self, selection: RunSelection, grouping: RunGrouping) -> int:
        """Count the groups."""
        return (await self._store.group_runs(selection, replace(grouping, limit=0)))[1]

    async def page(self, selection: RunSelection, grouping: RunGrouping) -> dict[str, Any]:
        """List groups with their figures, and what went into their first run and came out of their last.

        Args:
            selection: Which runs.
            grouping: Which groups.

        Returns:
            The groups, and how many there are in all.
        """
        keys, total = await self._store.group_runs(selection, grouping)
        groups = [await self._show(_of_group(selection, grouping, key), grouping, key) for key in keys]
        return {"groups": groups, "total": total}

    async def _show(self, own: RunSelection, grouping: RunGrouping, key: str) -> dict[str, Any]:
        figures = render_figures(await self._store.run_stats(own))
        return {
            "group_key": key,
            "filter": write_filter(_filter(grouping, key)),
            "count": figures["run_count"],
            "min_start_time": figures["first_run_start_time"],
            "max_start_time": figures["last_run_start_time"],
            **{name: figures[name] for name in _SHOWN},
            "first_inputs": await self._payload(replace(own, ascending=True), "inputs"),
            "last_outputs": await self._payload(own, "outputs"),
        }

    async def _payload(self, own: RunSelection, name: str) -> Any:
        rows = await self._store.find_runs(replace(own, limit=1))
        shown = await self._runs.find([row["id"] for row in rows], [name])
        return shown[0][name] if shown else None


def _of_group(selection: RunSelection, grouping: RunGrouping, key: str) -> RunSelection:
    return replace(selection, filter=all_of(selection.filter, _filter(grouping, key)))


def _filter(grouping: RunGrouping, key: str) -> Node:
    """Give the filter that the runs of one group fulfil."""
    match grouping.attribute:
        case "tag":
            return Comparison(Operator.HAS, "tags", key)
        case "metadata":
            pair = (
                Comparison(Operator.EQ, "metadata_key", grouping.path),
                Comparison(Operator.EQ, "metadata_value", key),
            )
            return Some(Group.METADATA, And(pair))
        case attribute:
            return Comparison(Operator.EQ, "thread_id" if attribute == "thread" else attribute, key)
