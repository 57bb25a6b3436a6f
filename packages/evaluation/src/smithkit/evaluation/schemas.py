"""Schemas of evaluation.

Models of the server's answers keep fields that they do not know (``extra="allow"``): a newer server
never breaks an older client.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic evaluates the annotation
from typing import Any
from uuid import UUID  # noqa: TC003 - pydantic evaluates the annotation

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic wants it before Python 3.12

from smithkit.feedback.schemas import SCORE_TYPE, VALUE_TYPE, FeedbackConfig  # noqa: TC001 - as above

__all__ = ["ComparativeExperiment", "EvaluationResult", "EvaluationResults"]


class EvaluationResult(BaseModel):
    """What an evaluator says about one run.

    Attributes:
        key: What was judged; the feedback's key.
        score: How good it is.
        value: What it is, where that is no score.
        metadata: Free-form facts.
        comment: Why.
        correction: What it should have been.
        evaluator_info: Facts about the evaluator.
        feedback_config: Which scores or values there can be.
        source_run_id: The evaluator's own run.
        target_run_id: The run that is meant, if not the one that was evaluated.
        extra: Further facts for the feedback.

    Example:
        >>> EvaluationResult(key="correct", score=True).score
        True
    """

    model_config = ConfigDict(extra="forbid")

    key: str
    score: SCORE_TYPE = None
    value: VALUE_TYPE = None
    metadata: dict[str, Any] | None = None
    comment: str | None = None
    correction: dict[str, Any] | None = None
    evaluator_info: dict[str, Any] = Field(default_factory=dict)
    feedback_config: FeedbackConfig | dict[str, Any] | None = None
    source_run_id: UUID | str | None = None
    target_run_id: UUID | str | None = None
    extra: dict[str, Any] | None = None


class EvaluationResults(TypedDict):
    """Several results of one evaluator.

    Attributes:
        results: Each of them.
    """

    results: list[EvaluationResult]


class ComparativeExperiment(BaseModel):
    """A comparison of experiments on one dataset.

    Attributes:
        id: Its id.
        name: Its name.
        description: A text for people.
        tenant_id: Id of the workspace that it belongs to.
        created_at: When it was made.
        modified_at: When it was last changed.
        reference_dataset_id: The dataset that the experiments ran on.
        extra: Further facts.
        experiments_info: The experiments.
        feedback_stats: Statistics of the feedback, by key.
    """

    model_config = ConfigDict(extra="allow")

    id: UUID
    name: str | None = None
    description: str | None = None
    tenant_id: UUID
    created_at: datetime
    modified_at: datetime
    reference_dataset_id: UUID
    extra: dict[str, Any] | None = None
    experiments_info: list[dict[str, Any]] | None = None
    feedback_stats: dict[str, Any] | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """Free-form facts about it, which stand in `extra`."""
        return (self.extra or {}).get("metadata") or {}
