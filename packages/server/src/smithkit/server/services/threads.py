"""Threads: conversations, each turn of which is a trace."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from smithkit.server.domain.filters import Comparison, Operator
from smithkit.server.domain.times import format_time, parse_time
from smithkit.server.services.cursors import encode_offset
from smithkit.server.services.figures import render_figures
from smithkit.server.services.filters import all_of
from smithkit.server.services.run_views import DETAILS, RunView, sum_details, sum_usage
from smithkit.server.store import RunGrouping, RunSelection

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from smithkit.server.services.run_views import RunViewService
    from smithkit.server.store import Store

__all__ = ["ThreadService"]

_ENDS = RunView(frozenset({"trace_id", "inputs_preview", "outputs_preview"}))
_ERROR = RunView(frozenset({"error_preview"}))
_OF_PLACE = frozenset({"latency", "op", "turn_number"})
_USAGE = frozenset({"total_tokens", "total_cost", *DETAILS})
# Name in an answer → name of the figure of the turns.
_OF_TURNS = {
    "turns": "run_count",
    "trace_count": "run_count",
    "first_start_time": "first_run_start_time",
    "last_start_time": "last_run_start_time",
    "feedback_stats": "feedback_stats",
    "thread_feedback_stats": "feedback_stats",
    "latency_p50_seconds": "latency_p50",
    "latency_p99_seconds": "latency_p99",
    "first_token_p50_seconds": "first_token_p50",
    "first_token_p99_seconds": "first_token_p99",
    "error_rate": "error_rate",
    "streaming_rate": "streaming_rate",
}


class ThreadService:
    """Reads threads.

    Counts, latencies and feedback are those of the turns, the roots of traces; tokens and costs are those of all
    runs in them.

    Args:
        store: Where runs lie.
        views: Shows runs.
    """

    def __init__(self, store: Store, views: RunViewService) -> None:
        self._store = store
        self._views = views

    async def page(self, roots: RunSelection, offset: int, limit: int) -> dict[str, Any]:
        """Read a page of threads, the one that was active last first.

        Args:
            roots: Which turns.
            offset: Threads to pass over.
            limit: Threads at most.

        Returns:
            ``items``, and ``next_cursor``, which is null at the end.
        """
        names, total = await self._store.group_runs(roots, RunGrouping("thread", offset=offset, limit=limit))
        end = offset + len(names)
        return {
            "items": [await self._show(_of_thread(roots, name), name) for name in names],
            "next_cursor": encode_offset(end) if names and end < total else None,
        }

    async def stats(self, roots: RunSelection, fields: AbstractSet[str]) -> dict[str, Any]:
        """Sum up turns.

        Args:
            roots: Which turns.
            fields: Names of figures, as answers have them.
        """
        turns = render_figures(await self._store.run_stats(roots))
        shown = {field: turns[_OF_TURNS[field]] for field in fields & _OF_TURNS.keys()}
        if "thread_count" in fields:
            _, shown["thread_count"] = await self._store.group_runs(roots, RunGrouping("thread", limit=0))
        if "last_end_time" in fields:
            last = await self._store.find_runs(replace(roots, limit=1))
            ended = last[0]["end_time"] if last else None
            shown["last_end_time"] = None if ended is None else format_time(ended)
        return shown | await self._usage(roots, fields - shown.keys())

    async def stats_of_one(self, roots: RunSelection, name: str, fields: AbstractSet[str]) -> dict[str, Any]:
        """Sum up the turns of one thread; see `stats`."""
        found = await self.stats(_of_thread(roots, name), fields)
        return found | {field: {"raw": found[field] or {}} for field in fields & DETAILS}

    async def turns(
        self, roots: RunSelection, name: str, fields: AbstractSet[str], base_url: str
    ) -> dict[str, Any]:
        """Read a page of a thread's traces, in their order.

        Args:
            roots: Which turns.
            name: The thread.
            fields: What is shown of each: its root's fields, and ``turn_number``, its place in the whole thread from 1.
            base_url: URL of this server, as its caller sees it.

        Returns:
            ``items``, and ``next_cursor``, which is null at the end.
        """
        view = RunView(
            frozenset(fields - _OF_PLACE | {"start_time", "latency_seconds"}), base_url, subtree_usage=True
        )
        page = await self._views.page(replace(_of_thread(roots, name), ascending=True), view)
        for turn in page["items"]:
            turn |= {"op": None, "latency": turn["latency_seconds"]}
            if "turn_number" in fields:
                turn["turn_number"] = await self._place(roots, name, parse_time(turn["start_time"]))
        page["items"] = [{field: turn[field] for field in fields} for turn in page["items"]]
        return page

    async def _place(self, roots: RunSelection, name: str, start: int) -> int:
        """Count the turns of a thread up to one."""
        until = RunSelection(sessions=roots.sessions, is_root=True, started_to=start)
        return int((await self._store.run_stats(_of_thread(until, name)))["run_count"])

    async def _show(self, own: RunSelection, name: str) -> dict[str, Any]:
        first = await self._views.read(replace(own, ascending=True), _ENDS)
        last = await self._views.read(own, _ENDS)
        failed = await self._views.page(replace(own, error=True, limit=1), _ERROR)
        turns = render_figures(await self._store.run_stats(own))
        usage = await self._usage(own, _USAGE)
        return {
            "thread_id": name,
            "count": turns["run_count"],
            "num_errored_turns": round((turns["error_rate"] or 0) * turns["run_count"]),
            "last_error": failed["items"][0]["error_preview"] if failed["items"] else None,
            "feedback_stats": turns["feedback_stats"],
            "latency_p50": turns["latency_p50"],
            "latency_p99": turns["latency_p99"],
            "start_time": turns["first_run_start_time"],
            "min_start_time": turns["first_run_start_time"],
            "max_start_time": turns["last_run_start_time"],
            "trace_id": first["trace_id"],
            "first_trace_id": first["trace_id"],
            "last_trace_id": last["trace_id"],
            "first_inputs": first["inputs_preview"],
            "last_outputs": last["outputs_preview"],
            "total_tokens": usage["total_tokens"],
            "total_cost": usage["total_cost"],
            "total_token_details": _joined(usage["prompt_token_details"], usage["completion_token_details"]),
            "total_cost_details": _joined(usage["prompt_cost_details"], usage["completion_cost_details"]),
        }

    async def _usage(self, roots: RunSelection, fields: AbstractSet[str]) -> dict[str, Any]:
        """Tokens and costs of whole traces."""
        traces = _traces_of(roots)
        usage: dict[str, Any] = {}
        if fields - DETAILS:
            usage |= await sum_usage(self._store, traces)
        if fields & DETAILS:
            usage |= await sum_details(self._store, traces)
        return {field: usage[field] for field in fields}


def _of_thread(roots: RunSelection, name: str) -> RunSelection:
    """Choose the turns of one thread among others."""
    return replace(roots, filter=all_of(roots.filter, Comparison(Operator.EQ, "thread_id", name)))


def _traces_of(roots: RunSelection) -> RunSelection:
    """Choose all runs of the traces that have such roots."""
    bounds = ((Operator.GTE, roots.started_from), (Operator.LTE, roots.started_to))
    started = [Comparison(which, "start_time", moment) for which, moment in bounds if moment is not None]
    return RunSelection(
        sessions=roots.sessions, trace_filter=all_of(roots.filter, *started), tree_filter=roots.tree_filter
    )


def _joined(*details: dict[str, float] | None) -> dict[str, float] | None:
    found: Counter[str] = Counter()
    for given in details:
        found.update(given or {})
    return dict(found) or None
