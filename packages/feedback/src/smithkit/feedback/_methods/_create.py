"""Giving feedback: along with the runs of its trace where runs are sent in the background, else at once."""

from __future__ import annotations

import datetime as dt
import uuid
import warnings
from typing import TYPE_CHECKING, Any

from smithkit.answers import parse
from smithkit.feedback import _creation
from smithkit.feedback._methods._feedback import feedback_of
from smithkit.operations import Flow, Methods, Request, operation

if TYPE_CHECKING:
    from uuid import UUID

    from smithkit.feedback.schemas import Feedback, FeedbackConfig, FeedbackSourceType

__all__ = ["AsyncCreateMethods", "CreateMethods"]


class CreateMethods(Methods):
    """How `Client` gives feedback."""

    @operation
    def create_feedback(
        self,
        /,
        run_id: UUID | str | None = None,
        key: str = "unnamed",
        *,
        score: float | None = None,
        value: float | str | dict[str, Any] | None = None,
        trace_id: UUID | str | None = None,
        correction: dict[str, Any] | None = None,
        comment: str | None = None,
        source_info: dict[str, Any] | None = None,
        feedback_source_type: FeedbackSourceType | str = "api",
        source_run_id: UUID | str | None = None,
        feedback_id: UUID | str | None = None,
        feedback_config: FeedbackConfig | None = None,
        stop_after_attempt: int = 10,
        project_id: UUID | str | None = None,
        comparative_experiment_id: UUID | str | None = None,
        feedback_group_id: UUID | str | None = None,
        extra: dict[str, Any] | None = None,
        error: bool | None = None,
        session_id: UUID | str | None = None,
        start_time: dt.datetime | None = None,
        **unknown: Any,
    ) -> Flow[Feedback]:
        """Give feedback on a run, a trace or a whole project.

        With a `trace_id`, and tracing installed, it goes along with the runs of that trace, in the background:
        it never waits, and `flush` delivers it. Without, it is sent at once.

        Args:
            run_id: The run. Default: the root run of `trace_id`.
            key: What is judged, such as ``"correctness"``.
            score: A number or truth; four digits after the point are kept.
            value: What is said beside or in place of a score.
            trace_id: The trace of the run.
            correction: What the run should have answered.
            comment: A text for people.
            source_info: Facts about where the feedback comes from.
            feedback_source_type: Who gives it: ``api`` or ``model``.
            source_run_id: The run that made the feedback, of an evaluator for example.
            feedback_id: Its id. Default: a new one.
            feedback_config: What the scores of the key mean.
            stop_after_attempt: Attempts in all, while the server does not have the run yet or cannot be
                reached. The pauses between them double, from 1 to 10 seconds.
            project_id: The project, for feedback on it as a whole; excludes `run_id` and `trace_id`.
            comparative_experiment_id: The comparison that it belongs to.
            feedback_group_id: Joins the feedback that one comparison gives to several runs.
            extra: Further facts.
            error: Whether the evaluator failed.
            session_id: The project of the run, where it is known.
            start_time: When the run started, where it is known.
            unknown: Ignored, with a DeprecationWarning.

        Returns:
            The feedback as it was sent.

        Raises:
            ValueError: None of `run_id`, `trace_id` and `project_id` is given, or a run and a project,
                or the kind of source is unknown.
            LangSmithUserError: An id is not a UUID, or another argument is of a wrong type.
            LangSmithNotFoundError: The server still does not have the run.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.create_feedback(run_id, "correctness", score=1.0, comment="exact")  # doctest: +SKIP

        ``POST /feedback``, or a part ``feedback.{id}`` of ``POST /runs/multipart``
        """
        from pydantic import ValidationError

        from smithkit.feedback.schemas import Feedback, FeedbackCreate

        _creation.check_target(run_id=run_id, trace_id=trace_id, project_id=project_id)
        if unknown:
            warnings.warn(
                f"create_feedback ignores {', '.join(sorted(unknown))}: there are no such arguments.",
                DeprecationWarning,
                stacklevel=4,
            )
        now = dt.datetime.now(dt.UTC)
        body = _creation.present(
            {
                "id": uuid.uuid4() if feedback_id is None else feedback_id,
                "created_at": now,
                "modified_at": now,
                "run_id": run_id if run_id is not None else trace_id,
                "trace_id": trace_id,
                "key": key,
                "score": _creation.rounded(score),
                "value": value,
                "comment": comment,
                "correction": correction,
                "feedback_source": _creation.source(feedback_source_type, source_info, source_run_id),
                "session_id": project_id if project_id is not None else session_id,
                "start_time": start_time,
                "comparative_experiment_id": comparative_experiment_id,
                "feedback_group_id": feedback_group_id,
                "extra": extra,
                "feedback_config": feedback_config,
                "error": error,
            }
        )
        whole = {"run_id": None, "trace_id": None, **body}
        try:
            checked = FeedbackCreate.model_validate(whole)
        except ValidationError as wrong:
            raise _creation.wrong_argument(wrong) from None
        if trace_id is None or not _creation.in_background(self, checked):
            yield from _creation.post(body, stop_after_attempt)
        sent = {name: value for name, value in whole.items() if name in Feedback.model_fields}
        return parse(Feedback, sent)


