"""Methods that make, find and delete datasets.

The two clients spell some of them differently, as they always did: `AsyncClient` takes further fields of the
API's requests and names without a keyword, where `Client` insists on what it knows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from smithkit.datasets._methods._lookup import Lookup, dataset_from, given, ids
from smithkit.errors import LangSmithNotFoundError, LangSmithResponseError
from smithkit.operations import Flow, PageFlow, Request, operation, paginated
from smithkit.paging import check_limit, offset_pages
from smithkit.runtime import runtime_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smithkit.arguments import ID_TYPE
    from smithkit.datasets.schemas import Dataset, DatasetTransformation, DataType

__all__ = ["AsyncDatasetsMethods", "DatasetsMethods", "SharedDatasetsMethods"]


class SharedDatasetsMethods(Lookup):
    """Datasets as a whole: what is the same on both clients."""

    @operation
    def has_dataset(
        self, *, dataset_name: str | None = None, dataset_id: ID_TYPE | None = None
    ) -> Flow[bool]:
        """Whether a dataset exists (``GET /datasets/{id}`` or ``GET /datasets``).

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
        """
        try:
            yield from self._dataset_row(dataset_id, dataset_name)
        except LangSmithNotFoundError:
            return False
        return True

    @operation
    def read_dataset_openai_finetuning(
        self, dataset_id: ID_TYPE | None = None, *, dataset_name: str | None = None
    ) -> Flow[list[Any]]:
        """Read a dataset in the format of OpenAI's fine-tuning (``GET /datasets/{id}/openai_ft``).

        Args:
            dataset_id: Its id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.

        Returns:
            An object for each example, such as ``{"messages": [...]}``.

        Raises:
            ValueError: Not exactly one of the two is given.
            LangSmithNotFoundError: There is no such dataset.

        Example:
            >>> client.read_dataset_openai_finetuning(dataset_name="chats")[0]["messages"]  # doctest: +SKIP
        """
        found = yield from self._one_dataset(dataset_id, dataset_name)
        response = yield Request("GET", f"/datasets/{found}/openai_ft")
        try:
            return [json.loads(line) for line in response.text.splitlines() if line.strip()]
        except ValueError as error:
            raise LangSmithResponseError(
                f"GET /datasets/{found}/openai_ft answered with lines that are not JSON: {error}."
            ) from None

    def _create(self, body: dict[str, Any]) -> Flow[Dataset]:
        if not self._terse:
            sent = {"runtime": runtime_environment(), **body.get("extra", {}).get("metadata", {})}
            extra = {**body.get("extra", {}), "metadata": sent}
            body = {"data_type": "kv", "transformations": None, **body, "extra": extra}
        row = (yield Request("POST", "/datasets", json=body)).json()
        if not self._terse and isinstance(row, dict) and row.get("metadata") is None:
            row["metadata"] = body["extra"]["metadata"]
        return dataset_from(row, **(yield from self._link()))

    def _listed(self, query: dict[str, Any], limit: int | None, offset: int = 0) -> PageFlow[Dataset]:
        check_limit(limit)
        link = yield from self._link()
        yield from offset_pages(
            "/datasets", query, parse=lambda row: dataset_from(row, **link), limit=limit, offset=offset
        )

    def _read(self, dataset_id: ID_TYPE | None, dataset_name: str | None) -> Flow[Dataset]:
        row = yield from self._dataset_row(dataset_id, dataset_name)
        return dataset_from(row, **(yield from self._link()))

    def _delete(self, dataset_id: ID_TYPE | None, dataset_name: str | None) -> Flow[None]:
        found = yield from self._one_dataset(dataset_id, dataset_name)
        yield Request("DELETE", f"/datasets/{found}")


class DatasetsMethods(SharedDatasetsMethods):
    """Datasets as a whole: the methods of `Client`."""

    @operation
    def create_dataset(
        self,
        dataset_name: str,
        *,
        description: str | None = None,
        data_type: DataType | str | None = None,
        inputs_schema: Mapping[str, Any] | None = None,
        outputs_schema: Mapping[str, Any] | None = None,
        transformations: Sequence[DatasetTransformation] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Flow[Dataset]:
        """Create an empty dataset (``POST /datasets``).

        Args:
            dataset_name: Its name, unique in the workspace.
            description: A text for people.
            data_type: What its examples look like: ``kv`` (the default), ``llm`` or ``chat``.
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
        """
        body = _body(
            name=dataset_name,
            description=description,
            data_type=data_type,
            inputs_schema=inputs_schema,
            outputs_schema=outputs_schema,
            transformations=transformations,
            metadata=metadata,
        )
        return (yield from self._create(body))

    @operation
    def read_dataset(
        self, *, dataset_name: str | None = None, dataset_id: ID_TYPE | None = None
    ) -> Flow[Dataset]:
        """Read a dataset by its name or id (``GET /datasets/{id}`` or ``GET /datasets``).

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
        """
        return (yield from self._read(dataset_id, dataset_name))

    @paginated
    def list_datasets(
        self,
        *,
        dataset_ids: Sequence[ID_TYPE] | None = None,
        data_type: DataType | str | None = None,
        dataset_name: str | None = None,
        dataset_name_contains: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        limit: int | None = None,
    ) -> PageFlow[Dataset]:
        """List the workspace's datasets (``GET /datasets``).

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
        """
        query = _filters(dataset_ids, data_type, dataset_name, dataset_name_contains, metadata)
        yield from self._listed(query, limit)

    @operation
    def delete_dataset(
        self, *, dataset_id: ID_TYPE | None = None, dataset_name: str | None = None
    ) -> Flow[None]:
        """Delete a dataset with all its examples (``DELETE /datasets/{id}``).

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
        """
        yield from self._delete(dataset_id, dataset_name)


class AsyncDatasetsMethods(SharedDatasetsMethods):
    """Datasets as a whole: the methods of `AsyncClient`."""

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
        """Create an empty dataset (``POST /datasets``).

        Args:
            dataset_name: Its name, unique in the workspace.
            description: A text for people.
            data_type: What its examples look like: ``kv``, ``llm`` or ``chat``. Default: the server's.
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
            >>> await client.create_dataset("capitals", metadata={"team": "qa"})  # doctest: +SKIP
        """
        body = _body(
            name=dataset_name,
            description=description,
            data_type=data_type,
            inputs_schema=inputs_schema,
            outputs_schema=outputs_schema,
            transformations=transformations,
            metadata=metadata,
        )
        return (yield from self._create(body | fields))

    @operation
    def read_dataset(
        self, dataset_name: str | None = None, dataset_id: ID_TYPE | None = None
    ) -> Flow[Dataset]:
        """Read a dataset by its name or id (``GET /datasets/{id}`` or ``GET /datasets``).

        Args:
            dataset_name: Its name; excludes `dataset_id`.
            dataset_id: Its id; excludes `dataset_name`.

        Returns:
            The dataset. Its `url` is None: nothing is looked up for links.

        Raises:
            ValueError: Not exactly one of the two is given.
            LangSmithUserError: The id is not a UUID, or the name is blank.
            LangSmithNotFoundError: There is no such dataset.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> (await client.read_dataset("capitals")).example_count  # doctest: +SKIP
        """
        return (yield from self._read(dataset_id, dataset_name))

    @paginated
    def list_datasets(
        self,
        /,
        *,
        dataset_ids: Sequence[ID_TYPE] | None = None,
        data_type: DataType | str | None = None,
        dataset_name: str | None = None,
        dataset_name_contains: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        limit: int | None = None,
        offset: int = 0,
        **params: Any,
    ) -> PageFlow[Dataset]:
        """List the workspace's datasets (``GET /datasets``).

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
        """
        query = _filters(dataset_ids, data_type, dataset_name, dataset_name_contains, metadata)
        yield from self._listed(query | params, limit, offset)

    @operation
    def delete_dataset(
        self, dataset_id: ID_TYPE | None = None, dataset_name: str | None = None
    ) -> Flow[None]:
        """Delete a dataset with all its examples (``DELETE /datasets/{id}``).

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
        """
        yield from self._delete(dataset_id, dataset_name)


def _body(
    *,
    inputs_schema: Mapping[str, Any] | None,
    outputs_schema: Mapping[str, Any] | None,
    transformations: Sequence[DatasetTransformation] | None,
    metadata: Mapping[str, Any] | None,
    **same: Any,
) -> dict[str, Any]:
    """What is given of a new dataset, as the API names it."""
    return given(
        **same,
        inputs_schema_definition=inputs_schema,
        outputs_schema_definition=outputs_schema,
        transformations=None if transformations is None else list(transformations),
        extra=None if metadata is None else {"metadata": dict(metadata)},
    )


def _filters(
    dataset_ids: Sequence[ID_TYPE] | None,
    data_type: DataType | str | None,
    dataset_name: str | None,
    dataset_name_contains: str | None,
    metadata: Mapping[str, Any] | None,
) -> dict[str, Any]:
    return given(
        id=ids(dataset_ids, "dataset_ids"),
        data_type=data_type,
        name=dataset_name,
        name_contains=dataset_name_contains,
        metadata=None if metadata is None else json.dumps(metadata),
    )
