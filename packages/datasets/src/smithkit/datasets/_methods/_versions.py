"""Methods for the versions of datasets: every write to a dataset makes one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from smithkit.answers import parse
from smithkit.arguments import exactly_one
from smithkit.datasets._methods._lookup import Lookup, given
from smithkit.operations import Flow, PageFlow, Request, operation, paginated
from smithkit.paging import check_limit, offset_pages

if TYPE_CHECKING:
    from smithkit.arguments import ID_TYPE
    from smithkit.datasets.schemas import DatasetDiffInfo, DatasetVersion

__all__ = ["VersionMethods", "version_text"]


class VersionMethods(Lookup):
    """Methods of both clients for versions."""

    @paginated
    def list_dataset_versions(
        self,
        *,
        dataset_id: ID_TYPE | None = None,
        dataset_name: str | None = None,
        search: str | None = None,
        limit: int | None = None,
    ) -> PageFlow[DatasetVersion]:
        """List a dataset's versions, newest first (``GET /datasets/{id}/versions``).

        Args:
            dataset_id: The dataset's id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.
            search: Text in a version's tags.
            limit: Most versions to give; None for all.

        Yields:
            Versions, fetched a page of at most 100 at a time.

        Raises:
            ValueError: Not exactly one of id and name is given.
            LangSmithNotFoundError: There is no such dataset.

        Example:
            >>> next(client.list_dataset_versions(dataset_name="capitals")).as_of  # doctest: +SKIP
        """
        check_limit(limit)
        found = yield from self._one_dataset(dataset_id, dataset_name)
        yield from offset_pages(
            f"/datasets/{found}/versions", given(search=search), parse=_version, limit=limit
        )

    @operation
    def read_dataset_version(
        self,
        *,
        dataset_id: ID_TYPE | None = None,
        dataset_name: str | None = None,
        as_of: datetime | None = None,
        tag: str | None = None,
    ) -> Flow[DatasetVersion]:
        """Read the version of a dataset at a time or of a tag (``GET /datasets/{id}/version``).

        Args:
            dataset_id: The dataset's id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.
            as_of: A time: the version that was the newest then; excludes `tag`.
            tag: A tag, such as ``"prod"``; excludes `as_of`.

        Returns:
            The version.

        Raises:
            ValueError: Not exactly one of id and name, or of time and tag, is given.
            LangSmithNotFoundError: There is no such dataset or version.

        Example:
            >>> client.read_dataset_version(dataset_name="capitals", tag="prod").as_of  # doctest: +SKIP
        """
        exactly_one(as_of=as_of, tag=tag)
        found = yield from self._one_dataset(dataset_id, dataset_name)
        params = given(as_of=None if as_of is None else str(as_of), tag=tag)
        return _version((yield Request("GET", f"/datasets/{found}/version", params=params)).json())

    @operation
    def diff_dataset_versions(
        self,
        dataset_id: ID_TYPE | None = None,
        *,
        dataset_name: str | None = None,
        from_version: str | datetime,
        to_version: str | datetime,
    ) -> Flow[DatasetDiffInfo]:
        """Tell what is different between two versions (``GET /datasets/{id}/versions/diff``).

        Args:
            dataset_id: The dataset's id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.
            from_version: The older version: a tag or a time.
            to_version: The newer one.

        Returns:
            Ids of the examples that were added, removed and changed.

        Raises:
            ValueError: Not exactly one of id and name is given.
            LangSmithNotFoundError: There is no such dataset or version.

        Example:
            >>> client.diff_dataset_versions(
            ...     dataset_name="capitals", from_version="prod", to_version="latest"
            ... ).examples_added  # doctest: +SKIP
        """
        from smithkit.datasets.schemas import DatasetDiffInfo

        found = yield from self._one_dataset(dataset_id, dataset_name)
        params = {"from_version": version_text(from_version), "to_version": version_text(to_version)}
        response = yield Request("GET", f"/datasets/{found}/versions/diff", params=params)
        return parse(DatasetDiffInfo, response.json())

    @operation
    def update_dataset_tag(
        self,
        *,
        dataset_id: ID_TYPE | None = None,
        dataset_name: str | None = None,
        as_of: datetime,
        tag: str,
    ) -> Flow[None]:
        """Give a tag to a version of a dataset; it moves if it is on another (``PUT /datasets/{id}/tags``).

        Args:
            dataset_id: The dataset's id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.
            as_of: Time of the version.
            tag: The tag, such as ``"prod"``.

        Raises:
            ValueError: Not exactly one of id and name is given.
            LangSmithNotFoundError: There is no such dataset or version.

        Example:
            >>> version = next(client.list_dataset_versions(dataset_name="capitals"))  # doctest: +SKIP
            >>> client.update_dataset_tag(
            ...     dataset_name="capitals", as_of=version.as_of, tag="prod"
            ... )  # doctest: +SKIP
        """
        found = yield from self._one_dataset(dataset_id, dataset_name)
        yield Request("PUT", f"/datasets/{found}/tags", json={"as_of": version_text(as_of), "tag": tag})


def version_text(version: str | datetime) -> str:
    """A version as the API takes it.

    Args:
        version: A tag or a time.
    """
    return version.isoformat() if isinstance(version, datetime) else version


def _version(row: Any) -> DatasetVersion:
    from smithkit.datasets.schemas import DatasetVersion

    return parse(DatasetVersion, row)