class AsyncCreateMethods(Methods):
    """How `AsyncClient` gives feedback."""

    @operation
    def create_feedback(
        self,
        /,
        run_id: UUID | str | None = None,
        key: str = "unnamed",
        score: float | None = None,
        value: float | str | dict[str, Any] | None = None,
        comment: str | None = None,
        *,
        trace_id: UUID | str | None = None,
        correction: dict[str, Any] | None = None,
        source_info: dict[str, Any] | None = None,
        feedback_source_type: FeedbackSourceType | str | None = None,
        source_run_id: UUID | str | None = None,
        feedback_id: UUID | str | None = None,
        stop_after_attempt: int = 10,
        project_id: UUID | str | None = None,
        session_id: UUID | str | None = None,
        **fields: Any,
    ) -> Flow[Feedback]:
        """Give feedback on a run, a trace or a whole project.

        Args:
            run_id: The run. Default: the root run of `trace_id`.
            key: What is judged, such as ``"correctness"``.
            score: A number or truth; four digits after the point are kept.
            value: What is said beside or in place of a score.
            comment: A text for people.
            trace_id: The trace of the run.
            correction: What the run should have answered.
            source_info: Facts about where the feedback comes from.
            feedback_source_type: Who gives it: ``api`` or ``model``.
            source_run_id: The run that made the feedback, of an evaluator for example.
            feedback_id: Its id. Default: the server's choice.
            stop_after_attempt: Attempts in all, while the server does not have the run yet or cannot be
                reached. The pauses between them double, from 1 to 10 seconds. More than one are made
                only with a `feedback_id`: without, a repetition could give the feedback twice.
            project_id: The project, for feedback on it as a whole; excludes `run_id` and `trace_id`.
            session_id: The project of the run, where it is known.
            fields: Further fields of the API's request, such as `feedback_config`, `extra`, `error`,
                `start_time`, `comparative_experiment_id` and `feedback_group_id`.

        Returns:
            The feedback as the server answers it.

        Raises:
            ValueError: None of `run_id`, `trace_id` and `project_id` is given, or a run and a project,
                or the kind of source is unknown.
            LangSmithUserError: An id is not a UUID.
            LangSmithNotFoundError: The server still does not have the run.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> await client.create_feedback(run_id, "correctness", 1.0)  # doctest: +SKIP

        ``POST /feedback``
        """
        _creation.check_target(run_id=run_id, trace_id=trace_id, project_id=project_id)
        body: dict[str, Any] = {
            **dict.fromkeys(("run_id", "key", "score", "value", "comment")),
            **_creation.present(
                {
                    "run_id": run_id if run_id is not None else trace_id,
                    "key": key,
                    "score": _creation.rounded(score),
                    "value": value,
                    "comment": comment,
                    "id": feedback_id,
                    "trace_id": trace_id,
                    "correction": correction,
                    "session_id": project_id if project_id is not None else session_id,
                    **fields,
                }
            ),
        }
        if feedback_source_type is not None or source_info is not None or source_run_id is not None:
            body["feedback_source"] = _creation.source(
                feedback_source_type or "api", source_info, source_run_id
            )
        attempts = 1 if feedback_id is None else stop_after_attempt
        response = yield from _creation.post(body, attempts)
        if response is None:
            response = yield Request("GET", f"/feedback/{body['id']}")
        return feedback_of(response.json())
