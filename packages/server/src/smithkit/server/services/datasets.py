"""Datasets: their records, versions and splits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
from starlette.concurrency import run_in_threadpool

from smithkit.server.domain.times import format_time, now
from smithkit.server.errors import not_found
from smithkit.server.services.examples import FirstExamples, dataset_schemas
from smithkit.server.store import DatasetSelection

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.store import ExampleChange, Store

__all__ = ["DatasetService"]


class DatasetService:
    """Reads and writes datasets.

    Args:
        store: Where they lie.
    """

    def __init__(self, store: Store) -> None:
        self._store = store.datasets
        self._workspace = store.workspace

    async def create(self, values: Row, examples: Iterable[ExampleChange] = ()) -> dict[str, Any]:
        """Make a dataset.

        Args:
            values: Columns given by the client.
            examples: Its first examples, of which there may be very many: they are gone through twice, to check them
                before anybody else has to wait, and to store them.

        Returns:
            The dataset as the API shows it.

        Raises:
            ApiError: 409, there is one of that name or id; 422, an example is not what the schemas say.
        """
        row = _new_row() | values
        first = FirstExamples(examples, row["id"], dataset_schemas(row))
        await run_in_threadpool(first.check)
        return self._render(await self._store.create(row, first))

    async def update(self, dataset_id: UUID, values: Row) -> dict[str, Any]:
        """Change a dataset.

        Raises:
            ApiError: 404, or 409 if the new name is taken.
        """
        return self._render(await self._store.update(dataset_id, values))

    async def delete(self, dataset_id: UUID) -> None:
        """Remove a dataset with everything in it.

        Raises:
            ApiError: 404.
        """
        await self._store.delete(dataset_id)

    async def read(self, dataset_id: UUID) -> dict[str, Any]:
        """Read one dataset.

        Raises:
            ApiError: 404.
        """
        found = await self.find(DatasetSelection(ids=[dataset_id], limit=1))
        if not found:
            raise not_found("Dataset")
        return found[0]

    async def find(self, selection: DatasetSelection) -> list[dict[str, Any]]:
        """Read datasets as the API shows them, newest first."""
        return [self._render(row) for row in await self._store.find(selection)]

    async def versions(
        self, dataset_id: UUID, limit: int, offset: int, search: str | None
    ) -> list[dict[str, Any]]:
        """Read the times at which examples changed, newest first, with tags.

        With `search` only those that have a tag which contains the text.

        Raises:
            ApiError: 404.
        """
        found = await self._store.versions(dataset_id, limit, offset, search)
        return [_render_version(row) for row in found]

    async def version(self, dataset_id: UUID, as_of: str) -> dict[str, Any]:
        """Read the version that was there at a time, or has a tag.

        Raises:
            ApiError: 404.
        """
        return _render_version(await self._store.version(dataset_id, as_of))

    async def tag(self, dataset_id: UUID, as_of: str, tag: str) -> dict[str, Any]:
        """Give the version that was there at a time, or has another tag, a tag.

        Raises:
            ApiError: 404.
        """
        version = await self._store.version(dataset_id, as_of)
        return _render_version(await self._store.tag(dataset_id, version["as_of"], tag))

    async def diff(self, dataset_id: UUID, begin: str, end: str) -> dict[str, Any]:
        """Tell which examples differ between two versions.

        Raises:
            ApiError: 404.
        """
        diff = await self._store.diff(dataset_id, begin, end)
        return {
            "examples_added": diff.added,
            "examples_removed": diff.removed,
            "examples_modified": diff.modified,
        }

    def _render(self, row: Row) -> dict[str, Any]:
        last = row.get("last_session_start_time")
        return {
            "id": row["id"],
            "tenant_id": self._workspace.id,
            "name": row["name"],
            "description": row["description"],
            "data_type": row["data_type"],
            "created_at": format_time(row["created_at"]),
            "modified_at": format_time(row["modified_at"]),
            "example_count": row["example_count"],
            "session_count": row.get("session_count", 0),
            "last_session_start_time": None if last is None else format_time(last),
            "inputs_schema_definition": _json(row["inputs_schema"]),
            "outputs_schema_definition": _json(row["outputs_schema"]),
            "externally_managed": False,
            "transformations": _json(row["transformations"]),
            "metadata": _json(row["metadata"]),
        }


def _new_row() -> Row:
    moment = now()
    return {
        "id": uuid4(),
        "description": None,
        "data_type": "kv",
        "inputs_schema": None,
        "outputs_schema": None,
        "transformations": None,
        "metadata": None,
        "example_count": 0,
        "last_position": 0,
        "version": 0,
        "purges": 0,
        "indexed_version": None,
        "created_at": moment,
        "modified_at": moment,
    }


def _render_version(row: Row) -> dict[str, Any]:
    return {"as_of": format_time(row["as_of"]), "tags": row["tags"] or None}


def _json(text: str | None) -> Any:
    return None if text is None else orjson.Fragment(text)
