"""What is sent to create a feedback: its arguments checked and made into JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from smithkit.arguments import as_uuid
from smithkit.errors import LangSmithConflictError, LangSmithError, LangSmithNotFoundError, LangSmithUserError
from smithkit.operations import Flow, Request, Response
from smithkit.retry import ApplicationRetries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from pydantic import ValidationError

    from smithkit.feedback.schemas import FeedbackCreate

__all__ = ["check_target", "in_background", "post", "present", "rounded", "source", "wrong_argument"]

_SCORE_DIGITS = 4
_LONGEST_PAUSE_SECONDS = 10.0
_FIRST_WITH_PARTS = (0, 8, 10)
"""The API's first version that takes feedback among runs."""


def check_target(*, run_id: Any, trace_id: Any, project_id: Any) -> None:
    """Insist that feedback is about a run, a trace or a project, and not about two of them.

    Raises:
        ValueError: It is about nothing, or about a run and a project.
    """
    if run_id is None and trace_id is None and project_id is None:
        raise ValueError("Give run_id, trace_id or project_id: feedback is about one of them.")
    if project_id is not None and (run_id is not None or trace_id is not None):
        raise ValueError("Give project_id alone: feedback is about a whole project, or about a run.")


def rounded(score: Any) -> Any:
    """A score as the API keeps it: numbers of other libraries made Python's, four digits after the point."""
    item = getattr(score, "item", None)
    if callable(item):
        score = item()
    return round(score, _SCORE_DIGITS) if isinstance(score, float) else score


def source(
    kind: str, info: Mapping[str, Any] | None = None, run_id: UUID | str | None = None
) -> dict[str, Any]:
    """Where a feedback comes from.

    Args:
        kind: ``api`` or ``model``.
        info: Facts about it.
        run_id: The run that made the feedback; it does not replace one that `info` names.

    Raises:
        ValueError: An unknown kind.
        LangSmithUserError: The run's id is not a UUID.
    """
    if kind not in ("api", "model"):
        raise ValueError(f"feedback_source_type must be 'api' or 'model', not {kind!r}.")
    metadata = dict(info or {})
    if run_id is not None:
        metadata["__run"] = {"run_id": str(as_uuid(run_id, "source_run_id")), **(metadata.get("__run") or {})}
    return {"type": str(kind), "metadata": metadata}


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that have a value; those whose name tells of an id must be UUIDs.

    Raises:
        LangSmithUserError: An id is not a UUID.
    """
    return {
        name: as_uuid(value, name) if name == "id" or name.endswith("_id") else value
        for name, value in fields.items()
        if value is not None
    }


def in_background(client: Any, feedback: FeedbackCreate) -> bool:
    """Hand feedback to what sends runs in the background, if there is such a thing and the server takes it.

    Tracing adds `submit_feedback` to the clients; this package does not need it.

    Args:
        client: The synchronous client.
        feedback: With its trace.

    Returns:
        Whether it was taken.
    """
    submit = getattr(client, "submit_feedback", None)
    if submit is None or not _takes_parts(client):
        return False
    taken: bool = submit(feedback.model_dump())
    return taken


def _takes_parts(client: Any) -> bool:
    try:
        info = client.info
    except LangSmithError:  # the request that follows says what is wrong
        return False
    limits = info.batch_ingest_config or {}
    return limits.get("use_multipart_endpoint") is not False and _version(info.version) >= _FIRST_WITH_PARTS


def _version(text: str) -> tuple[int, ...]:
    """The numbers at the start of a version.

    Example:
        >>> _version("0.13.5rc1")
        (0, 13, 5)
    """
    return tuple(int(number) for number in re.findall(r"(?:^|(?<=\.))\d+", text)[:3])


def post(body: Mapping[str, Any], attempts: int) -> Flow[Response | None]:
    """Send a feedback, again when its run is not there yet.

    Runs travel in the background: feedback can arrive before its run does, which the server answers
    with 404.

    Args:
        body: The feedback.
        attempts: Attempts in all. After each the pause doubles, from 1 to at most 10 seconds.

    Returns:
        The answer; None if a later attempt found that an earlier one had arrived.

    Raises:
        LangSmithError: The last attempt failed.
    """
    pauses = ApplicationRetries((LangSmithNotFoundError,))
    for attempt in range(attempts):
        try:
            response: Response = yield Request("POST", "/feedback", json=body)
        except LangSmithError as error:
            if attempt and isinstance(error, LangSmithConflictError):
                return None
            pause = pauses.after(error, attempt)
            if pause is None or attempt + 1 == attempts:
                raise
            yield min(pause, max(_LONGEST_PAUSE_SECONDS, error.retry_after or 0.0))
        else:
            return response
    raise LangSmithUserError(f"stop_after_attempt must be at least 1, not {attempts}.")


def wrong_argument(error: ValidationError) -> LangSmithUserError:
    """The error for arguments that make no feedback; it does not repeat their values."""
    problems = "; ".join(
        f"{problem['loc'][0] if problem['loc'] else 'feedback'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
    )
    return LangSmithUserError(f"This is no feedback. {problems}.")
