"""Annotation queues in an SQL database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.domain.times import now
from smithkit.server.store import queues

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.access import Access
    from smithkit.server.store.feedback_protocol import QueueSelection

__all__ = ["SqlQueues"]


class SqlQueues:
    """Fulfils `QueueStore`.

    Args:
        access: The open database, for one workspace.
    """

    def __init__(self, access: Access) -> None:
        self._write, self._read = access.write, access.read
        self._workspace_id = access.workspace_id

    async def create(self, values: Row) -> Row | None:
        """Make a queue."""
        moment = now()
        row = {"description": None, "rubric_instructions": None, "rubric_items": None, **values}
        row |= {"workspace_id": self._workspace_id, "created_at": moment, "updated_at": moment}
        return await self._write(lambda db: queues.insert_queue(db, row))

    async def update(self, queue_id: UUID, values: Row) -> Row | None:
        """Change a queue."""
        return await self._write(
            lambda db: queues.update_queue(db, queue_id, {**values, "updated_at": now()})
        )

    async def delete(self, queue_id: UUID) -> bool:
        """Remove a queue."""
        return await self._write(lambda db: queues.delete_queue(db, queue_id))

    async def find(self, selection: QueueSelection) -> list[Row]:
        """Read queues."""
        return await self._read(queues.select_queues, selection)

    async def add_runs(self, queue_id: UUID, run_ids: Sequence[UUID]) -> list[Row] | None:
        """Put runs into a queue."""
        return await self._write(lambda db: queues.insert_queue_runs(db, queue_id, run_ids, now()))

    async def remove_run(self, queue_id: UUID, run_id: UUID) -> bool:
        """Take a run out of a queue."""
        return await self._write(lambda db: queues.delete_queue_run(db, queue_id, run_id))

    async def find_runs(
        self,
        queue_id: UUID,
        *,
        status: str | None = None,
        reviewer: str | None = None,
        open_only: bool = False,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Row]:
        """Read the records of a queue's runs."""
        return await self._read(
            queues.select_queue_runs,
            queue_id,
            moment=now(),
            status=status,
            reviewer=reviewer,
            open_only=open_only,
            limit=limit,
            offset=offset,
        )

    async def update_run(self, queue_id: UUID, run_id: UUID, change: Row) -> Row | None:
        """Change the record of a run in a queue."""
        return await self._write(lambda db: queues.update_queue_run(db, queue_id, run_id, change, now()))
