"""Projects, which the API calls sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from smithkit.server.domain.times import format_time
from smithkit.server.errors import conflict, not_found
from smithkit.server.services.figures import render_figures
from smithkit.server.store import NameTakenError, SessionSelection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.limits import Limits
    from smithkit.server.store import Store

__all__ = ["SessionService"]


class SessionService:
    """Reads and writes projects.

    Args:
        store: Where they lie.
        limits: The caps.
    """

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits

    async def create(self, values: Row, *, upsert: bool) -> dict[str, Any]:
        """Make a project.

        Args:
            values: Columns given by the client.
            upsert: Whether a present one of that name is updated and returned.

        Returns:
            The project as the API shows it.

        Raises:
            ApiError: 409, there is one of that name or id.
        """
        row = await self._store.create_session(values, upsert=upsert)
        if row is None:
            raise conflict(f"Session with name {values['name']!r} already exists")
        return _render(row)

    async def update(self, session_id: UUID, values: Row) -> dict[str, Any]:
        """Change a project.

        Args:
            session_id: The project.
            values: Columns to change.

        Returns:
            The project as the API shows it.

        Raises:
            ApiError: 404, or 409 if the new name is taken.
        """
        try:
            row = await self._store.update_session(session_id, values)
        except NameTakenError as error:
            raise conflict(f"Session with name {values.get('name')!r} already exists") from error
        if row is None:
            raise not_found("Session")
        return _render(row)

    async def delete(self, session_id: UUID) -> None:
        """Remove a project and its runs.

        Raises:
            ApiError: 404.
        """
        if not await self._store.delete_session(session_id):
            raise not_found("Session")

    async def read(self, session_id: UUID, *, include_stats: bool) -> dict[str, Any]:
        """Read one project.

        Raises:
            ApiError: 404.
        """
        found = await self.find(SessionSelection(ids=[session_id], limit=1), include_stats=include_stats)
        if not found:
            raise not_found("Session")
        return found[0]

    async def find(self, selection: SessionSelection, *, include_stats: bool) -> list[dict[str, Any]]:
        """Read projects.

        Args:
            selection: Which.
            include_stats: Whether to work out their figures.

        Returns:
            The projects as the API shows them, newest first.
        """
        rows = await self._store.find_sessions(selection)
        stats = await self._stats(rows) if include_stats else {}
        return [_render(row) | stats.get(row["id"], {}) for row in rows]

    async def _stats(self, rows: Sequence[Row]) -> dict[UUID, Row]:
        figures = await self._store.session_stats([row["id"] for row in rows])
        return {session_id: render_figures(own) for session_id, own in figures.items()}


def _render(row: Row) -> dict[str, Any]:
    end = row["end_time"]
    return {
        "id": row["id"],
        "name": row["name"],
        "start_time": format_time(row["start_time"]),
        "end_time": None if end is None else format_time(end),
        "description": row["description"],
        "extra": orjson.Fragment(row["extra"] or "null"),
        "tenant_id": row["workspace_id"],
        "reference_dataset_id": row["reference_dataset_id"],
        "default_dataset_id": row["default_dataset_id"],
        "trace_tier": row["trace_tier"],
    }
