"""Methods that make, read, change and delete examples."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from smithkit.arguments import as_uuid
from smithkit.datasets._methods._lookup import Lookup, example_from, given, ids
from smithkit.datasets._methods._uploads import DATASET_PARTS, UploadMethods, warn_of_attachments
from smithkit.datasets._methods._versions import version_text
from smithkit.operations import Flow, Page, PageFlow, Request, operation, paginated, until_page
from smithkit.paging import check_limit, offset_pages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from smithkit.arguments import ID_TYPE
    from smithkit.attachments import Attachments
    from smithkit.datasets.schemas import AttachmentsOperations, Example, ExampleCreate

__all__ = ["ExampleMethods"]

_IN_ONE_URL = 100
_WITH_ATTACHMENTS = ["attachment_urls", "outputs", "metadata"]


class ExampleMethods(UploadMethods, Lookup):
    """Methods of both clients for examples, but those that make one: the clients' arguments differ."""

    def _create_example(
        self, fields: dict[str, Any], dataset_id: ID_TYPE | None, dataset_name: str | None
    ) -> Flow[Example]:
        from smithkit.datasets._rows import model_of
        from smithkit.datasets.schemas import ExampleCreate

        if fields.get("inputs") is None and not fields.get("use_source_run_io"):
            raise ValueError("An example needs inputs, or a source_run_id with use_source_run_io=True.")
        target = yield from self._one_dataset(dataset_id, dataset_name)
        example = model_of(ExampleCreate, {"id": uuid.uuid4(), **fields}, None)
        return (yield from self._send_example(example, fields, target))

    def _send_example(
        self, example: ExampleCreate, fields: dict[str, Any], dataset_id: uuid.UUID
    ) -> Flow[Example]:
        from smithkit.datasets._encoding import as_item, as_parts, request_of

        if self._terse and not example.attachments:  # which only travel as parts
            row = (yield Request("POST", "/examples", json={**fields, "dataset_id": dataset_id})).json()
            return example_from(row)
        if not (yield from self._takes(DATASET_PARTS)):
            encoded = as_item(None, warn_of_attachments(example), dataset_id)
            row = (yield Request("POST", "/examples", content=encoded.json)).json()
            return (yield from self._example(row))
        path = self._platform(f"/datasets/{dataset_id}/examples")
        yield request_of("POST", path, [as_parts(None, example, allow_files=False)], multipart=True)
        row = (yield Request("GET", f"/examples/{example.id}")).json()
        return (yield from self._example(row, attachments=True))

    @operation
    def read_example(self, example_id: ID_TYPE, *, as_of: datetime | str | None = None) -> Flow[Example]:
        """Read an example, with its attachments (``GET /examples/{id}``).

        Args:
            example_id: Its id.
            as_of: Version of the dataset: a time or a tag. Default: the newest.

        Returns:
            The example; `attachments` holds each attachment's bytes in a `reader`.

        Raises:
            LangSmithUserError: The id is no UUID.
            LangSmithNotFoundError: There is no such example.

        Example:
            >>> client.read_example(example_id).inputs  # doctest: +SKIP
        """
        key = as_uuid(example_id, "example_id")
        params = given(as_of=None if as_of is None else version_text(as_of))
        row = (yield Request("GET", f"/examples/{key}", params=params)).json()
        return (yield from self._example(row, attachments=True))

    @paginated
    def list_examples(  # noqa: PLR0917 - the API's known order
        self,
        /,
        dataset_id: ID_TYPE | None = None,
        dataset_name: str | None = None,
        example_ids: Sequence[ID_TYPE] | None = None,
        as_of: datetime | str | None = None,
        splits: Sequence[str] | None = None,
        inline_s3_urls: bool | None = None,  # noqa: FBT001 - the API's known order
        *,
        offset: int = 0,
        limit: int | None = None,
        metadata: Mapping[str, Any] | None = None,
        filter: str | None = None,  # noqa: A002 - the API's own name
        include_attachments: bool = False,
        **kwargs: Any,
    ) -> PageFlow[Example]:
        """List examples (``GET /examples``).

        Args:
            dataset_id: Only those of this dataset.
            dataset_name: The same by name.
            example_ids: Only those with these ids.
            as_of: Version of the dataset: a time or a tag. Default: the newest.
            splits: Only those in one of these splits.
            inline_s3_urls: Whether the server puts large fields into its answer; `Client` asks for it.
            offset: Examples to leave out at the start.
            limit: Most examples to give; None for all.
            metadata: Only those whose metadata has these values.
            filter: Filter expression, such as ``exists(metadata, "reviewed")``.
            include_attachments: Fetch attachments as well.
            kwargs: Further query parameters of the API.

        Yields:
            Examples, fetched a page of at most 100 at a time when they are asked for.

        Raises:
            LangSmithUserError: An id is no UUID, or a negative `limit` or `offset`.
            LangSmithNotFoundError: There is no such dataset.

        Example:
            >>> for example in client.list_examples(dataset_name="capitals", splits=["test"]):  # doctest: +SKIP
            ...     print(example.inputs)
        """
        check_limit(limit)
        inline = True if inline_s3_urls is None and not self._terse else inline_s3_urls
        query = given(
            id=ids(example_ids, "example_ids"),
            as_of=None if as_of is None else version_text(as_of),
            splits=splits,
            inline_s3_urls=inline,
            filter=filter,
            metadata=None if metadata is None else json.dumps(metadata, separators=(",", ":")),
            select=_WITH_ATTACHMENTS if include_attachments else None,
            **kwargs,
        )
        if dataset_id is not None or dataset_name is not None:
            query["dataset"] = yield from self._one_dataset(dataset_id, dataset_name)
        pages = offset_pages("/examples", query, parse=lambda row: row, limit=limit, offset=offset)
        wanted = include_attachments or not self._terse
        link = yield from self._link()
        while (page := (yield from until_page(pages))) is not None:
            for row in page.items:
                found = (yield from self._attachments(row)) if wanted else {}
                yield Page([example_from(row, **found, **link)])

    @operation
    def update_example(
        self,
        example_id: ID_TYPE,
        *,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        split: str | list[str] | None = None,
        dataset_id: ID_TYPE | None = None,
        attachments_operations: AttachmentsOperations | None = None,
        attachments: Attachments | None = None,
    ) -> Flow[dict[str, Any]]:
        """Change an example (``PATCH /v1/platform/datasets/{id}/examples`` or ``PATCH /examples/{id}``).

        What is None stays as it is.

        Args:
            example_id: Its id.
            inputs: New inputs.
            outputs: New outputs.
            metadata: New metadata.
            split: Its split or splits from now on.
            dataset_id: The dataset that it is of. Default: it is looked up (``GET /examples/{id}``).
            attachments_operations: What becomes of the attachments that it has.
            attachments: New attachments.

        Returns:
            The server's answer.

        Raises:
            ValueError: The server is too old for operations on attachments.
            LangSmithUserError: An id is no UUID.
            LangSmithNotFoundError: There is no such example.

        Example:
            >>> client.update_example(example.id, outputs={"capital": "Paris"})  # doctest: +SKIP
        """
        from smithkit.datasets._encoding import fields_of
        from smithkit.datasets._rows import model_of
        from smithkit.datasets.schemas import ExampleUpdate

        key = as_uuid(example_id, "example_id")
        target = yield from self._dataset_of({"id": key}, dataset_id, None)
        fields = given(
            inputs=inputs,
            outputs=outputs,
            metadata=metadata,
            split=split,
            attachments=attachments,
            attachments_operations=attachments_operations,
        )
        change = model_of(ExampleUpdate, {"id": key, "dataset_id": target, **fields}, None)
        if (yield from self._takes(DATASET_PARTS)):
            return {**(yield from self._update_parts(target, [change]))}
        body = fields_of(warn_of_attachments(change))
        answer: dict[str, Any] = (yield Request("PATCH", f"/examples/{key}", json=body)).json()
        return answer

    @operation
    def delete_example(self, example_id: ID_TYPE) -> Flow[None]:
        """Delete an example; earlier versions of its dataset keep it (``DELETE /examples/{id}``).

        Args:
            example_id: Its id.

        Raises:
            LangSmithUserError: The id is no UUID.
            LangSmithNotFoundError: There is no such example.

        Example:
            >>> client.delete_example(example.id)  # doctest: +SKIP
        """
        yield Request("DELETE", f"/examples/{as_uuid(example_id, 'example_id')}")

    @operation
    def delete_examples(self, example_ids: Sequence[ID_TYPE], *, hard_delete: bool = False) -> Flow[None]:
        """Delete examples (``DELETE /examples``, or ``POST /v1/platform/datasets/examples/delete``).

        Args:
            example_ids: Their ids.
            hard_delete: Out of the earlier versions of their dataset as well. It cannot be undone.

        Raises:
            LangSmithUserError: An id is no UUID.
            LangSmithError: The server refused.

        Example:
            >>> client.delete_examples([example.id])  # doctest: +SKIP
        """
        keys = ids(example_ids, "example_ids") or []
        if hard_delete:
            body = {"example_ids": keys, "hard_delete": True}
            yield Request("POST", self._platform("/datasets/examples/delete"), json=body)
            return
        for start in range(0, len(keys), _IN_ONE_URL):
            params = {"example_ids": keys[start : start + _IN_ONE_URL]}
            yield Request("DELETE", "/examples", params=params)
