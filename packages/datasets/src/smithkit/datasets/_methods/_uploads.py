"""Methods that make and change many examples at once."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from smithkit.arguments import as_uuid
from smithkit.datasets._methods._lookup import Lookup, example_from
from smithkit.operations import Flow, Request, operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from smithkit.arguments import ID_TYPE
    from smithkit.attachments import Attachments
    from smithkit.datasets.schemas import (
        AttachmentsOperations,
        ExampleCreate,
        ExampleUpdate,
        ExampleUpsertWithAttachments,
        UpsertExamplesResponse,
    )

__all__ = ["DATASET_PARTS", "UploadMethods", "warn_of_attachments"]

DATASET_PARTS = "dataset_examples_multipart_enabled"
"""What a server's ``/info`` says if it takes the examples of one dataset as parts."""
_ANY_PARTS = "examples_multipart_enabled"
_MOST_IN_FLIGHT = 3
_CREATED = {
    "inputs": "inputs",
    "outputs": "outputs",
    "metadata": "metadata",
    "splits": "split",
    "ids": "id",
    "source_run_ids": "source_run_id",
}
_UPDATED = {
    "example_ids": "id",
    "inputs": "inputs",
    "outputs": "outputs",
    "metadata": "metadata",
    "splits": "split",
    "dataset_ids": "dataset_id",
    "attachments": "attachments",
    "attachments_operations": "attachments_operations",
}


