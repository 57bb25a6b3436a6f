"""Methods for the splits of datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.answers import rows
from smithkit.datasets._methods._lookup import Lookup, given, ids
from smithkit.datasets._methods._versions import version_text
from smithkit.operations import Flow, Request, operation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from smithkit.arguments import ID_TYPE

__all__ = ["SplitMethods"]


class SplitMethods(Lookup):
    """Methods of both clients for splits."""

    @operation
    def list_dataset_splits(
        self,
        *,
        dataset_id: ID_TYPE | None = None,
        dataset_name: str | None = None,
        as_of: str | datetime | None = None,
    ) -> Flow[list[str]]:
        """List the splits that a dataset's examples are in (``GET /datasets/{id}/splits``).

        Args:
            dataset_id: The dataset's id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.
            as_of: Version: a tag or a time. Default: the newest.

        Returns:
            The splits' names.

        Raises:
            ValueError: Not exactly one of id and name is given.
            LangSmithNotFoundError: There is no such dataset.

        Example:
            >>> client.list_dataset_splits(dataset_name="capitals")  # doctest: +SKIP
            ['base', 'train']
        """
        found = yield from self._one_dataset(dataset_id, dataset_name)
        params = given(as_of=None if as_of is None else version_text(as_of))
        return rows((yield Request("GET", f"/datasets/{found}/splits", params=params)))

    @operation
    def update_dataset_splits(
        self,
        *,
        dataset_id: ID_TYPE | None = None,
        dataset_name: str | None = None,
        split_name: str,
        example_ids: Sequence[ID_TYPE],
        remove: bool = False,
    ) -> Flow[None]:
        """Put examples into a split, or take them out of it (``PUT /datasets/{id}/splits``).

        Args:
            dataset_id: The dataset's id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.
            split_name: The split.
            example_ids: The examples.
            remove: Take them out.

        Raises:
            ValueError: Not exactly one of id and name is given.
            LangSmithUserError: An id is no UUID.
            LangSmithNotFoundError: There is no such dataset or example.

        Example:
            >>> client.update_dataset_splits(
            ...     dataset_name="capitals", split_name="train", example_ids=[example.id]
            ... )  # doctest: +SKIP
        """
        body = {"split_name": split_name, "examples": ids(example_ids, "example_ids"), "remove": remove}
        found = yield from self._one_dataset(dataset_id, dataset_name)
        yield Request("PUT", f"/datasets/{found}/splits", json=body)
