"""One feedback's JSON: checked on its way in, written on its way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
)
from pydantic import ValidationError as _Wrong

from smithkit.server.domain.feedback_rules import normal_config
from smithkit.server.domain.fields import Moment, storable
from smithkit.server.domain.jsons import dump, load
from smithkit.server.domain.times import format_time
from smithkit.server.errors import unprocessable
from smithkit.server.services.feedback_models import FeedbackConfig  # noqa: TC001 - pydantic evaluates the annotation
from smithkit.server.store import FeedbackItem

if TYPE_CHECKING:
    from smithkit.server.domain.runs import Row

__all__ = ["FeedbackBody", "FeedbackChange", "make_feedback", "render_feedback"]

_LARGEST = 1e300  # far from where sums of scores leave what a float can hold


def _as_score(value: Any) -> Any:
    if isinstance(value, int | float) and abs(value) > _LARGEST:
        raise ValueError(f"must be from -{_LARGEST:g} to {_LARGEST:g}")
    return value


_Score = Annotated[StrictBool | StrictInt | StrictFloat | None, BeforeValidator(_as_score)]
_Value = dict[str, Any] | list[Any] | str | StrictBool | StrictInt | StrictFloat | None


class FeedbackChange(BaseModel):
    """What of a feedback can be changed: body of ``PATCH /feedback/{id}``."""

    model_config = ConfigDict(extra="ignore")

    score: _Score = None
    value: _Value = None
    correction: dict[str, Any] | str | None = None
    comment: str | None = None


class _Source(BaseModel):
    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(storable)]
    metadata: dict[str, Any] | None = None


class FeedbackBody(FeedbackChange):
    """A feedback as clients send it. Fields that this server does not know are ignored."""

    id: UUID | None = None
    run_id: UUID | None = None
    trace_id: UUID | None = None
    session_id: UUID | None = None
    key: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(storable)]
    feedback_source: _Source | None = None
    feedback_config: FeedbackConfig | None = None
    comparative_experiment_id: UUID | None = None
    feedback_group_id: UUID | None = None
    extra: dict[str, Any] | None = None
    error: bool | None = None
    created_at: Moment = None
    start_time: Moment = None


def make_feedback(
    feedback_id: UUID | None, body: Any, where: str = "", raw: bytes | None = None
) -> FeedbackItem:
    """Check a feedback's JSON.

    Args:
        feedback_id: Its id, if the request names it elsewhere than in the body.
        body: The JSON.
        where: Place in the request, for messages.
        raw: The JSON as it was sent.

    Returns:
        The feedback.

    Raises:
        ApiError: 422, naming the field.
    """
    if not isinstance(body, dict):
        raise unprocessable(f"{where or 'body'}: must be an object")
    try:
        told = FeedbackBody.model_validate(body)
    except _Wrong as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise unprocessable(f"{where}{first['loc'][0]}: {first['msg']}") from error
    if feedback_id is not None and told.id not in (None, feedback_id):
        raise unprocessable(f"{where}id: {told.id} is another feedback than {feedback_id}")
    run_id = told.run_id or told.trace_id
    if run_id is None and told.session_id is None:
        raise unprocessable(
            f"{where}run_id: feedback is on a run (run_id, trace_id) or a project (session_id)"
        )
    config = told.feedback_config
    return FeedbackItem(
        id=feedback_id or told.id or uuid4(),
        run_id=run_id,
        trace_id=told.trace_id,
        session_id=told.session_id,
        key=told.key,
        score=None if told.score is None else float(told.score),
        value=told.value,
        body=raw or dump(body),
        source=told.feedback_source.type if told.feedback_source else None,
        comparative_experiment_id=told.comparative_experiment_id,
        config=None if config is None else normal_config(config.model_dump()),
        created_at=told.created_at,
        where=where,
    )


def render_feedback(row: Row) -> dict[str, Any]:
    """Write a feedback as the API shows it."""
    body = load(row["body"])
    return {
        "id": row["id"],
        "created_at": format_time(row["created_at"]),
        "modified_at": format_time(row["modified_at"]),
        "run_id": row["run_id"],
        "trace_id": row["trace_id"],
        "session_id": row["session_id"] or body.get("session_id"),
        "key": row["key"],
        "score": body.get("score"),
        "value": body.get("value"),
        "comment": body.get("comment"),
        "correction": body.get("correction"),
        "feedback_source": _source(body.get("feedback_source")),
        "feedback_group_id": body.get("feedback_group_id"),
        "comparative_experiment_id": row["comparative_experiment_id"],
        "extra": body.get("extra"),
        "error": body.get("error"),
        "start_time": body.get("start_time"),
    }


def _source(told: Any) -> dict[str, Any]:
    given = told if isinstance(told, dict) else {}
    return {"type": "api", "metadata": {}, "user_id": None, "user_name": None, **given}
