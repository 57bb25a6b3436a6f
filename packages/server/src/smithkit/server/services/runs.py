"""Runs on their way out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from smithkit.server.domain.feedback import FeedbackStats
from smithkit.server.domain.runs import PAYLOADS, Status
from smithkit.server.domain.times import format_time
from smithkit.server.domain.usage import format_cost, usage_details
from smithkit.server.errors import not_found
from smithkit.server.services.cursors import encode_cursor
from smithkit.server.services.figures import render_figures
from smithkit.server.store import RunSelection

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.limits import Limits
    from smithkit.server.services.files import FileService
    from smithkit.server.store import Store

__all__ = ["RUN_FIELDS", "RunService"]

_STEP = 25  # runs whose payloads are read at a time
_ALWAYS = ("id", "name", "run_type", "start_time")  # clients build no run without them
_NULL = orjson.Fragment(b"null")


class RunService:
    """Reads runs.

    Args:
        store: Where they lie.
        files: Signs the URLs of their attachments.
        limits: The caps.
    """

    def __init__(self, store: Store, files: FileService, limits: Limits) -> None:
        self._store = store
        self._files = files
        self._limits = limits

    async def read(self, run_id: UUID) -> bytes:
        """Read one run.

        Args:
            run_id: The run.

        Returns:
            Its JSON.

        Raises:
            ApiError: 404.
        """
        return await self.read_first(RunSelection(ids=[run_id], limit=1))

    async def read_first(self, selection: RunSelection) -> bytes:
        """Read the first run of a selection.

        Args:
            selection: Which run.

        Returns:
            Its JSON.

        Raises:
            ApiError: 404.
        """
        rows = await self._store.find_runs(selection)
        if not rows:
            raise not_found("Run")
        runs, _ = await self._render(rows, None)
        return orjson.dumps(runs[0])

    async def show(self, ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
        """Read runs as the API shows them.

        Args:
            ids: The runs.

        Returns:
            Those that are there, by id.
        """
        rows = await self._store.find_runs(RunSelection(ids=ids, limit=len(ids))) if ids else []
        runs, _ = await self._render(rows, None)
        return {run["id"]: run for run in runs}

    async def query(
        self, selection: RunSelection, select: Collection[str] | None, *, one_page: bool = False
    ) -> bytes:
        """Read a page of runs.

        Args:
            selection: Which runs.
            select: Names of the fields to give, or None for all. What clients need of every run is always there.
            one_page: Give no cursor for the runs beyond the limit.

        Returns:
            JSON of the runs and of the cursors. The page ends early when its payloads become large.
        """
        runs, last = await self.page(selection, select, one_page=one_page)
        cursor = None if last is None else encode_cursor(*last, ascending=selection.ascending)
        return orjson.dumps({"runs": runs, "cursors": {"next": cursor, "prev": None}, "parsed_query": None})

    async def page(
        self, selection: RunSelection, select: Collection[str] | None, *, one_page: bool = False
    ) -> tuple[list[dict[str, Any]], tuple[int, UUID] | None]:
        """Read a page of runs as the API shows them; see `query`.

        Returns:
            The runs, and start time and id of the last one if there are more.
        """
        limit = selection.limit
        rows = await self._store.find_runs(selection if one_page else replace(selection, limit=limit + 1))
        more = len(rows) > limit
        rows = rows[:limit]
        runs: list[dict[str, Any]] = []
        size = 0
        for at in range(0, len(rows), _STEP):
            rendered, length = await self._render(rows[at : at + _STEP], select)
            runs += rendered
            size += length
            if size > self._limits.page_payload and len(runs) < len(rows):
                more = True
                break
        if not more or not runs:
            return runs, None
        last = rows[len(runs) - 1]
        return runs, (last["start_time"], last["id"])

    async def find(self, ids: Sequence[UUID], select: Collection[str]) -> list[dict[str, Any]]:
        """Read those of some runs that are there, newest first.

        Args:
            ids: Which.
            select: Names of the fields to give.

        Returns:
            The runs as the API shows them.
        """
        rows = await self._store.find_runs(RunSelection(ids=ids, limit=len(ids)))
        return (await self._render(rows, select))[0]

    async def stats(self, selection: RunSelection) -> dict[str, Any]:
        """Sum up runs.

        Args:
            selection: Which runs; its order and limit do not matter.

        Returns:
            The figures as the API shows them.
        """
        return render_figures(await self._store.run_stats(selection))

    async def answers(
        self,
        sessions: Sequence[UUID],
        examples: Sequence[UUID],
        select: Collection[str] | None,
        comparison: UUID | None,
    ) -> dict[UUID, list[dict[str, Any]]]:
        """Read the runs with which experiments answered examples.

        Args:
            sessions: The experiments.
            examples: The examples.
            select: Names of the fields to give, or None for all.
            comparison: Leave feedback of other comparative experiments than this one out of the figures;
                None counts all.

        Returns:
            By example: its runs, in the order of the experiments, each experiment's oldest first.
        """
        rows = await self._store.read_answers(sessions, examples)
        place = {session: at for at, session in enumerate(sessions)}
        rows.sort(key=lambda row: (place[row["session_id"]], row["start_time"], row["id"]))
        found: dict[UUID, list[dict[str, Any]]] = {example: [] for example in examples}
        for at in range(0, len(rows), _STEP):
            part = rows[at : at + _STEP]
            shown, _ = await self._render(part, select, comparison)
            for row, run in zip(part, shown, strict=True):
                found[row["reference_example_id"]].append(run)
        return found

    async def _render(
        self, rows: Sequence[Row], select: Collection[str] | None, comparison: UUID | None = None
    ) -> tuple[list[dict[str, Any]], int]:
        """Write runs as JSON, and tell how many bytes of payload that is."""
        wanted = RUN_FIELDS if select is None else RUN_FIELDS & {*select, *_ALWAYS}
        ids = [row["id"] for row in rows]
        names = [name for name in PAYLOADS if name in wanted]
        payloads = await self._store.read_payloads(ids, names) if names else {}
        children = await self._store.read_children(ids) if wanted & _OF_CHILDREN else {}
        files = await self._store.read_attachments(ids) if "s3_urls" in wanted else {}
        feedback = await self._store.read_feedback(ids) if "feedback_stats" in wanted else {}
        rendered = []
        for row in rows:
            run = self._columns(row)
            own = payloads.get(row["id"], {})
            run |= {name: orjson.Fragment(value) for name, value in own.items()}
            run["child_run_ids"] = run["direct_child_run_ids"] = children.get(row["id"])
            run["s3_urls"] = self._urls(files.get(row["id"], ()))
            run["feedback_stats"] = _feedback_stats(feedback.get(row["id"], ()), comparison)
            rendered.append({name: value for name, value in run.items() if name in wanted})
        return rendered, sum(len(value) for own in payloads.values() for value in own.values())

    def _columns(self, row: Row) -> dict[str, Any]:
        segments = row["dotted_order"].split(".")
        tenant = self._store.workspace.id
        return {
            "id": row["id"],
            "name": row["name"],
            "run_type": row["run_type"],
            "start_time": format_time(row["start_time"]),
            "end_time": _time(row["end_time"]),
            "status": Status(row["status"]).name,
            "inputs": _NULL,
            "outputs": _NULL,
            "error": _NULL,
            "extra": _NULL,
            "serialized": _NULL,
            "events": _NULL,
            "tags": orjson.Fragment(row["tags"] or "[]"),
            "session_id": row["session_id"],
            "trace_id": row["trace_id"],
            "thread_id": row["thread_id"],
            "dotted_order": row["dotted_order"],
            "parent_run_id": row["parent_run_id"],
            "parent_run_ids": [segment[-36:] for segment in segments[:-1]],
            "child_run_ids": None,
            "direct_child_run_ids": None,
            "reference_example_id": row["reference_example_id"],
            "app_path": f"/o/{tenant}/projects/p/{row['session_id']}/r/{row['id']}",
            "manifest_id": row["manifest_id"],
            "feedback_stats": None,
            "s3_urls": None,
            "prompt_tokens": row["prompt_tokens"],
            "completion_tokens": row["completion_tokens"],
            "total_tokens": row["total_tokens"],
            "prompt_cost": format_cost(row["prompt_cost"]),
            "completion_cost": format_cost(row["completion_cost"]),
            "total_cost": format_cost(row["total_cost"]),
            "prompt_token_details": None,
            "completion_token_details": None,
            "prompt_cost_details": None,
            "completion_cost_details": None,
            **usage_details(row["usage_outputs"] or row["usage_extra"]),
            "first_token_time": _time(row["first_token_time"]),
            "in_dataset": row["reference_example_id"] is not None,
        }

    def _urls(self, files: Sequence[Row]) -> dict[str, Any] | None:
        if not files:
            return None
        return {
            f"attachment.{file['name']}": {
                "presigned_url": self._files.url(file["digest"], file["mime_type"]),
                "s3_url": None,
                "mime_type": file["mime_type"],
                "size": file["size"],
            }
            for file in files
        }


_OF_CHILDREN = frozenset({"child_run_ids", "direct_child_run_ids"})
RUN_FIELDS = frozenset(
    {
        *PAYLOADS,
        *_OF_CHILDREN,
        "app_path",
        "completion_cost",
        "completion_cost_details",
        "completion_token_details",
        "completion_tokens",
        "dotted_order",
        "end_time",
        "feedback_stats",
        "first_token_time",
        "id",
        "in_dataset",
        "manifest_id",
        "name",
        "parent_run_id",
        "parent_run_ids",
        "prompt_cost",
        "prompt_cost_details",
        "prompt_token_details",
        "prompt_tokens",
        "reference_example_id",
        "run_type",
        "s3_urls",
        "session_id",
        "start_time",
        "status",
        "tags",
        "thread_id",
        "total_cost",
        "total_tokens",
        "trace_id",
    }
)


def _time(value: int | None) -> str | None:
    return None if value is None else format_time(value)


def _feedback_stats(items: Sequence[Row], comparison: UUID | None) -> dict[str, Any] | None:
    stats = FeedbackStats(
        (item["key"], item["score"], item["category"])
        for item in items
        if comparison is None or item["comparative_experiment_id"] in {None, comparison}
    )
    return stats.by_key() or None
