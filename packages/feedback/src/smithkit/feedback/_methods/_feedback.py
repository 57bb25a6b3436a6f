"""Reading, changing and removing feedback: the same on both clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.answers import parse
from smithkit.arguments import as_uuid
from smithkit.feedback import _creation
from smithkit.operations import Flow, Methods, PageFlow, Request, operation, paginated
from smithkit.paging import offset_pages

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from smithkit.feedback.schemas import Feedback, FeedbackSourceType

__all__ = ["RecordMethods", "feedback_of"]


class RecordMethods(Methods):
    """Methods on feedback that was given."""

    @operation
    def read_feedback(self, feedback_id: UUID | str) -> Flow[Feedback]:
        """Read one feedback.

        Args:
            feedback_id: Its id.

        Returns:
            The feedback.

        Raises:
            LangSmithUserError: The id is not a UUID.
            LangSmithNotFoundError: There is no such feedback.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.read_feedback(feedback_id).score  # doctest: +SKIP

        ``GET /feedback/{id}``
        """
        response = yield Request("GET", f"/feedback/{as_uuid(feedback_id, 'feedback_id')}")
        return feedback_of(response.json())

    @paginated
    def list_feedback(
        self,
        /,
        *,
        run_ids: Sequence[UUID | str] | None = None,
        feedback_key: Sequence[str] | None = None,
        feedback_source_type: Sequence[FeedbackSourceType | str] | None = None,
        limit: int | None = None,
        **params: Any,
    ) -> PageFlow[Feedback]:
        """List feedback.

        Args:
            run_ids: Only that on these runs.
            feedback_key: Only that with one of these keys.
            feedback_source_type: Only that from these kinds of sources: ``api``, ``model``.
            limit: Most feedback to give; None for all.
            params: Further query parameters of the API.

        Yields:
            Feedback, fetched a page of at most 100 at a time when it is asked for.

        Raises:
            LangSmithUserError: An id is not a UUID, or `limit` is negative.
            LangSmithError: The server refused, or could not be asked.

        Example:
            >>> [one.score for one in client.list_feedback(run_ids=[run_id])]  # doctest: +SKIP

        ``GET /feedback``
        """
        filters = {
            "run": None if run_ids is None else [as_uuid(run_id, "run_ids") for run_id in run_ids],
            "key": feedback_key,
            "source": feedback_source_type,
        }
        yield from offset_pages("/feedback", {**filters, **params}, parse=feedback_of, limit=limit)

    @operation
    def update_feedback(
        self,
        feedback_id: UUID | str,
        *,
        score: float | None = None,
        value: float | str | dict[str, Any] | None = None,
        correction: dict[str, Any] | None = None,
        comment: str | None = None,
    ) -> Flow[None]:
        """Change a feedback; what is not given stays as it is.

        Args:
            feedback_id: Its id.
            score: A new number or truth; four digits after the point are kept.
            value: A new value.
            correction: A new answer that the run should have given.
            comment: A new text for people.

        Raises:
            LangSmithUserError: The id is not a UUID.
            LangSmithNotFoundError: There is no such feedback.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.update_feedback(feedback_id, score=0.5, comment="half right")  # doctest: +SKIP

        ``PATCH /feedback/{id}``
        """
        fields = {
            "score": _creation.rounded(score),
            "value": value,
            "correction": correction,
            "comment": comment,
        }
        path = f"/feedback/{as_uuid(feedback_id, 'feedback_id')}"
        yield Request("PATCH", path, json=_creation.present(fields))

    @operation
    def delete_feedback(self, feedback_id: UUID | str) -> Flow[None]:
        """Delete a feedback.

        Args:
            feedback_id: Its id.

        Raises:
            LangSmithUserError: The id is not a UUID.
            LangSmithNotFoundError: There is no such feedback.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.delete_feedback(feedback_id)  # doctest: +SKIP

        ``DELETE /feedback/{id}``
        """
        yield Request("DELETE", f"/feedback/{as_uuid(feedback_id, 'feedback_id')}")


def feedback_of(row: Any) -> Feedback:
    """A feedback as the server answers it.

    Args:
        row: Its JSON.

    Raises:
        LangSmithResponseError: It is no feedback.
    """
    from smithkit.feedback.schemas import Feedback

    return parse(Feedback, row)
