"""Client methods of annotation queues."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from smithkit.answers import parse, rows
from smithkit.arguments import as_uuid
from smithkit.errors import LangSmithNotFoundError
from smithkit.operations import Flow, Methods, PageFlow, Request, operation, paginated
from smithkit.paging import PAGE_SIZE, offset_pages

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from smithkit.feedback.schemas import (
        AnnotationQueue,
        AnnotationQueueRubricItem,
        AnnotationQueueWithDetails,
    )

__all__ = ["AsyncQueueMethods", "QueueMethods", "queue_path"]


class _SharedQueueMethods(Methods):
    """What is the same on both clients."""

    @paginated
    def list_annotation_queues(
        self,
        *,
        queue_ids: Sequence[UUID | str] | None = None,
        name: str | None = None,
        name_contains: str | None = None,
        limit: int | None = None,
    ) -> PageFlow[AnnotationQueue]:
        """List annotation queues.

        Args:
            queue_ids: Only these.
            name: Only those of this name.
            name_contains: Only those whose name has this in it.
            limit: Most queues to give; None for all.

        Yields:
            Queues, without what people are told.

        Raises:
            LangSmithUserError: An id is not a UUID, or `limit` is negative.
            LangSmithError: The server refused, or could not be asked.

        Example:
            >>> [queue.name for queue in client.list_annotation_queues()]  # doctest: +SKIP

        ``GET /annotation-queues``
        """
        filters = {
            "ids": None if queue_ids is None else [as_uuid(queue_id, "queue_ids") for queue_id in queue_ids],
            "name": name,
            "name_contains": name_contains,
        }
        yield from offset_pages("/annotation-queues", filters, parse=_queue, limit=limit)

    @operation
    def update_annotation_queue(
        self,
        queue_id: UUID | str,
        *,
        name: str | None = None,
        description: str | None = None,
        rubric_instructions: str | None = None,
        rubric_items: Sequence[AnnotationQueueRubricItem] | None = None,
    ) -> Flow[None]:
        """Change a queue; what is not given stays as it is.

        Args:
            queue_id: Its id.
            name: A new name.
            description: What it is for.
            rubric_instructions: How to judge.
            rubric_items: What to judge.

        Raises:
            LangSmithUserError: The id is not a UUID.
            LangSmithNotFoundError: There is no such queue.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.update_annotation_queue(queue.id, rubric_instructions="Be strict.")  # doctest: +SKIP

        ``PATCH /annotation-queues/{id}``
        """
        body = _given(
            name=name,
            description=description,
            rubric_instructions=rubric_instructions,
            rubric_items=rubric_items,
        )
        yield Request("PATCH", queue_path(queue_id), json=body)

    @operation
    def delete_annotation_queue(self, queue_id: UUID | str) -> Flow[None]:
        """Remove a queue; its runs and their feedback stay.

        Args:
            queue_id: Its id.

        Raises:
            LangSmithUserError: The id is not a UUID.
            LangSmithNotFoundError: There is no such queue.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.delete_annotation_queue(queue.id)  # doctest: +SKIP

        ``DELETE /annotation-queues/{id}``
        """
        yield Request("DELETE", queue_path(queue_id))


class QueueMethods(_SharedQueueMethods):
    """Annotation queues: the methods of `Client`."""

    @operation
    def create_annotation_queue(
        self,
        *,
        name: str,
        description: str | None = None,
        queue_id: UUID | str | None = None,
        rubric_instructions: str | None = None,
        rubric_items: Sequence[AnnotationQueueRubricItem] | None = None,
    ) -> Flow[AnnotationQueueWithDetails]:
        """Make a queue of runs that people are to judge.

        Args:
            name: Its name.
            description: What it is for.
            queue_id: Its id. Default: a new one.
            rubric_instructions: How to judge.
            rubric_items: What to judge.

        Returns:
            The queue.

        Raises:
            LangSmithUserError: The id is not a UUID.
            LangSmithConflictError: The id is taken.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> rubric = [{"feedback_key": "tone", "description": "Is it kind?"}]
            >>> client.create_annotation_queue(name="tone", rubric_items=rubric)  # doctest: +SKIP

        ``POST /annotation-queues``
        """
        from smithkit.feedback.schemas import AnnotationQueueWithDetails

        body = _new(name, description, queue_id, rubric_instructions, rubric_items)
        response = yield Request("POST", "/annotation-queues", json=body)
        return parse(AnnotationQueueWithDetails, response.json())

    @operation
    def read_annotation_queue(self, queue_id: UUID | str) -> Flow[AnnotationQueueWithDetails]:
        """Read a queue.

        Args:
            queue_id: Its id.

        Returns:
            The queue; `rubric_items` is an attribute of it too.

        Raises:
            LangSmithUserError: The id is not a UUID.
            LangSmithNotFoundError: There is no such queue.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.read_annotation_queue(queue_id).rubric_instructions  # doctest: +SKIP

        ``GET /annotation-queues/{id}``
        """
        from smithkit.feedback.schemas import AnnotationQueueWithDetails

        response = yield Request("GET", queue_path(queue_id))
        return parse(AnnotationQueueWithDetails, response.json())


class AsyncQueueMethods(_SharedQueueMethods):
    """Annotation queues: the methods of `AsyncClient`."""

    @operation
    def create_annotation_queue(
        self,
        *,
        name: str,
        description: str | None = None,
        queue_id: UUID | str | None = None,
        rubric_instructions: str | None = None,
        rubric_items: Sequence[AnnotationQueueRubricItem] | None = None,
    ) -> Flow[AnnotationQueue]:
        """Make a queue of runs that people are to judge; see `Client.create_annotation_queue`.

        Args:
            name: Its name.
            description: What it is for.
            queue_id: Its id. Default: a new one.
            rubric_instructions: How to judge.
            rubric_items: What to judge.

        Returns:
            The queue.

        Raises:
            LangSmithUserError: The id is not a UUID.
            LangSmithConflictError: The id is taken.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> await client.create_annotation_queue(name="tone")  # doctest: +SKIP

        ``POST /annotation-queues``
        """
        body = _new(name, description, queue_id, rubric_instructions, rubric_items)
        response = yield Request("POST", "/annotation-queues", json=body)
        return _queue(response.json())

    @operation
    def read_annotation_queue(self, queue_id: UUID | str) -> Flow[AnnotationQueue]:
        """Read a queue.

        Args:
            queue_id: Its id.

        Returns:
            The queue, without what people are told.

        Raises:
            LangSmithUserError: The id is not a UUID.
            LangSmithNotFoundError: There is no such queue.
            LangSmithError: The server refused, or could not be asked.

        Example:
            >>> (await client.read_annotation_queue(queue_id)).name  # doctest: +SKIP

        ``GET /annotation-queues``
        """
        key = as_uuid(queue_id, "queue_id")
        page = {"ids": [key], "limit": PAGE_SIZE, "offset": 0}
        found = rows((yield Request("GET", "/annotation-queues", params=page)))
        if not found:
            raise LangSmithNotFoundError(f"There is no annotation queue {key}.")
        return _queue(found[0])


def queue_path(queue_id: UUID | str) -> str:
    """The path of a queue.

    Args:
        queue_id: Its id.

    Raises:
        LangSmithUserError: It is not a UUID.
    """
    return f"/annotation-queues/{as_uuid(queue_id, 'queue_id')}"


def _new(
    name: str,
    description: str | None,
    queue_id: UUID | str | None,
    rubric_instructions: str | None,
    rubric_items: Sequence[AnnotationQueueRubricItem] | None,
) -> dict[str, Any]:
    return _given(
        name=name,
        description=description,
        id=uuid.uuid4() if queue_id is None else as_uuid(queue_id, "queue_id"),
        rubric_instructions=rubric_instructions,
        rubric_items=rubric_items,
    )


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _queue(row: Any) -> AnnotationQueue:
    from smithkit.feedback.schemas import AnnotationQueue

    return parse(AnnotationQueue, row)
