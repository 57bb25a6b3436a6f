"""Making one example: `Client` and `AsyncClient` take its parts in different orders, as they always did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.arguments import as_uuid
from smithkit.datasets._methods._examples import ExampleMethods
from smithkit.datasets._methods._lookup import given
from smithkit.operations import Flow, operation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from smithkit.arguments import ID_TYPE
    from smithkit.attachments import Attachments
    from smithkit.datasets.schemas import Example

__all__ = ["AsyncCreateExampleMethods", "CreateExampleMethods"]


class CreateExampleMethods(ExampleMethods):
    """How `Client` makes an example."""

    @operation
    def create_example(  # noqa: PLR0917 - the API's known order
        self,
        /,
        inputs: Mapping[str, Any] | None = None,
        dataset_id: ID_TYPE | None = None,
        dataset_name: str | None = None,
        created_at: datetime | None = None,
        outputs: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        split: str | list[str] | None = None,
        example_id: ID_TYPE | None = None,
        source_run_id: ID_TYPE | None = None,
        use_source_run_io: bool = False,  # noqa: FBT001, FBT002 - the API's known order
        use_source_run_attachments: list[str] | None = None,
        attachments: Attachments | None = None,
    ) -> Flow[Example]:
        """Make an example (``POST /v1/platform/datasets/{id}/examples`` or ``POST /examples``).

        Args:
            inputs: What is given to the program under test.
            dataset_id: The dataset's id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.
            created_at: When it was made. Default: now.
            outputs: What is expected of the program.
            metadata: Free-form facts.
            split: Split, or splits, that it is in.
            example_id: Its id. Default: a new one.
            source_run_id: The run that it is made of.
            use_source_run_io: Take inputs and outputs of that run.
            use_source_run_attachments: Names of attachments to take of that run.
            attachments: Files, name → (MIME type, bytes).

        Returns:
            The example.

        Raises:
            ValueError: Neither inputs nor a source run; not exactly one of dataset id and name.
            InvalidExampleError: A field cannot be sent.
            LangSmithNotFoundError: There is no such dataset.
            LangSmithConflictError: There is an example of that id.

        Example:
            >>> client.create_example(
            ...     {"country": "France"}, dataset_name="capitals", outputs={"capital": "Paris"}
            ... ).url  # doctest: +SKIP
        """
        fields = given(
            inputs=inputs,
            created_at=created_at,
            outputs=outputs,
            metadata=metadata,
            split=split,
            id=None if example_id is None else as_uuid(example_id, "example_id"),
            source_run_id=source_run_id,
            use_source_run_io=use_source_run_io or None,
            use_source_run_attachments=use_source_run_attachments,
            attachments=attachments,
        )
        return (yield from self._create_example(fields, dataset_id, dataset_name))


class AsyncCreateExampleMethods(ExampleMethods):
    """How `AsyncClient` makes an example."""

    @operation
    def create_example(
        self,
        /,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        dataset_id: ID_TYPE | None = None,
        dataset_name: str | None = None,
        *,
        example_id: ID_TYPE | None = None,
        created_at: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
        split: str | list[str] | None = None,
        source_run_id: ID_TYPE | None = None,
        use_source_run_io: bool = False,
        use_source_run_attachments: list[str] | None = None,
        attachments: Attachments | None = None,
        **fields: Any,
    ) -> Flow[Example]:
        """Make an example (``POST /examples``, or ``POST /v1/platform/datasets/{id}/examples``).

        Args:
            inputs: What is given to the program under test.
            outputs: What is expected of the program.
            dataset_id: The dataset's id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.
            example_id: Its id; ``id``, as the API calls it, does the same. Default: a new one.
            created_at: When it was made. Default: now.
            metadata: Free-form facts.
            split: Split, or splits, that it is in.
            source_run_id: The run that it is made of.
            use_source_run_io: Take inputs and outputs of that run.
            use_source_run_attachments: Names of attachments to take of that run.
            attachments: Files, name → (MIME type, bytes).
            fields: Further fields of the API's request.

        Returns:
            The example.

        Raises:
            ValueError: Neither inputs nor a source run; not exactly one of dataset id and name.
            InvalidExampleError: A field cannot be sent.
            LangSmithNotFoundError: There is no such dataset.
            LangSmithConflictError: There is an example of that id.

        Example:
            >>> await client.create_example(
            ...     {"country": "France"}, {"capital": "Paris"}, dataset_name="capitals"
            ... )  # doctest: +SKIP
        """
        known = given(
            inputs=inputs,
            outputs=outputs,
            id=None if example_id is None else as_uuid(example_id, "example_id"),
            created_at=created_at,
            metadata=metadata,
            split=split,
            source_run_id=source_run_id,
            use_source_run_io=use_source_run_io or None,
            use_source_run_attachments=use_source_run_attachments,
            attachments=attachments,
        )
        return (yield from self._create_example({**fields, **known}, dataset_id, dataset_name))
