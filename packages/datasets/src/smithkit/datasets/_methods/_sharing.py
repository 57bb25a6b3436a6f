"""Methods that share datasets by link, and read what was shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit
from uuid import UUID

from smithkit.answers import parse
from smithkit.arguments import as_uuid
from smithkit.config import host_url
from smithkit.datasets._methods._datasets import SharedDatasetsMethods
from smithkit.datasets._methods._lookup import Lookup, dataset_from, example_from, given, ids
from smithkit.datasets._methods._uploads import UploadMethods
from smithkit.errors import (
    LangSmithNotFoundError,
    LangSmithResponseError,
    LangSmithUserError,
    MissingPackageError,
)
from smithkit.operations import Flow, PageFlow, Request, operation, paginated
from smithkit.paging import PAGE_SIZE, check_limit, offset_pages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smithkit.arguments import ID_TYPE
    from smithkit.datasets.schemas import Dataset, DatasetShareSchema, Example, ExampleCreate
    from smithkit.tracing.schemas import TracerSessionResult

__all__ = ["SharingMethods"]

# What the API's own hosts are to those who copy links from a browser.
_APIS = {
    "smith.langchain.com": "https://api.smith.langchain.com",
    "beta.smith.langchain.com": "https://beta.api.smith.langchain.com",
    "eu.smith.langchain.com": "https://eu.api.smith.langchain.com",
}


class SharingMethods(UploadMethods, SharedDatasetsMethods, Lookup):
    """Methods of both clients that share datasets."""

    @operation
    def share_dataset(
        self, dataset_id: ID_TYPE | None = None, *, dataset_name: str | None = None
    ) -> Flow[DatasetShareSchema]:
        """Make a dataset readable to whoever has a link (``PUT /datasets/{id}/share``).

        Args:
            dataset_id: The dataset's id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.

        Returns:
            ``{"dataset_id": ..., "share_token": ..., "url": link}``. A dataset that is shared already keeps
            its link.

        Raises:
            ValueError: Not exactly one of id and name is given.
            LangSmithNotFoundError: There is no such dataset.

        Example:
            >>> client.share_dataset(dataset_name="capitals")["url"]  # doctest: +SKIP
        """
        found = yield from self._one_dataset(dataset_id, dataset_name)
        body = {"dataset_id": str(found)}
        return self._shared((yield Request("PUT", f"/datasets/{found}/share", json=body)).json())

    @operation
    def read_dataset_shared_schema(
        self, dataset_id: ID_TYPE | None = None, *, dataset_name: str | None = None
    ) -> Flow[DatasetShareSchema]:
        """Read how a dataset is shared (``GET /datasets/{id}/share``).

        Args:
            dataset_id: The dataset's id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.

        Returns:
            ``{"dataset_id": ..., "share_token": ..., "url": link}``.

        Raises:
            ValueError: Not exactly one of id and name is given.
            LangSmithNotFoundError: There is no such dataset, or it is not shared.

        Example:
            >>> client.read_dataset_shared_schema(dataset_name="capitals")["share_token"]  # doctest: +SKIP
        """
        found = yield from self._one_dataset(dataset_id, dataset_name)
        answer = (yield Request("GET", f"/datasets/{found}/share")).json()
        if not answer:
            raise LangSmithNotFoundError(f"Dataset {found} is not shared.")
        return self._shared(answer)

    @operation
    def unshare_dataset(self, dataset_id: ID_TYPE) -> Flow[None]:
        """Take a dataset's link back (``DELETE /datasets/{id}/share``).

        Args:
            dataset_id: The dataset's id.

        Raises:
            LangSmithUserError: The id is no UUID.
            LangSmithNotFoundError: There is no such dataset.

        Example:
            >>> client.unshare_dataset(dataset.id)  # doctest: +SKIP
        """
        yield Request("DELETE", f"/datasets/{as_uuid(dataset_id, 'dataset_id')}/share")

    @operation
    def read_shared_dataset(self, share_token: str) -> Flow[Dataset]:
        """Read a shared dataset (``GET /public/{token}/datasets``).

        Args:
            share_token: The token, or the link that holds it; its host is not asked, the client's is.

        Returns:
            The dataset; its `url` is the public one.

        Raises:
            LangSmithUserError: There is no token in it.
            LangSmithNotFoundError: Nothing is shared by this token.

        Example:
            >>> client.read_shared_dataset(link).name  # doctest: +SKIP
        """
        row = (yield Request("GET", f"/public/{_token(share_token)}/datasets")).json()
        host = host_url(self.config)
        return dataset_from(row, _host_url=host, _public_path=f"/public/{_token(share_token)}/d")

    @paginated
    def list_shared_examples(
        self,
        share_token: ID_TYPE,
        *,
        example_ids: Sequence[ID_TYPE] | None = None,
        limit: int | None = None,
    ) -> PageFlow[Example]:
        """List the examples of a shared dataset (``GET /public/{token}/examples``).

        Args:
            share_token: The token.
            example_ids: Only those with these ids.
            limit: Most examples to give; None for all.

        Yields:
            Examples, fetched a page of at most 100 at a time.

        Raises:
            LangSmithUserError: The token or an id is no UUID, or `limit` is negative.
            LangSmithNotFoundError: Nothing is shared by this token.

        Example:
            >>> [example.inputs for example in client.list_shared_examples(token)]  # doctest: +SKIP
        """
        path = f"/public/{as_uuid(share_token, 'share_token')}/examples"
        host = None if self._terse else host_url(self.config)
        params = given(id=ids(example_ids, "example_ids"))
        yield from offset_pages(
            path, params, parse=lambda row: example_from(row, _host_url=host), limit=limit
        )

    @paginated
    def list_shared_projects(
        self,
        *,
        dataset_share_token: ID_TYPE,
        project_ids: Sequence[ID_TYPE] | None = None,
        name: str | None = None,
        name_contains: str | None = None,
        limit: int | None = None,
    ) -> PageFlow[TracerSessionResult]:
        """List the experiments on a shared dataset (``GET /public/{token}/datasets/sessions``).

        Args:
            dataset_share_token: The token.
            project_ids: Only those with these ids.
            name: Only the one of this name.
            name_contains: Only those whose name contains this text.
            limit: Most experiments to give; None for all.

        Yields:
            Experiments, fetched a page of at most 100 at a time.

        Raises:
            LangSmithUserError: The token or an id is no UUID, or `limit` is negative.
            LangSmithNotFoundError: Nothing is shared by this token.
            MissingPackageError: smithkit-tracing, which knows projects, is not installed.

        Example:
            >>> for project in client.list_shared_projects(dataset_share_token=token):  # doctest: +SKIP
            ...     print(project.name, project.latency_p50)
        """
        kind = _project_kind()
        check_limit(limit)
        path = f"/public/{as_uuid(dataset_share_token, 'dataset_share_token')}/datasets/sessions"
        params = given(id=ids(project_ids, "project_ids"), name=name, name_contains=name_contains)
        host = None if self._terse else host_url(self.config)
        yield from offset_pages(path, params, parse=lambda row: parse(kind, row, _host_url=host), limit=limit)

    @operation
    def clone_public_dataset(
        self, token_or_url: str, *, source_api_url: str | None = None, dataset_name: str | None = None
    ) -> Flow[Dataset]:
        """Copy a shared dataset into the client's workspace.

        Asks the source for ``GET /public/{token}/datasets`` and ``/public/{token}/examples``, and makes the
        copy with ``POST /datasets`` and `create_examples`. The source gets no credentials.

        Args:
            token_or_url: The token, or the link that holds it.
            source_api_url: API of the workspace that shares. Default: that of a link to LangSmith, or else
                the client's own.
            dataset_name: Name of the copy. Default: that of the source.

        Returns:
            The copy; a dataset that has its name already is returned as it is.

        Raises:
            LangSmithUserError: There is no token in it.
            LangSmithNotFoundError: Nothing is shared by this token.
            ExamplesUploadError: Some examples were copied, others were not; it says which.

        Example:
            >>> client.clone_public_dataset(
            ...     "https://smith.langchain.com/public/70000000-0000-4000-8000-000000000001/d"
            ... ).name  # doctest: +SKIP
        """
        token = _token(token_or_url)
        source = source_api_url or _APIS.get(urlsplit(token_or_url).hostname or "")
        yield _ask(source, "/info")  # whether this is the API, before anything is made
        shared = dataset_from((yield _ask(source, f"/public/{token}/datasets")).json())
        name = dataset_name or shared.name
        try:
            return dataset_from((yield from self._dataset_row(None, name)), **(yield from self._link()))
        except LangSmithNotFoundError:
            pass
        examples = yield from _shared_examples(source, token)
        body = given(
            name=name,
            description=shared.description,
            data_type=shared.data_type,
            inputs_schema_definition=shared.inputs_schema,
            outputs_schema_definition=shared.outputs_schema,
        )
        copy = yield from self._create(body)
        if examples:
            yield from self._upload(copy.id, list(enumerate(examples, 1)))
        return copy

    def _shared(self, answer: Any) -> DatasetShareSchema:
        token = answer.get("share_token") if isinstance(answer, dict) else None
        if not token:
            raise LangSmithResponseError("The server did not answer with the dataset's share_token.")
        link = f"{host_url(self.config)}/public/{token}/d"
        shared: DatasetShareSchema = cast("Any", {**answer, "url": link})
        return shared


def _token(token_or_url: str) -> UUID:
    """The token itself, or the part of a link before its last: ``…/public/{token}/d``."""
    try:
        return UUID(str(token_or_url))
    except ValueError:
        parts = urlsplit(str(token_or_url)).path.rstrip("/").split("/")
    try:
        return UUID(parts[-2])
    except (IndexError, ValueError):
        raise LangSmithUserError(
            f"This is neither a share token nor a link such as https://…/public/{{token}}/d: {token_or_url!r:.200}"
        ) from None


def _ask(source: str | None, path: str, params: dict[str, Any] | None = None) -> Request:
    """A request to where a dataset is shared: the token is all the right that it needs."""
    headers: dict[str, str | None] = {"x-api-key": "placeholder", "Accept": "application/json"}
    return Request("GET", path, params=params, endpoint=source, headers=headers, anonymous=True)


def _shared_examples(source: str | None, token: UUID) -> Flow[list[ExampleCreate]]:
    from smithkit.datasets.schemas import ExampleCreate

    examples: list[ExampleCreate] = []
    while True:
        params = {"limit": PAGE_SIZE, "offset": len(examples)}
        page = [example_from(row) for row in (yield _ask(source, f"/public/{token}/examples", params)).json()]
        examples += [ExampleCreate(inputs=one.inputs, outputs=one.outputs) for one in page]
        if len(page) < PAGE_SIZE:
            return examples


def _project_kind() -> type[TracerSessionResult]:
    try:
        from smithkit.tracing.schemas import TracerSessionResult
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "`list_shared_projects` needs smithkit-tracing: pip install 'smithkit-core[tracing]'"
        ) from error
    return TracerSessionResult
