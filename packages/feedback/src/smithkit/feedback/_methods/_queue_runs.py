"""Client methods of the runs in annotation queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.answers import parse
from smithkit.arguments import as_uuid
from smithkit.errors import LangSmithUserError
from smithkit.feedback._methods._queues import queue_path
from smithkit.operations import Flow, Methods, PageFlow, Request, operation, paginated
from smithkit.paging import offset_pages

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from smithkit.feedback.schemas import RunWithAnnotationQueueInfo

__all__ = ["QueueRunMethods"]


class QueueRunMethods(Methods):
    """Methods of the runs in annotation queues."""

    @operation
    def add_runs_to_annotation_queue(
        self, queue_id: UUID | str, *, run_ids: Sequence[UUID | str]
    ) -> Flow[None]:
        """Put runs into a queue; those that are in it already stay where they are.

        Args:
            queue_id: The queue.
            run_ids: The runs.

        Raises:
            LangSmithUserError: An id is not a UUID.
            LangSmithNotFoundError: There is no such queue.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.add_runs_to_annotation_queue(queue.id, run_ids=[run.id])  # doctest: +SKIP

        ``POST /annotation-queues/{id}/runs``
        """
        body = [as_uuid(run_id, "run_ids") for run_id in run_ids]
        yield Request("POST", f"{queue_path(queue_id)}/runs", json=body)

    @operation
    def delete_run_from_annotation_queue(self, queue_id: UUID | str, *, run_id: UUID | str) -> Flow[None]:
        """Take a run out of a queue.

        Args:
            queue_id: The queue.
            run_id: The run.

        Raises:
            LangSmithUserError: An id is not a UUID.
            LangSmithNotFoundError: There is no such queue, or the run is not in it.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.delete_run_from_annotation_queue(queue.id, run_id=run.id)  # doctest: +SKIP

        ``DELETE /annotation-queues/{id}/runs/{run_id}``
        """
        yield Request("DELETE", f"{queue_path(queue_id)}/runs/{as_uuid(run_id, 'run_id')}")

    @operation
    def get_run_from_annotation_queue(
        self, queue_id: UUID | str, *, index: int
    ) -> Flow[RunWithAnnotationQueueInfo]:
        """Read one of the runs of a queue that are still to be judged.

        Args:
            queue_id: The queue.
            index: Its place, from 0.

        Returns:
            The run.

        Raises:
            LangSmithUserError: The id is not a UUID, or the index is negative.
            LangSmithNotFoundError: There is no such queue, or it has fewer runs.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.get_run_from_annotation_queue(queue.id, index=0).inputs  # doctest: +SKIP

        ``GET /annotation-queues/{id}/run/{index}``
        """
        if index < 0:
            raise LangSmithUserError(f"index must be 0 or more, not {index}.")
        return _run((yield Request("GET", f"{queue_path(queue_id)}/run/{index:d}")).json())

    @paginated
    def list_runs_from_annotation_queue(
        self, queue_id: UUID | str, *, status: str | None = None, limit: int | None = None
    ) -> PageFlow[RunWithAnnotationQueueInfo]:
        """List the runs of a queue.

        Args:
            queue_id: The queue.
            status: Only those that are ``needs_review``, ``reserved`` or ``completed``.
            limit: Most runs to give; None for all.

        Yields:
            Runs, in the order in which they were added.

        Raises:
            LangSmithUserError: The id is not a UUID, or `limit` is negative.
            LangSmithNotFoundError: There is no such queue.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> [run.id for run in client.list_runs_from_annotation_queue(queue.id)]  # doctest: +SKIP

        ``GET /annotation-queues/{id}/runs``
        """
        path = f"{queue_path(queue_id)}/runs"
        yield from offset_pages(path, {"status": status}, parse=_run, limit=limit)


def _run(row: Any) -> RunWithAnnotationQueueInfo:
    from smithkit.feedback.schemas import RunWithAnnotationQueueInfo

    return parse(RunWithAnnotationQueueInfo, row)
