"""Client methods of datasets.

The two clients speak slightly different dialects of the API, as they always did: the synchronous one
says more when it creates a dataset and asks for one row when it looks one up by name. What differs
stands in the class of each client, everything else in `_SharedMethods`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from smithkit.answers import parse, rows
from smithkit.arguments import as_uuid, exactly_one
from smithkit.config import host_url
from smithkit.errors import LangSmithNotFoundError, LangSmithUserError
from smithkit.operations import Flow, Methods, PageFlow, Request, operation, paginated
from smithkit.paging import check_limit, offset_pages
from smithkit.runtime import runtime_environment
from smithkit.workspace import tenant_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from smithkit.datasets.schemas import Dataset, DatasetTransformation, DataType

__all__ = ["AsyncDatasetMethods", "DatasetMethods"]


class _SharedMethods(Methods):
    """What is the same on both clients."""

    @operation
    def has_dataset(
        self, *, dataset_name: str | None = None, dataset_id: UUID | str | None = None
    ) -> Flow[bool]:
        """Whether a dataset exists.

        Args:
            dataset_name: Its name; excludes `dataset_id`.
            dataset_id: Its id; excludes `dataset_name`.

        Returns:
            Whether the workspace has it.

        Raises:
            ValueError: Not exactly one of the two is given.
            LangSmithUserError: The id is not a UUID, or the name is blank.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.has_dataset(dataset_name="capitals")  # doctest: +SKIP
            True

        ``GET /datasets/{id}`` or ``GET /datasets``
        """
        try:
            yield from _find(dataset_id, dataset_name, {"limit": 1})
        except LangSmithNotFoundError:
            return False
        return True


class DatasetMethods(_SharedMethods):
    """Datasets: the methods of `Client`."""

    @operation
    def create_dataset(
        self,
        dataset_name: str,
        *,
        description: str | None = None,
        data_type: DataType | str = "kv",
        inputs_schema: Mapping[str, Any] | None = None,
        outputs_schema: Mapping[str, Any] | None = None,
        transformations: Sequence[DatasetTransformation] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Flow[Dataset]:
        """Create an empty dataset.

        Args:
            dataset_name: Its name, unique in the workspace.
            description: A text for people.
            data_type: What its examples look like: ``kv``, ``llm`` or ``chat``.
            inputs_schema: JSON schema that the inputs of its examples must meet.
            outputs_schema: JSON schema for their outputs.
            transformations: Changes that the server makes to examples when they are added.
            metadata: Free-form facts about it; what this process runs on is added as ``runtime``.

        Returns:
            The dataset.

        Raises:
            LangSmithConflictError: There is one of that name.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.create_dataset("capitals", metadata={"team": "qa"}).url  # doctest: +SKIP

        ``POST /datasets``
        """
        body = {
            "name": dataset_name,
            "data_type": data_type,
            "transformations": None if transformations is None else list(transformations),
            "extra": {"metadata": {"runtime": runtime_environment(), **(metadata or {})}},
            **_given(
                description=description,
                inputs_schema_definition=inputs_schema,
                outputs_schema_definition=outputs_schema,
            ),
        }
        response = yield Request("POST", "/datasets", json=body)
        row = response.json()
        if isinstance(row, dict) and row.get("metadata") is None:
            row["metadata"] = body["extra"]["metadata"]
        return _dataset(row, **(yield from _link(self)))

    @operation
    def read_dataset(
        self, *, dataset_name: str | None = None, dataset_id: UUID | str | None = None
    ) -> Flow[Dataset]:
        """Read a dataset by its name or id.

        Args:
            dataset_name: Its name; excludes `dataset_id`.
            dataset_id: Its id; excludes `dataset_name`.

        Returns:
            The dataset.

        Raises:
            ValueError: Not exactly one of the two is given.
            LangSmithUserError: The id is not a UUID, or the name is blank.
            LangSmithNotFoundError: There is no such dataset.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.read_dataset(dataset_name="capitals").example_count  # doctest: +SKIP

        ``GET /datasets/{id}`` or ``GET /datasets``
        """
        row = yield from _find(dataset_id, dataset_name, {"limit": 1})
        return _dataset(row, **(yield from _link(self)))

    @paginated
    def list_datasets(
        self,
        *,
        dataset_ids: Sequence[UUID | str] | None = None,
        data_type: DataType | str | None = None,
        dataset_name: str | None = None,
        dataset_name_contains: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        limit: int | None = None,
    ) -> PageFlow[Dataset]:
        """List the workspace's datasets.

        Args:
            dataset_ids: Only those with these ids.
            data_type: Only those of this type: ``kv``, ``llm`` or ``chat``.
            dataset_name: Only the one of this name.
            dataset_name_contains: Only those whose name contains this text.
            metadata: Only those whose metadata has these values.
            limit: Most datasets to give; None for all.

        Yields:
            Datasets, fetched a page of at most 100 at a time when they are asked for.

        Raises:
            LangSmithUserError: An id is not a UUID, or `limit` is negative.
            LangSmithError: The server refused, or could not be asked.

        Example:
            >>> [dataset.name for dataset in client.list_datasets(limit=3)]  # doctest: +SKIP

        ``GET /datasets``
        """
        params = _filters(dataset_ids, data_type, dataset_name, dataset_name_contains, metadata)
        check_limit(limit)
        link = yield from _link(self)
        yield from offset_pages("/datasets", params, parse=lambda row: _dataset(row, **link), limit=limit)

    @operation
    def delete_dataset(
        self, *, dataset_id: UUID | str | None = None, dataset_name: str | None = None
    ) -> Flow[None]:
        """Delete a dataset with all its examples.

        Args:
            dataset_id: Its id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.

        Raises:
            ValueError: Not exactly one of the two is given.
            LangSmithUserError: The id is not a UUID, or the name is blank.
            LangSmithNotFoundError: There is no such dataset.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.delete_dataset(dataset_name="capitals")  # doctest: +SKIP

        ``DELETE /datasets/{id}``
        """
        yield from _delete(dataset_id, dataset_name)


class AsyncDatasetMethods(_SharedMethods):
    """Datasets: the methods of `AsyncClient`.

    They send what the caller gives and nothing beside, and make no look-up for links: the `url` of
    their datasets is None.
    """

    @operation
    def create_dataset(
        self,
        /,
        dataset_name: str,
        *,
        description: str | None = None,
        data_type: DataType | str | None = None,
        inputs_schema: Mapping[str, Any] | None = None,
        outputs_schema: Mapping[str, Any] | None = None,
        transformations: Sequence[DatasetTransformation] | None = None,
        metadata: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Flow[Dataset]:
        """Create an empty dataset.

        Args:
            dataset_name: Its name, unique in the workspace.
            description: A text for people.
            data_type: What its examples look like: ``kv`` (the server's default), ``llm`` or ``chat``.
            inputs_schema: JSON schema that the inputs of its examples must meet.
            outputs_schema: JSON schema for their outputs.
            transformations: Changes that the server makes to examples when they are added.
            metadata: Free-form facts about it.
            fields: Further fields of the API's request.

        Returns:
            The dataset.

        Raises:
            LangSmithConflictError: There is one of that name.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> dataset = await client.create_dataset("capitals")  # doctest: +SKIP

        ``POST /datasets``
        """
        body = {
            "name": dataset_name,
            **_given(
                description=description,
                data_type=data_type,
                inputs_schema_definition=inputs_schema,
                outputs_schema_definition=outputs_schema,
                transformations=None if transformations is None else list(transformations),
                extra=None if metadata is None else {"metadata": metadata},
            ),
            **fields,
        }
        response = yield Request("POST", "/datasets", json=body)
        return _dataset(response.json())

    @operation
    def read_dataset(
        self, dataset_name: str | None = None, dataset_id: UUID | str | None = None
    ) -> Flow[Dataset]:
        """Read a dataset by its name or id.

        Args:
            dataset_name: Its name; excludes `dataset_id`.
            dataset_id: Its id; excludes `dataset_name`.

        Returns:
            The dataset.

        Raises:
            ValueError: Not exactly one of the two is given.
            LangSmithUserError: The id is not a UUID, or the name is blank.
            LangSmithNotFoundError: There is no such dataset.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> dataset = await client.read_dataset("capitals")  # doctest: +SKIP

        ``GET /datasets/{id}`` or ``GET /datasets``
        """
        return _dataset((yield from _find(dataset_id, dataset_name, {})))

    @paginated
    def list_datasets(
        self,
        /,
        *,
        dataset_ids: Sequence[UUID | str] | None = None,
        data_type: DataType | str | None = None,
        dataset_name: str | None = None,
        dataset_name_contains: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        limit: int | None = None,
        offset: int = 0,
        **params: Any,
    ) -> PageFlow[Dataset]:
        """List the workspace's datasets.

        Args:
            dataset_ids: Only those with these ids.
            data_type: Only those of this type: ``kv``, ``llm`` or ``chat``.
            dataset_name: Only the one of this name.
            dataset_name_contains: Only those whose name contains this text.
            metadata: Only those whose metadata has these values.
            limit: Most datasets to give; None for all.
            offset: Datasets to leave out at the start.
            params: Further query parameters of the API, such as ``name``.

        Yields:
            Datasets, fetched a page of at most 100 at a time when they are asked for.

        Raises:
            LangSmithUserError: An id is not a UUID, or `limit` is negative.
            LangSmithError: The server refused, or could not be asked.

        Example:
            >>> [dataset.name async for dataset in client.list_datasets(limit=3)]  # doctest: +SKIP

        ``GET /datasets``
        """
        filters = _filters(dataset_ids, data_type, dataset_name, dataset_name_contains, metadata)
        yield from offset_pages(
            "/datasets", {**filters, **params}, parse=_dataset, limit=limit, offset=offset
        )

    @operation
    def delete_dataset(
        self, dataset_id: UUID | str | None = None, dataset_name: str | None = None
    ) -> Flow[None]:
        """Delete a dataset with all its examples.

        Args:
            dataset_id: Its id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.

        Raises:
            ValueError: Not exactly one of the two is given.
            LangSmithUserError: The id is not a UUID, or the name is blank.
            LangSmithNotFoundError: There is no such dataset.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> await client.delete_dataset(dataset_name="capitals")  # doctest: +SKIP

        ``DELETE /datasets/{id}``
        """
        yield from _delete(dataset_id, dataset_name)


def _find(dataset_id: UUID | str | None, dataset_name: str | None, params: Mapping[str, Any]) -> Flow[Any]:
    """Look up a dataset's row by its id or name."""
    exactly_one(dataset_id=dataset_id, dataset_name=dataset_name)
    if dataset_name is None:
        path = f"/datasets/{as_uuid(dataset_id, 'dataset_id')}"
        response = yield Request("GET", path, params=params)
        return response.json()
    if not dataset_name.strip():
        raise LangSmithUserError("dataset_name is blank: every dataset would match.")
    response = yield Request("GET", "/datasets", params={**params, "name": dataset_name})
    found = rows(response)
    if not found:
        raise LangSmithNotFoundError(f"No dataset is named {dataset_name!r}.")
    return found[0]


def _delete(dataset_id: UUID | str | None, dataset_name: str | None) -> Flow[None]:
    exactly_one(dataset_id=dataset_id, dataset_name=dataset_name)
    if dataset_id is None:
        dataset_id = _dataset((yield from _find(None, dataset_name, {"limit": 1}))).id
    yield Request("DELETE", f"/datasets/{as_uuid(dataset_id, 'dataset_id')}")


def _link(client: Methods) -> Flow[dict[str, Any]]:
    """What a dataset's `url` is made of."""
    return {"_host_url": host_url(client.config), "_tenant_id": (yield from tenant_id(client))}


def _dataset(row: Any, **link: Any) -> Dataset:
    from smithkit.datasets.schemas import Dataset

    return parse(Dataset, row, **link)


def _filters(
    dataset_ids: Sequence[UUID | str] | None,
    data_type: DataType | str | None,
    dataset_name: str | None,
    dataset_name_contains: str | None,
    metadata: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Query parameters of the list; those that are not given are left out."""
    return _given(
        id=None if dataset_ids is None else [as_uuid(one, "dataset_ids") for one in dataset_ids],
        data_type=data_type,
        name=dataset_name,
        name_contains=dataset_name_contains,
        metadata=None if metadata is None else json.dumps(metadata),
    )


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