class UploadMethods(Lookup):
    """Methods of both clients for many examples."""

    @operation
    def create_examples(
        self,
        *,
        dataset_name: str | None = None,
        dataset_id: ID_TYPE | None = None,
        examples: Iterable[ExampleCreate | Mapping[str, Any]] | None = None,
        dangerously_allow_filesystem: bool = False,
        max_concurrency: int = 1,
        deduplicate: bool = False,
        progress: bool | None = None,
        inputs: Sequence[Mapping[str, Any] | None] | None = None,
        outputs: Sequence[Mapping[str, Any] | None] | None = None,
        metadata: Sequence[Mapping[str, Any] | None] | None = None,
        splits: Sequence[str | list[str] | None] | None = None,
        ids: Sequence[ID_TYPE | None] | None = None,
        source_run_ids: Sequence[ID_TYPE | None] | None = None,
    ) -> Flow[UpsertExamplesResponse]:
        """Make examples (``POST /v1/platform/datasets/{id}/examples``, or ``POST /examples/bulk``).

        They are sent in requests of at most 20 MB and 1000 examples, and read from `examples` as they are
        sent: an iterator may give any number of them. Sending examples with ids again is no error: those that
        stand there already with the same inputs and outputs count as made.

        Args:
            dataset_name: The dataset's name; excludes `dataset_id`.
            dataset_id: Its id; excludes `dataset_name`.
            examples: The examples, as models or dictionaries.
            dangerously_allow_filesystem: Let attachments name files. Only if you trust every path.
            max_concurrency: Requests in flight at once, 1 to 3.
            deduplicate: Make one of examples with equal inputs and outputs. Ids are made of both, unless they
                are given: a second call with the same examples adds nothing.
            progress: Show a bar. Default: if standard error is a terminal, rich is installed, and one request
                is not enough.
            inputs: In place of `examples`: the inputs of each example.
            outputs: The outputs of each.
            metadata: The metadata of each.
            splits: The split or splits of each.
            ids: The id of each.
            source_run_ids: The run that each is made of.

        Returns:
            ``{"example_ids": [...], "count": n, "as_of": version}``.

        Raises:
            ValueError: Both or neither of dataset id and name, or of examples and inputs, are given; lists of
                different lengths; a concurrency out of range.
            InvalidExampleError: A row cannot be sent; it names row and field. Nothing is in.
            ExamplesUploadError: Some examples are in, others are not; it says which.
            LangSmithNotFoundError: There is no such dataset.
            LangSmithError: The server refused, and nothing is in.

        Example:
            >>> client.create_examples(
            ...     dataset_name="capitals",
            ...     examples=[{"inputs": {"country": "France"}, "outputs": {"capital": "Paris"}}],
            ... )["count"]  # doctest: +SKIP
            1
        """
        from smithkit.datasets._progress import progress_for
        from smithkit.datasets._rows import creations, from_lists

        if not 1 <= max_concurrency <= _MOST_IN_FLIGHT:
            raise ValueError(f"max_concurrency is between 1 and {_MOST_IN_FLIGHT}, not {max_concurrency}.")
        lists = {
            "inputs": inputs,
            "outputs": outputs,
            "metadata": metadata,
            "splits": splits,
            "ids": ids,
            "source_run_ids": source_run_ids,
        }
        _one_form("examples", examples, lists)
        rows: Iterable[Any] = from_lists(lists, _CREATED) if examples is None else examples
        target = yield from self._one_dataset(dataset_id, dataset_name)
        made = creations(rows, target, deduplicate=deduplicate)
        if isinstance(rows, list | tuple):
            made = iter(list(made))  # what is wrong is found before anything is sent
        return (
            yield from self._upload(
                target,
                made,
                allow_files=dangerously_allow_filesystem,
                most=max_concurrency,
                progress=progress_for(progress, "examples", rows),
            )
        )

    def _upload(
        self,
        dataset_id: UUID,
        examples: Iterable[tuple[int, ExampleCreate]],
        *,
        allow_files: bool = False,
        most: int = 1,
        progress: Any = None,
    ) -> Flow[UpsertExamplesResponse]:
        """Send checked examples, in the form that the server takes."""
        from smithkit.datasets._encoding import as_item, as_parts
        from smithkit.datasets._upload import Upload

        if (yield from self._takes(DATASET_PARTS)):
            path = self._platform(f"/datasets/{dataset_id}/examples")
            upload = Upload("POST", path, multipart=True, absorb=dataset_id, progress=progress)
            parts = (as_parts(row, example, allow_files=allow_files) for row, example in examples)
            return (yield from upload.send(parts, most))
        upload = Upload("POST", "/examples/bulk", multipart=False, absorb=dataset_id, progress=progress)
        items = (as_item(row, warn_of_attachments(example), dataset_id) for row, example in examples)
        return (yield from upload.send(items, most))

    @operation
    def upload_examples_multipart(
        self,
        *,
        dataset_id: ID_TYPE,
        uploads: Sequence[ExampleCreate | Mapping[str, Any]] | None = None,
        dangerously_allow_filesystem: bool = False,
    ) -> Flow[UpsertExamplesResponse]:
        """Make examples, with attachments (``POST /v1/platform/datasets/{id}/examples``).

        `create_examples` does the same with names, several requests in flight and older servers; here,
        an id that exists is an error.

        Args:
            dataset_id: The dataset's id.
            uploads: The examples.
            dangerously_allow_filesystem: Let attachments name files. Only if you trust every path.

        Returns:
            ``{"example_ids": [...], "count": n, "as_of": version}``.

        Raises:
            ValueError: The server does not take parts.
            InvalidExampleError: A row cannot be sent; it names row and field.
            LangSmithConflictError: An id exists.
            ExamplesUploadError: Some examples are in, others are not; it says which.

        Example:
            >>> upload = {"inputs": {"q": 1}, "attachments": {"note": ("text/plain", b"hello")}}
            >>> client.upload_examples_multipart(
            ...     dataset_id=dataset.id, uploads=[upload]
            ... )["count"]  # doctest: +SKIP
            1
        """
        from smithkit.datasets._rows import creations

        yield from self._need(DATASET_PARTS, "upload_examples_multipart")
        target = as_uuid(dataset_id, "dataset_id")
        rows = list(creations(uploads or (), target, strict=False))
        path = self._platform(f"/datasets/{target}/examples")
        return (yield from _send_parts("POST", path, rows, allow_files=dangerously_allow_filesystem))

    @operation
    def upsert_examples_multipart(
        self,
        *,
        upserts: Sequence[ExampleUpsertWithAttachments | Mapping[str, Any]] | None = None,
        dangerously_allow_filesystem: bool = False,
    ) -> Flow[UpsertExamplesResponse]:
        """Make examples, or replace those that exist (``POST /v1/platform/examples/multipart``).

        Args:
            upserts: The examples, each with its dataset.
            dangerously_allow_filesystem: Let attachments name files. Only if you trust every path.

        Returns:
            ``{"example_ids": [...], "count": n, "as_of": version}``.

        Raises:
            ValueError: The server does not take parts.
            InvalidExampleError: A row cannot be sent; it names row and field.
            ExamplesUploadError: Some examples are in, others are not; it says which.

        Example:
            >>> client.upsert_examples_multipart(
            ...     upserts=[{"dataset_id": dataset.id, "inputs": {"q": 1}}]
            ... )["count"]  # doctest: +SKIP
            1
        """
        from smithkit.datasets._rows import model_of
        from smithkit.datasets.schemas import ExampleUpsertWithAttachments

        yield from self._need(_ANY_PARTS, "upsert_examples_multipart")
        rows = [
            (row, model_of(ExampleUpsertWithAttachments, given, row))
            for row, given in enumerate(upserts or (), 1)
        ]
        path = self._platform("/examples/multipart")
        return (yield from _send_parts("POST", path, rows, allow_files=dangerously_allow_filesystem))

    @operation
    def update_examples_multipart(
        self,
        *,
        dataset_id: ID_TYPE,
        updates: Sequence[ExampleUpdate | Mapping[str, Any]] | None = None,
        dangerously_allow_filesystem: bool = False,
    ) -> Flow[UpsertExamplesResponse]:
        """Change examples and their attachments (``PATCH /v1/platform/datasets/{id}/examples``).

        Args:
            dataset_id: The dataset's id.
            updates: The changes.
            dangerously_allow_filesystem: Let attachments name files. Only if you trust every path.

        Returns:
            ``{"example_ids": [...], "count": n, "as_of": version}``.

        Raises:
            ValueError: The server does not take parts.
            InvalidExampleError: A row cannot be sent, or is of another dataset.
            ExamplesUploadError: Some changes are made, others are not; it says which.

        Example:
            >>> client.update_examples_multipart(
            ...     dataset_id=dataset.id, updates=[{"id": example.id, "outputs": {"a": 2}}]
            ... )["count"]  # doctest: +SKIP
            1
        """
        yield from self._need(DATASET_PARTS, "update_examples_multipart")
        target = as_uuid(dataset_id, "dataset_id")
        return (
            yield from self._update_parts(target, updates or (), allow_files=dangerously_allow_filesystem)
        )

    def _update_parts(
        self, dataset_id: UUID, changes: Iterable[Any], *, allow_files: bool = False
    ) -> Flow[UpsertExamplesResponse]:
        from smithkit.datasets._rows import updates

        rows = list(updates(changes, dataset_id))
        path = self._platform(f"/datasets/{dataset_id}/examples")
        return (yield from _send_parts("PATCH", path, rows, allow_files=allow_files))

    @operation
    def update_examples(
        self,
        *,
        dataset_name: str | None = None,
        dataset_id: ID_TYPE | None = None,
        updates: Sequence[ExampleUpdate | Mapping[str, Any]] | None = None,
        dangerously_allow_filesystem: bool = False,
        example_ids: Sequence[ID_TYPE] | None = None,
        inputs: Sequence[Mapping[str, Any] | None] | None = None,
        outputs: Sequence[Mapping[str, Any] | None] | None = None,
        metadata: Sequence[Mapping[str, Any] | None] | None = None,
        splits: Sequence[str | list[str] | None] | None = None,
        dataset_ids: Sequence[ID_TYPE | None] | None = None,
        attachments: Sequence[Attachments | None] | None = None,
        attachments_operations: Sequence[AttachmentsOperations | None] | None = None,
    ) -> Flow[dict[str, Any]]:
        """Change examples of a dataset (``PATCH /v1/platform/datasets/{id}/examples``, or ``/examples/bulk``).

        What is None stays as it is.

        Args:
            dataset_name: The dataset's name. Default, with `dataset_id`: that of the first example.
            dataset_id: Its id; excludes `dataset_name`.
            updates: The changes, as models or dictionaries.
            dangerously_allow_filesystem: Let attachments name files. Only if you trust every path.
            example_ids: In place of `updates`: the id of each example.
            inputs: The new inputs of each.
            outputs: The new outputs of each.
            metadata: The new metadata of each.
            splits: The new split or splits of each.
            dataset_ids: The dataset of each; they are all the same one.
            attachments: The new attachments of each.
            attachments_operations: What becomes of the attachments that each has.

        Returns:
            ``{"message": "2 examples updated", "count": 2, "example_ids": [...], "as_of": version}``; an
            older server's own answer.

        Raises:
            ValueError: Both or neither of `updates` and `example_ids` are given; lists of different lengths.
            InvalidExampleError: A row cannot be sent, or is of another dataset.
            ExamplesUploadError: Some changes are made, others are not; it says which.
            LangSmithNotFoundError: There is no such dataset or example.

        Example:
            >>> client.update_examples(
            ...     dataset_name="capitals", example_ids=[example.id], outputs=[{"capital": "Paris"}]
            ... )["message"]  # doctest: +SKIP
            '1 examples updated'
        """
        from smithkit.datasets._rows import from_lists

        lists: dict[str, Any] = {
            "example_ids": example_ids,
            "inputs": inputs,
            "outputs": outputs,
            "metadata": metadata,
            "splits": splits,
            "dataset_ids": dataset_ids,
            "attachments": attachments,
            "attachments_operations": attachments_operations,
        }
        _one_form("updates", updates, lists)
        changes: Sequence[Any] = from_lists(lists, _UPDATED) if updates is None else list(updates)
        if not changes:
            raise ValueError("There is nothing to update: give updates, or example_ids.")
        target = yield from self._dataset_of(changes[0], dataset_id, dataset_name)
        if not (yield from self._takes(DATASET_PARTS)):
            return (yield from self._update_bulk(target, changes))
        done: dict[str, Any] = {
            **(yield from self._update_parts(target, changes, allow_files=dangerously_allow_filesystem))
        }
        return {"message": f"{done['count']} examples updated", **done}

    def _update_bulk(self, dataset_id: UUID, changes: Sequence[Any]) -> Flow[dict[str, Any]]:
        """For servers that do not take parts."""
        from smithkit.datasets._encoding import fields_of
        from smithkit.datasets._rows import updates

        items = [fields_of(warn_of_attachments(change)) for _, change in updates(changes, dataset_id)]
        answer: dict[str, Any] = (yield Request("PATCH", "/examples/bulk", json=items)).json()
        return answer

    def _dataset_of(self, change: Any, dataset_id: ID_TYPE | None, dataset_name: str | None) -> Flow[UUID]:
        """The dataset that is named, or else that of an example."""
        if dataset_id is not None or dataset_name is not None:
            return (yield from self._one_dataset(dataset_id, dataset_name))
        fields = change if isinstance(change, dict) else dict(change)
        if fields.get("dataset_id") is not None:
            return as_uuid(fields["dataset_id"], "dataset_id")
        key = as_uuid(fields.get("id"), "example_ids")
        return example_from((yield Request("GET", f"/examples/{key}")).json()).dataset_id

    def _need(self, flag: str, method: str) -> Flow[None]:
        if not (yield from self._takes(flag)):
            raise ValueError(
                f"This server does not take examples as parts ({flag} is off), which {method} needs. "
                f"Use create_examples or update_examples, or a newer server."
            )


