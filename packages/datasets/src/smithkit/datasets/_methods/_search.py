"""Methods that find examples which are like given inputs. The API calls them a beta."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.answers import parse
from smithkit.arguments import as_uuid
from smithkit.beta import warn_beta
from smithkit.datasets._methods._lookup import given
from smithkit.errors import LangSmithResponseError
from smithkit.operations import Flow, Methods, Request, operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smithkit.arguments import ID_TYPE
    from smithkit.datasets.schemas import ExampleSearch

__all__ = ["SearchMethods"]


class SearchMethods(Methods):
    """Methods of both clients for search by likeness."""

    @operation
    def index_dataset(self, /, *, dataset_id: ID_TYPE, tag: str = "latest", **kwargs: Any) -> Flow[None]:
        """Make a dataset's examples findable by likeness (``POST /datasets/{id}/index``). In beta.

        The dataset needs an inputs schema. Examples that come later are found after `sync_indexed_dataset`.

        Args:
            dataset_id: The dataset's id.
            tag: The version to index.
            kwargs: Further fields of the API's request.

        Raises:
            LangSmithUserError: The id is no UUID.
            LangSmithNotFoundError: There is no such dataset.

        Example:
            >>> client.index_dataset(dataset_id=dataset.id)  # doctest: +SKIP
        """
        warn_beta("index_dataset")
        path = f"/datasets/{as_uuid(dataset_id, 'dataset_id')}/index"
        yield Request("POST", path, json={"tag": tag, **kwargs})

    @operation
    def sync_indexed_dataset(self, /, *, dataset_id: ID_TYPE, **kwargs: Any) -> Flow[None]:
        """Bring a dataset's index to its newest version (``POST /datasets/{id}/index/sync``). In beta.

        Args:
            dataset_id: The dataset's id.
            kwargs: Further fields of the API's request.

        Raises:
            LangSmithUserError: The id is no UUID.
            LangSmithNotFoundError: There is no such dataset, or it has no index.

        Example:
            >>> client.sync_indexed_dataset(dataset_id=dataset.id)  # doctest: +SKIP
        """
        warn_beta("sync_indexed_dataset")
        yield Request("POST", f"/datasets/{as_uuid(dataset_id, 'dataset_id')}/index/sync", json=kwargs)

    @operation
    def similar_examples(
        self,
        inputs: Mapping[str, Any],
        /,
        *,
        limit: int,
        dataset_id: ID_TYPE,
        filter: str | None = None,  # noqa: A002 - the API's own name
        **kwargs: Any,
    ) -> Flow[list[ExampleSearch]]:
        """Find the examples whose inputs are most like given ones (``POST /datasets/{id}/search``). In beta.

        Args:
            inputs: What to look for, in the shape of the dataset's inputs.
            limit: How many examples at most.
            dataset_id: The dataset's id; it must be indexed.
            filter: Filter expression on the examples.
            kwargs: Further fields of the API's request.

        Returns:
            The examples, the most alike first.

        Raises:
            LangSmithUserError: The id is no UUID.
            LangSmithNotFoundError: There is no such dataset, or it has no index.

        Example:
            >>> client.similar_examples(
            ...     {"question": "Where?"}, limit=3, dataset_id=dataset.id
            ... )  # doctest: +SKIP
        """
        from smithkit.datasets.schemas import ExampleSearch

        warn_beta("similar_examples")
        key = as_uuid(dataset_id, "dataset_id")
        body = {"inputs": dict(inputs), "limit": limit, **given(filter=filter), **kwargs}
        answer = (yield Request("POST", f"/datasets/{key}/search", json=body)).json()
        found = answer.get("examples") if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise LangSmithResponseError(f"POST /datasets/{key}/search answered without examples.")
        return [parse(ExampleSearch, {"dataset_id": key, **row}) for row in found]
