"""Annotation queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from smithkit.server.domain.times import format_time, now
from smithkit.server.errors import conflict, not_found
from smithkit.server.services.feedback import refused
from smithkit.server.store import FeedbackRefusedError, QueueSelection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.services.runs import RunService
    from smithkit.server.store import Store

__all__ = ["QueueService"]

_MINUTE = 60_000_000


class QueueService:
    """Reads and writes annotation queues.

    Args:
        store: Where they lie.
        runs: Shows their runs.
    """

    def __init__(self, store: Store, runs: RunService) -> None:
        self._store = store
        self._runs = runs

    async def create(self, values: Row) -> dict[str, Any]:
        """Make a queue.

        Raises:
            ApiError: 409, the id is taken.
        """
        row = await self._store.queues.create(values)
        if row is None:
            raise conflict(f"id: there is an annotation queue {values['id']}")
        return _render(row)

    async def find(self, selection: QueueSelection) -> list[dict[str, Any]]:
        """Read queues, oldest first."""
        return [_render(row) for row in await self._store.queues.find(selection)]

    async def read(self, queue_id: UUID) -> dict[str, Any]:
        """Read a queue.

        Raises:
            ApiError: 404.
        """
        found = await self.find(QueueSelection(ids=[queue_id], limit=1))
        if not found:
            raise not_found("Annotation queue")
        return found[0]

    async def update(self, queue_id: UUID, values: Row) -> dict[str, Any]:
        """Change a queue.

        Raises:
            ApiError: 404.
        """
        row = await self._store.queues.update(queue_id, values)
        if row is None:
            raise not_found("Annotation queue")
        return _render(row)

    async def delete(self, queue_id: UUID) -> None:
        """Remove a queue.

        Raises:
            ApiError: 404.
        """
        if not await self._store.queues.delete(queue_id):
            raise not_found("Annotation queue")

    async def add_runs(self, queue_id: UUID, run_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """Put runs into a queue; a run may be on its way still, and shows when it arrives.

        Raises:
            ApiError: 404, there is no such queue.
        """
        rows = await self._store.queues.add_runs(queue_id, run_ids)
        if rows is None:
            raise not_found("Annotation queue")
        return [
            {
                "id": row["id"],
                "queue_id": queue_id,
                "run_id": row["run_id"],
                "added_at": format_time(row["added_at"]),
            }
            for row in rows
        ]

    async def remove_run(self, queue_id: UUID, run_id: UUID) -> None:
        """Take a run out of a queue.

        Raises:
            ApiError: 404.
        """
        if not await self._store.queues.remove_run(queue_id, run_id):
            raise not_found("Run in this annotation queue")

    async def read_run(self, queue_id: UUID, index: int, reviewer: str | None) -> dict[str, Any]:
        """Read one of the runs that are still to be judged.

        Raises:
            ApiError: 404, there is no such queue, or it has fewer runs.
        """
        await self.read(queue_id)
        rows = await self._store.queues.find_runs(
            queue_id, reviewer=reviewer, open_only=True, limit=1, offset=index
        )
        shown = await self._show(rows)
        if not shown:
            raise not_found(f"Run {index} of the annotation queue")
        return shown[0]

    async def find_runs(
        self, queue_id: UUID, status: str | None, limit: int, offset: int
    ) -> list[dict[str, Any]]:
        """Read runs of a queue, in the order in which they were added.

        Raises:
            ApiError: 404.
        """
        await self.read(queue_id)
        return await self._show(
            await self._store.queues.find_runs(queue_id, status=status, limit=limit, offset=offset)
        )

    async def review(
        self, queue_id: UUID, run_id: UUID, status: str, reviewer: str | None, minutes: int
    ) -> dict[str, Any]:
        """Reserve a run of a queue for a reviewer, complete it, or give it back.

        Raises:
            ApiError: 404; 409, somebody else has reserved it; 422, it lacks feedback that is required.
        """
        moment = now()
        change: Row = {
            "completed": status == "completed",
            "reviewer": reviewer,
            "reserved_until": moment + minutes * _MINUTE if status == "reserved" else None,
        }
        if status == "completed":
            change["last_reviewed_time"] = moment
        try:
            row = await self._store.queues.update_run(queue_id, run_id, change)
        except FeedbackRefusedError as error:
            raise refused(error) from error
        if row is None:
            raise not_found("Run in this annotation queue")
        return _place(row)

    async def _show(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        runs = await self._runs.show([row["run_id"] for row in rows])
        return [{**runs[row["run_id"]], **_place(row)} for row in rows if row["run_id"] in runs]


def _place(row: Row) -> dict[str, Any]:
    """What a queue says of a run."""
    reserved = row["reserved_until"]
    status = "needs_review"
    if row["completed"]:
        status = "completed"
    elif reserved is not None and reserved > now():
        status = "reserved"
    return {
        "queue_run_id": row["id"],
        "queue_status": status,
        "reviewer": row["reviewer"],
        "reserved_until": None if reserved is None else format_time(reserved),
        "last_reviewed_time": _time(row["last_reviewed_time"]),
        "added_at": format_time(row["added_at"]),
    }


def _render(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "created_at": format_time(row["created_at"]),
        "updated_at": format_time(row["updated_at"]),
        "tenant_id": row["workspace_id"],
        "rubric_instructions": row["rubric_instructions"],
        "rubric_items": orjson.Fragment(row["rubric_items"] or "null"),
    }


def _time(value: int | None) -> str | None:
    return None if value is None else format_time(value)