def warn_of_attachments(example: Any) -> Any:
    """Tell that a server takes no attachments, if an example has some.

    Args:
        example: The example, which is returned.
    """
    if getattr(example, "attachments_operations", None) is not None:
        raise ValueError("This server does not take operations on attachments: it needs to be newer.")
    if example.attachments:
        warnings.warn("This server takes no attachments: they are left out.", UserWarning, stacklevel=2)
    return example


def _send_parts(
    method: str, path: str, rows: Iterable[tuple[int, Any]], *, allow_files: bool
) -> Flow[UpsertExamplesResponse]:
    from smithkit.datasets._encoding import as_parts
    from smithkit.datasets._upload import Upload

    parts = [as_parts(row, example, allow_files=allow_files) for row, example in rows]
    return (yield from Upload(method, path, multipart=True).send(parts))


def _one_form(name: str, rows: Any, lists: Mapping[str, Any]) -> None:
    """Insist that rows are given, or lists, and not both."""
    there = [other for other, values in lists.items() if values is not None]
    first = next(iter(lists))
    if rows is not None and there:
        raise ValueError(
            f"Give {name}, or {first} and the lists beside it; got {name} and {', '.join(there)}."
        )
    if rows is None and first not in there:
        raise ValueError(f"Give {name}, or {first} and the lists beside it.")
