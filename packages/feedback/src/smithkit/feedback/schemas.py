"""Schemas of feedback.

Models of the server's answers keep fields that they do not know (``extra="allow"``): a newer server
never breaks an older client.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic evaluates the annotation
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID  # noqa: TC003 - pydantic evaluates the annotation

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt
from typing_extensions import TypedDict  # pydantic wants it before Python 3.12

__all__ = [
    "SCORE_TYPE",
    "VALUE_TYPE",
    "APIFeedbackSource",
    "Feedback",
    "FeedbackBase",
    "FeedbackCategory",
    "FeedbackConfig",
    "FeedbackCreate",
    "FeedbackSourceBase",
    "FeedbackSourceType",
    "ModelFeedbackSource",
]

SCORE_TYPE = StrictBool | StrictInt | StrictFloat | None
"""What a score can be: it is kept as it is, never made another type of number."""
VALUE_TYPE = dict[str, Any] | str | StrictBool | StrictInt | StrictFloat | None
"""What a value can be."""


class FeedbackSourceType(StrEnum):
    """Who gave a feedback.

    Attributes:
        API: A person or a program.
        MODEL: An evaluator that asks a model.
    """

    API = "api"
    MODEL = "model"


class FeedbackSourceBase(BaseModel):
    """Where a feedback comes from.

    Attributes:
        type: Kind of source.
        metadata: Facts about it; ``__run`` names the run that made the feedback.
        user_id: Id of the user who gave it.
        user_name: That user's name.
    """

    model_config = ConfigDict(extra="allow")

    type: str
    metadata: dict[str, Any] | None = Field(default_factory=dict)
    user_id: UUID | str | None = None
    user_name: str | None = None


class APIFeedbackSource(FeedbackSourceBase):
    """A person or a program that calls the API."""

    type: Literal["api"] = "api"  # pyright: ignore[reportIncompatibleVariableOverride] - one of the base's


class ModelFeedbackSource(FeedbackSourceBase):
    """An evaluator that asks a model."""

    type: Literal["model"] = "model"  # pyright: ignore[reportIncompatibleVariableOverride] - one of the base's


class FeedbackCategory(TypedDict, total=False):
    """One of the values that a categorical feedback can have.

    Attributes:
        value: Its number.
        label: Its name.
    """

    value: float
    label: str | None


class FeedbackConfig(TypedDict, total=False):
    """What the scores of a feedback key mean.

    Attributes:
        type: Numbers of a range, one of some categories, or anything.
        min: Smallest number of the range.
        max: Largest number of the range.
        categories: The categories.
    """

    type: Literal["continuous", "categorical", "freeform"]
    min: float | None
    max: float | None
    categories: list[FeedbackCategory] | None


class FeedbackBase(BaseModel, frozen=True):
    """What every form of a feedback has.

    Attributes:
        id: Its id.
        created_at: When it was given.
        modified_at: When it was last changed.
        run_id: The run that it is about; None for one on a whole project.
        trace_id: The trace of that run.
        key: What it judges, such as ``"correctness"``.
        score: Its number or truth.
        value: What it says beside or in place of a score.
        comment: A text for people.
        correction: What the run should have answered.
        feedback_source: Where it comes from.
        session_id: The project of the run.
        start_time: When the run started.
        comparative_experiment_id: The comparison that it belongs to.
        feedback_group_id: Joins the feedback that one comparison gave to several runs.
        extra: Further facts.
    """

    id: UUID
    created_at: datetime | None = None
    modified_at: datetime | None = None
    run_id: UUID | None
    trace_id: UUID | None
    key: str
    score: SCORE_TYPE = None
    value: VALUE_TYPE = None
    comment: str | None = None
    correction: str | dict[str, Any] | None = None
    feedback_source: FeedbackSourceBase | None = None
    session_id: UUID | None = None
    start_time: datetime | None = None
    comparative_experiment_id: UUID | None = None
    feedback_group_id: UUID | None = None
    extra: dict[str, Any] | None = None


class FeedbackCreate(FeedbackBase, frozen=True):
    """A feedback on its way to the server.

    Attributes:
        feedback_source: Where it comes from.
        feedback_config: What the scores of its key mean.
        error: Whether the evaluator failed.
    """

    feedback_source: FeedbackSourceBase = Field()
    feedback_config: FeedbackConfig | None = None
    error: bool | None = None


class Feedback(FeedbackBase, frozen=True, extra="allow"):
    """A feedback as the server holds it.

    Attributes:
        created_at: When it was given.
        modified_at: When it was last changed.
    """

    created_at: datetime = Field()
    modified_at: datetime = Field()
