"""Schemas of evaluation.

Models of the server's answers keep fields that they do not know (``extra="allow"``): a newer server
never breaks an older client.
"""

from __future__ import annotations

from datetime import datetime, timedelta  # noqa: TC003 - pydantic evaluates the annotation
from decimal import Decimal  # noqa: TC003 - as above
from typing import Any
from uuid import UUID  # noqa: TC003 - pydantic evaluates the annotation

from pydantic import BaseModel, ConfigDict, Field, field_validator
from typing_extensions import TypedDict  # pydantic wants it before Python 3.12

from smithkit.datasets.schemas import Example
from smithkit.feedback.schemas import SCORE_TYPE, VALUE_TYPE, FeedbackConfig  # noqa: TC001 - as above
from smithkit.tracing.schemas import Run  # noqa: TC001 - as above

__all__ = [
    "ComparativeExperiment",
    "ComparisonEvaluationResult",
    "EvaluationResult",
    "EvaluationResults",
    "ExampleWithRuns",
    "ExperimentResults",
    "ExperimentRunStats",
]


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


class ComparisonEvaluationResult(BaseModel):
    """What a comparative evaluator says about runs on one example.

    Attributes:
        key: What was judged; the feedback's key.
        scores: Score of each run, by its id.
        source_run_id: The evaluator's own run.
        comment: Why: one text, or one for each run.
    """

    key: str
    scores: dict[UUID | str, SCORE_TYPE]
    source_run_id: UUID | str | None = None
    comment: str | dict[UUID | str, str] | None = None


class ExampleWithRuns(Example):
    """An example and its runs in an experiment.

    Attributes:
        runs: The runs.
    """

    runs: list[Run] = Field(default_factory=list)

    @field_validator("runs", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        return [] if value is None else value


class ExperimentRunStats(TypedDict):
    """Figures of an experiment's runs.

    Attributes:
        run_count: How many there are.
        latency_p50: Median duration.
        latency_p99: Duration that 99 of 100 do not exceed.
        total_tokens: Tokens in all.
        prompt_tokens: Of them, in prompts.
        completion_tokens: Of them, in answers.
        last_run_start_time: When the last one began.
        run_facets: Facets of them.
        total_cost: Cost in all, in US dollars.
        prompt_cost: Of it, of prompts.
        completion_cost: Of it, of answers.
        first_token_p50: Median time to the first token.
        first_token_p99: Time to the first token that 99 of 100 do not exceed.
        error_rate: Share of them that failed.
    """

    run_count: int | None
    latency_p50: timedelta | None
    latency_p99: timedelta | None
    total_tokens: int | None
    prompt_tokens: int | None
    completion_tokens: int | None
    last_run_start_time: datetime | None
    run_facets: list[dict[str, Any]] | None
    total_cost: Decimal | None
    prompt_cost: Decimal | None
    completion_cost: Decimal | None
    first_token_p50: timedelta | None
    first_token_p99: timedelta | None
    error_rate: float | None


class ExperimentResults(TypedDict):
    """An experiment as `get_experiment_results` reads it.

    Attributes:
        feedback_stats: Statistics of the feedback, by key.
        run_stats: Figures of its runs.
        examples_with_runs: Examples with their runs, an iterator; an asynchronous one on `AsyncClient`.
    """

    feedback_stats: dict[str, Any]
    run_stats: ExperimentRunStats
    examples_with_runs: Any
