"""Schemas of feedback.

Models of the server's answers keep fields that they do not know (``extra="allow"``): a newer server
never breaks an older client.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID  # noqa: TC003 - pydantic evaluates the annotation

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt
from typing_extensions import TypedDict  # pydantic wants it before Python 3.12

__all__ = [
    "SCORE_TYPE",
    "VALUE_TYPE",
    "APIFeedbackSource",
    "AnnotationQueue",
    "AnnotationQueueRubricItem",
    "AnnotationQueueWithDetails",
    "Feedback",
    "FeedbackBase",
    "FeedbackCategory",
    "FeedbackConfig",
    "FeedbackConfigSchema",
    "FeedbackCreate",
    "FeedbackFormula",
    "FeedbackFormulaCreate",
    "FeedbackFormulaUpdate",
    "FeedbackFormulaWeightedVariable",
    "FeedbackIngestToken",
    "FeedbackSourceBase",
    "FeedbackSourceType",
    "ModelFeedbackSource",
    "RunWithAnnotationQueueInfo",
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


class FeedbackIngestToken(BaseModel):
    """The right to give one run feedback with one key, for a while, without an API key.

    Attributes:
        id: The token.
        url: Where it is used.
        expires_at: When it ends.
    """

    model_config = ConfigDict(extra="allow")

    id: UUID
    url: str
    expires_at: datetime


class FeedbackConfigSchema(BaseModel):
    """What the scores of a key mean, as the server holds it.

    Attributes:
        feedback_key: The key.
        feedback_config: What its scores mean.
        tenant_id: The workspace.
        modified_at: When it was last changed.
        is_lower_score_better: Whether a lower score is the better one.
    """

    model_config = ConfigDict(extra="allow")

    feedback_key: str
    feedback_config: FeedbackConfig
    tenant_id: UUID
    modified_at: datetime
    is_lower_score_better: bool | None = None


class FeedbackFormulaWeightedVariable(BaseModel):
    """A key in a formula, with its weight.

    Attributes:
        part_type: Kind of part.
        weight: What its score is multiplied with.
        key: The key whose score it is.
    """

    part_type: Literal["weighted_key"]
    weight: float
    key: str


class FeedbackFormulaUpdate(BaseModel):
    """How a feedback is worked out from others.

    Attributes:
        feedback_key: Key of the result.
        aggregation_type: The weighted scores' sum, or that sum divided by the sum of the weights.
        formula_parts: From 1 to 50 keys with their weights.
    """

    feedback_key: str
    aggregation_type: Literal["sum", "avg"]
    formula_parts: list[FeedbackFormulaWeightedVariable] = Field(min_length=1, max_length=50)


class FeedbackFormulaCreate(FeedbackFormulaUpdate):
    """A formula on its way to the server.

    Attributes:
        dataset_id: Only for experiments on this dataset.
        session_id: Only for runs of this project.
    """

    dataset_id: UUID | None = None
    session_id: UUID | None = None


class FeedbackFormula(FeedbackFormulaCreate, extra="allow"):
    """A formula as the server holds it.

    Attributes:
        id: Its id.
        created_at: When it was made.
        modified_at: When it was last changed.
    """

    id: UUID
    created_at: datetime
    modified_at: datetime


class AnnotationQueueRubricItem(TypedDict, total=False):
    """What people are asked to judge in an annotation queue.

    Attributes:
        feedback_key: Key of the feedback that they give.
        description: What it means.
        value_descriptions: Value → what it means.
        score_descriptions: Score → what it means.
        is_required: Whether a run is done only when it has this feedback.
    """

    feedback_key: str
    description: str | None
    value_descriptions: dict[str, str] | None
    score_descriptions: dict[str, str] | None
    is_required: bool | None


def _now() -> datetime:
    return datetime.now(UTC)


class AnnotationQueue(BaseModel):
    """A list of runs that people are to judge.

    Attributes:
        id: Its id.
        name: Its name.
        description: What it is for.
        created_at: When it was made.
        updated_at: When it was last changed.
        tenant_id: The workspace.
    """

    model_config = ConfigDict(extra="allow")

    id: UUID
    name: str
    description: str | None = None
    created_at: datetime = Field(default_factory=_now)
    updated_at: datetime = Field(default_factory=_now)
    tenant_id: UUID


class AnnotationQueueWithDetails(AnnotationQueue):
    """A queue with what people are told.

    Attributes:
        rubric_instructions: How to judge.
    """

    rubric_instructions: str | None = None


class RunWithAnnotationQueueInfo(BaseModel):
    """A run in an annotation queue; further fields of the run are attributes too.

    Attributes:
        id: The run's id.
        name: Its name.
        start_time: When it began.
        run_type: Its kind.
        end_time: When it ended.
        extra: Metadata and whatever else is said about it.
        error: Why it failed.
        serialized: The definition of the model or prompt.
        events: What happened during it.
        inputs: What it was given.
        outputs: What it gave.
        reference_example_id: The example that it was run for.
        parent_run_id: The run that it is a part of.
        tags: Its tags.
        attachments: Name → file.
        last_reviewed_time: When somebody last judged it.
        added_at: When it came into the queue.
    """

    model_config = ConfigDict(extra="allow")

    id: UUID
    name: str
    start_time: datetime
    run_type: str
    end_time: datetime | None = None
    extra: dict[str, Any] | None = Field(default_factory=lambda: {"metadata": {}})
    error: str | None = None
    serialized: dict[str, Any] | None = None
    events: list[dict[str, Any]] | None = None
    inputs: dict[str, Any] = Field(default_factory=dict)
    outputs: dict[str, Any] | None = None
    reference_example_id: UUID | None = None
    parent_run_id: UUID | None = None
    tags: list[str] | None = None
    attachments: dict[str, Any] = Field(default_factory=dict)
    last_reviewed_time: datetime | None = None
    added_at: datetime | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """The run's metadata; empty if it has none."""
        found: dict[str, Any] = (self.extra or {}).get("metadata") or {}
        return found
