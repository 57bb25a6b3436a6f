"""Comparative experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from smithkit.server.domain.jsons import dump, load
from smithkit.server.domain.times import format_time, now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.store import Store

__all__ = ["ComparisonService"]


class ComparisonService:
    """Remembers which experiments were judged against each other.

    Args:
        store: Where they lie.
    """

    def __init__(self, store: Store) -> None:
        self._store = store.datasets
        self._feedback = store.feedback
        self._workspace = store.workspace

    async def create(self, values: Row, experiments: Sequence[UUID]) -> dict[str, Any]:
        """Make a comparative experiment.

        Args:
            values: Columns given by the client.
            experiments: The experiments, all on one dataset.

        Returns:
            It, as the API shows it.

        Raises:
            ApiError: 404, the dataset or an experiment is not there; 409, an experiment is one on another
                dataset, or the id or name is in use.
        """
        moment = now()
        row: Row = {"id": uuid4(), "description": None, "extra": None, "created_at": moment} | values
        row |= {"modified_at": moment, "experiment_ids": dump([str(one) for one in experiments]).decode()}
        await self._store.compare(row, experiments)
        return self._render(row)

    async def find(self, dataset_id: UUID, limit: int, offset: int) -> list[dict[str, Any]]:
        """Read the comparative experiments of a dataset, newest first.

        Raises:
            ApiError: 404.
        """
        rows = await self._store.comparisons(dataset_id, limit, offset)
        stats = await self._feedback.comparison_stats([row["id"] for row in rows])
        return [self._render(row, stats.get(row["id"])) for row in rows]

    def _render(self, row: Row, stats: Row | None = None) -> dict[str, Any]:
        return {
            "id": row["id"],
            "name": row["name"],
            "description": row["description"],
            "tenant_id": self._workspace.id,
            "created_at": format_time(row["created_at"]),
            "modified_at": format_time(row["modified_at"]),
            "reference_dataset_id": row["dataset_id"],
            "extra": orjson.Fragment(row["extra"] or "null"),
            "experiments_info": [{"id": one} for one in load(row["experiment_ids"].encode())],
            "feedback_stats": stats,
        }
