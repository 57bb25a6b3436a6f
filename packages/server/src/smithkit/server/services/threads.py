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
from smithkit.server.services.run_views import RunView
from smithkit.server.services.usage_sums import DETAILS, read_pages, sum_details, sum_traces, sum_usage
from smithkit.server.store import RunGrouping, RunSelection

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from uuid import UUID

    from smithkit.server.services.run_views import RunViewService
    from smithkit.server.store import Store

__all__ = ["ThreadService"]

_ENDS = RunView(frozenset({"trace_id", "inputs_preview", "outputs_preview"}))
_ERROR = RunView(frozenset({"error_preview"}))
_OF_PLACE = frozenset({"latency", "op", "turn_number"})
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
        shown: dict[str, dict[str, Any]] = {}
        groups: dict[UUID, str] = {}
        for name in names:
            own = _of_thread(roots, name)
            thread = await self._show(own, name)
            if thread is not None:
                shown[name] = thread
                traces, _ = await self._traces(own)
                groups |= dict.fromkeys(traces, name)
        usage = await sum_traces(self._store, roots.sessions, groups)
        return {
            "items": [thread | _used(usage[name]) for name, thread in shown.items() if name in usage],
            "next_cursor": encode_offset(end) if names and end < total else None,
        }

    async def stats(self, roots: RunSelection, fields: AbstractSet[str]) -> dict[str, Any]:
        """Sum up the turns of all threads.

        Args:
            roots: Which turns.
            fields: Names of figures, as answers have them.
        """
        shown = await self._figures(roots, fields)
        if "thread_count" in fields:
            _, shown["thread_count"] = await self._store.group_runs(roots, RunGrouping("thread", limit=0))
        wanted = fields - shown.keys()
        traces = _traces_of(roots)
        if wanted - DETAILS:
            shown |= await sum_usage(self._store, traces)
        if wanted & DETAILS:
            shown |= await sum_details(self._store, traces)
        return {field: shown[field] for field in fields}

    async def stats_of_one(self, roots: RunSelection, name: str, fields: AbstractSet[str]) -> dict[str, Any]:
        """Sum up the turns of one thread; see `stats`."""
        own = _of_thread(roots, name)
        shown = await self._figures(own, fields)
        if fields - shown.keys():
            traces, ended = await self._traces(own)
            usage = await sum_traces(self._store, roots.sessions, dict.fromkeys(traces, name))
            shown |= usage.get(name) or dict.fromkeys(fields - shown.keys())
            shown |= {field: {"raw": shown[field] or {}} for field in fields & DETAILS}
            shown["last_end_time"] = None if ended is None else format_time(ended)
        return {field: shown[field] for field in fields}

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

    async def _figures(self, roots: RunSelection, fields: AbstractSet[str]) -> dict[str, Any]:
        """Those figures that are of the turns."""
        turns = render_figures(await self._store.run_stats(roots))
        return {field: turns[_OF_TURNS[field]] for field in fields & _OF_TURNS.keys()}

    async def _traces(self, roots: RunSelection) -> tuple[list[UUID], int | None]:
        """The traces of turns, and when the last of the turns ended."""
        traces: list[UUID] = []
        ends: list[int] = []
        async for rows in read_pages(self._store, roots):
            traces += [row["id"] for row in rows]
            ends += [row["end_time"] for row in rows if row["end_time"] is not None]
        return traces, max(ends, default=None)

    async def _show(self, own: RunSelection, name: str) -> dict[str, Any] | None:
        """Describe a thread, apart from what it used; None if it has no turns any more."""
        first = await self._first(replace(own, ascending=True), _ENDS)
        last = await self._first(own, _ENDS)
        if first is None or last is None:
            return None
        failed = await self._first(replace(own, error=True), _ERROR)
        turns = render_figures(await self._store.run_stats(own))
        return {
            "thread_id": name,
            "count": turns["run_count"],
            "num_errored_turns": round((turns["error_rate"] or 0) * turns["run_count"]),
            "last_error": failed["error_preview"] if failed else None,
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
        }

    async def _first(self, selection: RunSelection, view: RunView) -> dict[str, Any] | None:
        items = (await self._views.page(replace(selection, limit=1), view))["items"]
        return items[0] if items else None


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


def _used(usage: dict[str, Any]) -> dict[str, Any]:
    return {
        "total_tokens": usage["total_tokens"],
        "total_cost": usage["total_cost"],
        "total_token_details": _joined(usage["prompt_token_details"], usage["completion_token_details"]),
        "total_cost_details": _joined(usage["prompt_cost_details"], usage["completion_cost_details"]),
    }


def _joined(*details: dict[str, float] | None) -> dict[str, float] | None:
    found: Counter[str] = Counter()
    for given in details:
        found.update(given or {})
    return dict(found) or None
