"""Feedback, its configs and its formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from smithkit.server.domain.times import format_time
from smithkit.server.errors import conflict, not_found, unprocessable
from smithkit.server.services.feedback_items import make_feedback, render_feedback
from smithkit.server.store import FeedbackItem, FeedbackRefusedError

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.errors import ApiError
    from smithkit.server.store import FeedbackSelection, Store

__all__ = ["FeedbackService", "refused"]


def refused(error: FeedbackRefusedError) -> ApiError:
    """The API's error for feedback that a store does not accept."""
    return conflict(str(error)) if error.taken else unprocessable(str(error))


class FeedbackService:
    """Reads and writes feedback.

    Args:
        store: Where it lies.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, body: Any) -> dict[str, Any]:
        """Take a feedback.

        Args:
            body: Its JSON.

        Returns:
            The feedback as the API shows it.

        Raises:
            ApiError: 422, naming the field; 409, the id belongs to another feedback.
        """
        return await self.put(make_feedback(None, body))

    async def put(self, item: FeedbackItem) -> dict[str, Any]:
        """Store a feedback that was checked; see `create`."""
        try:
            (row,) = await self._store.feedback.put([item])
        except FeedbackRefusedError as error:
            raise refused(error) from error
        return render_feedback(row)

    async def read(self, feedback_id: UUID) -> dict[str, Any]:
        """Read a feedback.

        Raises:
            ApiError: 404.
        """
        row = await self._store.feedback.read(feedback_id)
        if row is None:
            raise not_found("Feedback")
        return render_feedback(row)

    async def find(self, selection: FeedbackSelection) -> list[dict[str, Any]]:
        """Read feedback, oldest first."""
        return [render_feedback(row) for row in await self._store.feedback.find(selection)]

    async def change(self, feedback_id: UUID, fields: Row) -> dict[str, Any]:
        """Change a feedback.

        Raises:
            ApiError: 404, 409 (a formula gave it) or 422.
        """
        try:
            row = await self._store.feedback.change(feedback_id, fields)
        except FeedbackRefusedError as error:
            raise refused(error) from error
        if row is None:
            raise not_found("Feedback")
        return render_feedback(row)

    async def delete(self, feedback_id: UUID) -> None:
        """Remove a feedback.

        Raises:
            ApiError: 404, or 409 (a formula gave it).
        """
        try:
            gone = await self._store.feedback.delete(feedback_id)
        except FeedbackRefusedError as error:
            raise refused(error) from error
        if not gone:
            raise not_found("Feedback")

    async def create_config(self, key: str, config: Row, *, is_lower_better: bool | None) -> dict[str, Any]:
        """Give a key a config.

        Raises:
            ApiError: 409, it has one that says something else.
        """
        row = await self._store.feedback.create_config(key, config, is_lower_better=is_lower_better)
        if row is None:
            raise conflict(f"feedback_key: {key!r} has a config that says something else; PATCH changes it")
        return _render_config(row)

    async def update_config(self, key: str, changes: Row) -> dict[str, Any]:
        """Change a key's config.

        Raises:
            ApiError: 404.
        """
        row = await self._store.feedback.update_config(key, changes)
        if row is None:
            raise not_found(f"Feedback config {key!r}")
        return _render_config(row)

    async def delete_config(self, key: str) -> None:
        """Remove a key's config.

        Raises:
            ApiError: 404.
        """
        if not await self._store.feedback.delete_config(key):
            raise not_found(f"Feedback config {key!r}")

    async def find_configs(
        self, keys: Collection[str] | None, name_contains: str | None, limit: int, offset: int
    ) -> list[dict[str, Any]]:
        """Read configs, by key."""
        return [
            _render_config(row)
            for row in await self._store.feedback.find_configs(keys, name_contains, limit, offset)
        ]

    async def put_formula(self, values: Row) -> dict[str, Any]:
        """Make a formula, or with an `id` change it.

        Raises:
            ApiError: 404, or 422: the result's key is one of its parts.
        """
        parts = values["formula_parts"]
        if values["feedback_key"] in {part["key"] for part in parts}:
            raise unprocessable("feedback_key: must be another key than those of formula_parts")
        row = await self._store.feedback.put_formula(
            {**values, "formula_parts": orjson.dumps(parts).decode()}
        )
        if row is None:
            raise not_found("Feedback formula")
        return _render_formula(row)

    async def read_formula(self, formula_id: UUID) -> dict[str, Any]:
        """Read a formula.

        Raises:
            ApiError: 404.
        """
        found = await self._store.feedback.find_formulas(formula_id=formula_id)
        if not found:
            raise not_found("Feedback formula")
        return _render_formula(found[0])

    async def find_formulas(
        self, dataset_id: UUID | None, session_id: UUID | None, limit: int, offset: int
    ) -> list[dict[str, Any]]:
        """Read formulas, oldest first."""
        found = await self._store.feedback.find_formulas(
            dataset_id=dataset_id, session_id=session_id, limit=limit, offset=offset
        )
        return [_render_formula(row) for row in found]

    async def delete_formula(self, formula_id: UUID) -> None:
        """Remove a formula and what it gave.

        Raises:
            ApiError: 404.
        """
        if not await self._store.feedback.delete_formula(formula_id):
            raise not_found("Feedback formula")


def _render_config(row: Row) -> dict[str, Any]:
    return {
        "feedback_key": row["key"],
        "feedback_config": orjson.Fragment(row["config"]),
        "tenant_id": row["workspace_id"],
        "modified_at": format_time(row["modified_at"]),
        "is_lower_score_better": row["is_lower_score_better"],
    }


def _render_formula(row: Row) -> dict[str, Any]:
    return {
        **{str(name): value for name, value in row.items()},
        "formula_parts": orjson.Fragment(row["formula_parts"]),
        "created_at": format_time(row["created_at"]),
        "modified_at": format_time(row["modified_at"]),
    }
