"""Runs as version 2 of the API shows them: of each no more than was asked for, and links whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from smithkit.server.domain.filters import Comparison, Operator
from smithkit.server.domain.jsons import dump, load
from smithkit.server.domain.previews import preview
from smithkit.server.domain.times import format_time
from smithkit.server.errors import not_found
from smithkit.server.services.cursors import encode_cursor
from smithkit.server.services.usage_sums import DETAILS, USAGE, numbers, sum_details, sum_usage
from smithkit.server.store import Place, RunSelection, SessionSelection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from uuid import UUID

    from smithkit.server.services.runs import RunService
    from smithkit.server.store import Store

__all__ = ["RunView", "RunViewService"]

_Run = dict[str, Any]

# Name here → name in version 1.
_COPIED = {
    "dotted_order": "dotted_order",
    "end_time": "end_time",
    "error": "error",
    "events": "events",
    "extra": "extra",
    "feedback_stats": "feedback_stats",
    "first_token_time": "first_token_time",
    "id": "id",
    "inputs": "inputs",
    "is_in_dataset": "in_dataset",
    "manifest": "serialized",
    "name": "name",
    "outputs": "outputs",
    "parent_run_id": "parent_run_id",
    "parent_run_ids": "parent_run_ids",
    "project_id": "session_id",
    "reference_example_id": "reference_example_id",
    "start_time": "start_time",
    "tags": "tags",
    "thread_id": "thread_id",
    "trace_id": "trace_id",
}
# What this server does not know of any run.
_UNKNOWN = frozenset({"last_queued_at", "ls_user_id", "price_model_id", "thread_evaluation_time"})
_PAGE = 100
_EXPERIMENTS = 10_000


@dataclass(frozen=True, slots=True)
class RunView:
    """What is shown of runs.

    Attributes:
        fields: Names of fields, as version 2 writes them in answers.
        base_url: URL of this server, as its caller sees it.
        subtree_usage: Whether tokens and costs are those of all that is below a run, too.
    """

    fields: frozenset[str]
    base_url: str = ""
    subtree_usage: bool = False

    @property
    def needs(self) -> frozenset[str]:
        """The fields of version 1 of which these are made."""
        needed = {name for field in self.fields for name in _needs_of(field)}
        return frozenset(needed | ({"trace_id", "dotted_order"} if self.sums_subtrees else set()))

    @property
    def sums_subtrees(self) -> bool:
        """Whether something is shown that has to be summed up."""
        return self.subtree_usage and not self.fields.isdisjoint(DETAILS.union(USAGE))


class RunViewService:
    """Shows runs.

    Args:
        store: Where they lie.
        runs: Reads them.
    """

    def __init__(self, store: Store, runs: RunService) -> None:
        self._store = store
        self._runs = runs

    async def read(self, selection: RunSelection, view: RunView) -> _Run:
        """Read the first run of a selection.

        Raises:
            ApiError: 404.
        """
        runs, _ = await self._runs.page(replace(selection, limit=1), view.needs)
        if not runs:
            raise not_found("Run")
        return (await self.show(runs, view))[0]

    async def page(self, selection: RunSelection, view: RunView) -> _Run:
        """Read a page of runs: ``items``, and ``next_cursor``, which is null at the end."""
        runs, last = await self._runs.page(selection, view.needs)
        cursor = None if last is None else encode_cursor(*last, ascending=selection.ascending)
        return {"items": await self.show(runs, view), "next_cursor": cursor}

    async def whole(self, selection: RunSelection, view: RunView) -> AsyncIterator[bytes]:
        """Read all runs of a selection, in the order of their start.

        Yields:
            Pieces of the text of an object with ``items``.
        """
        before = b'{"items":['
        after = None
        while True:
            runs, after = await self._runs.page(
                replace(selection, after=after, ascending=True, limit=_PAGE), view.needs
            )
            shown = await self.show(runs, view)
            yield before + b",".join(map(orjson.dumps, shown))
            before = b","
            if after is None:
                break
        yield b"]}"

    async def traces(self, selection: RunSelection, view: RunView) -> _Run:
        """Read a page of traces: of each its root, and what all its runs have used.

        Args:
            selection: Which roots.
            view: What is shown of them.

        Returns:
            ``items``, and ``next_cursor``, which is null at the end.
        """
        page = await self.page(selection, replace(view, fields=view.fields | {"trace_id"}))
        items = []
        for root in page["items"]:
            used = await self._used(RunSelection(sessions=selection.sessions, traces=[root["trace_id"]]))
            shown = {field: value for field, value in root.items() if field in view.fields}
            items.append({"root_run": shown, "trace_aggregates": used})
        return {**page, "items": items}

    async def url(self, selection: RunSelection, base_url: str) -> str:
        """Give the URL of the first run of a selection.

        Raises:
            ApiError: 404.
        """
        run = await self.read(selection, RunView(frozenset({"app_path"})))
        return f"{base_url}{run['app_path']}"

    async def experiments(self, dataset_id: UUID) -> list[UUID]:
        """Name the experiments on a dataset, the newest ones where there are very many."""
        wanted = SessionSelection(reference_datasets=[dataset_id], limit=_EXPERIMENTS)
        return [row["id"] for row in await self._store.find_sessions(wanted)]

    async def show(self, runs: Sequence[_Run], view: RunView) -> list[_Run]:
        """Write runs.

        Args:
            runs: Runs with those fields of version 1 that the view needs.
            view: What is shown of them.
        """
        datasets = await self._datasets(runs) if "reference_dataset_id" in view.fields else {}
        return [await self._show(run, view, datasets) for run in runs]

    async def _show(self, run: _Run, view: RunView, datasets: Mapping[UUID, UUID | None]) -> _Run:
        shown = {field: run[_COPIED[field]] for field in view.fields & _COPIED.keys()}
        shown |= dict.fromkeys(view.fields & _UNKNOWN)
        shown |= {field: _MADE[field][1](run) for field in view.fields & _MADE.keys()}
        shown |= {field: _LINKS[field][1](run, view.base_url) for field in view.fields & _LINKS.keys()}
        if view.sums_subtrees:
            shown |= await self._usage(run, view)
        if "reference_dataset_id" in view.fields:
            shown["reference_dataset_id"] = datasets.get(run["session_id"])
        if "share_url" in view.fields:
            token = await self._store.read_share(run["id"])
            shown["share_url"] = None if token is None else f"{view.base_url}/public/{token}/r"
        return shown

    async def _used(self, trace: RunSelection) -> _Run:
        usage = await sum_usage(self._store, trace)
        streamed = Comparison(Operator.EXISTS, "first_token_time", value=True)
        rows = await self._store.find_runs(replace(trace, filter=streamed, limit=_PAGE, ascending=True))
        first = min((row["first_token_time"] for row in rows), default=None)
        return {
            "first_token_time": None if first is None else format_time(first),
            "total_cost": usage["total_cost"],
            "total_tokens": usage["total_tokens"],
        }

    async def _datasets(self, runs: Sequence[_Run]) -> dict[UUID, UUID | None]:
        """The datasets on which the projects of runs are experiments."""
        ids = {run["session_id"] for run in runs}
        rows = await self._store.find_sessions(SessionSelection(ids=ids, limit=len(ids))) if ids else []
        return {row["id"]: row["reference_dataset_id"] for row in rows}

    async def _usage(self, run: _Run, view: RunView) -> _Run:
        """Tokens and costs of a run and of all below it."""
        below = RunSelection(below=Place(run["trace_id"], run["dotted_order"]))
        usage = await sum_usage(self._store, below)
        if view.fields & DETAILS:
            usage |= {name: _raw(given) for name, given in (await sum_details(self._store, below)).items()}
        return {field: usage[field] for field in view.fields & usage.keys()}


def _value(run: _Run, name: str) -> Any:
    return load(orjson.dumps(run[name]))


def _latency(run: _Run) -> float | None:
    if run["end_time"] is None:
        return None
    return (
        datetime.fromisoformat(run["end_time"]) - datetime.fromisoformat(run["start_time"])
    ).total_seconds()


def _metadata(run: _Run) -> Any:
    extra = _value(run, "extra")
    metadata = extra.get("metadata") if isinstance(extra, dict) else None
    return orjson.Fragment(dump(metadata)) if isinstance(metadata, dict) else {}


def _attachments(run: _Run, base_url: str) -> dict[str, str] | None:
    files = run["s3_urls"]
    return files and {
        name.removeprefix("attachment."): base_url + file["presigned_url"] for name, file in files.items()
    }


def _cost(text: str | None) -> float | None:
    return None if text is None else float(text)


def _raw(given: Any) -> dict[str, Any] | None:
    return None if given is None else {"raw": numbers(given)}


def _same(name: str, change: Callable[[Any], Any]) -> tuple[tuple[str, ...], Callable[[_Run], Any]]:
    """What is made of the field of version 1 that has the same name."""
    return (name,), lambda run: change(run[name])


_MADE: dict[str, tuple[tuple[str, ...], Callable[[_Run], Any]]] = {
    "run_type": _same("run_type", str.upper),
    "status": _same("status", str.upper),
    "is_root": (("parent_run_id",), lambda run: run["parent_run_id"] is None),
    "latency_seconds": (("start_time", "end_time"), _latency),
    "metadata": (("extra",), _metadata),
    "error_preview": (("error",), lambda run: preview(_value(run, "error"))),
    "inputs_preview": (("inputs",), lambda run: preview(_value(run, "inputs"))),
    "outputs_preview": (("outputs",), lambda run: preview(_value(run, "outputs"))),
    **{name: _same(name, _cost if "cost" in name else lambda count: count) for name in USAGE},
    **{name: _same(name, _raw) for name in DETAILS},
}
_LINKS: dict[str, tuple[tuple[str, ...], Callable[[_Run, str], Any]]] = {
    "app_path": (("app_path",), lambda run, _base_url: run["app_path"]),
    "attachments": (("s3_urls",), _attachments),
}
_LOOKED_UP = {"reference_dataset_id": ("session_id",), "share_url": ("id",)}


def _needs_of(field: str) -> tuple[str, ...]:
    if field in _COPIED:
        return (_COPIED[field],)
    made = _MADE.get(field) or _LINKS.get(field)
    return made[0] if made else _LOOKED_UP.get(field, ())
