"""Bodies of requests about feedback and annotation queues."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID  # noqa: TC003 - pydantic evaluates the annotation

from pydantic import AfterValidator, ConfigDict, Field

from smithkit.server.domain.feedback_rules import normal_config
from smithkit.server.domain.fields import Body, Moment
from smithkit.server.domain.jsons import dump
from smithkit.server.domain.times import now
from smithkit.server.routes._queries import Page, Piece, Query
from smithkit.server.services.feedback_models import (
    FeedbackConfig,  # noqa: TC001 - pydantic evaluates the annotation
    FormulaPart,  # noqa: TC001 - pydantic evaluates the annotation
)

__all__ = [
    "ConfigCreate",
    "ConfigList",
    "ConfigUpdate",
    "FeedbackList",
    "FormulaCreate",
    "FormulaList",
    "FormulaUpdate",
    "QueueCreate",
    "QueueList",
    "QueueRunList",
    "QueueUpdate",
    "Review",
    "Reviewer",
    "TokenCreate",
    "TokenList",
    "TokenUse",
    "WhichConfig",
]

_Key = Annotated[str, Field(min_length=1, max_length=1000)]
_LIFETIME = timedelta(hours=3)
_MICROSECOND = timedelta(microseconds=1)


class ConfigCreate(Body):
    """Body of ``POST /feedback-configs``."""

    feedback_key: _Key
    feedback_config: FeedbackConfig
    is_lower_score_better: bool | None = False


class ConfigUpdate(Body):
    """Body of ``PATCH /feedback-configs``."""

    feedback_key: _Key
    feedback_config: FeedbackConfig | None = None
    is_lower_score_better: bool | None = None

    def changes(self) -> dict[str, Any]:
        """The columns that change."""
        found: dict[str, Any] = {}
        if self.feedback_config is not None:
            found["config"] = self.feedback_config.model_dump()
        if self.is_lower_score_better is not None:
            found["is_lower_score_better"] = self.is_lower_score_better
        return found


def _plain_source(value: Any) -> Any:
    """Kinds of sources; some clients write members of their enumeration: ``FeedbackSourceType.MODEL``."""
    prefix = "FeedbackSourceType."
    return value.removeprefix(prefix).lower() if value.startswith(prefix) else value


class FeedbackList(Page):
    """Query of ``GET /feedback``."""

    run: list[UUID] | None = None
    key: list[str] | None = None
    session: list[UUID] | None = None
    trace: list[UUID] | None = None
    source: list[Annotated[str, AfterValidator(_plain_source)]] | None = None
    comparative_experiment_id: list[UUID] | None = None
    level: Literal["run", "session"] | None = None
    has_score: bool | None = None
    min_created_at: Moment = None
    max_created_at: Moment = None


class ConfigList(Page):
    """Query of ``GET /feedback-configs``."""

    key: list[str] | None = None
    name_contains: Piece | None = None


class WhichConfig(Query):
    """Query of ``DELETE /feedback-configs``."""

    feedback_key: str


class FormulaList(Page):
    """Query of ``GET /feedback/formulas``."""

    dataset_id: UUID | None = None
    session_id: UUID | None = None


class TokenList(Page):
    """Query of ``GET /feedback/tokens``."""

    run_id: UUID


class TokenUse(Query):
    """Query of ``GET /feedback/tokens/{token}``: what a link says; `score` and `correction` are JSON."""

    score: str | None = None
    value: str | None = None
    comment: str | None = None
    correction: str | None = None
    run_id: str | None = None
    key: str | None = None
    feedback_key: str | None = None


class QueueList(Page):
    """Query of ``GET /annotation-queues``."""

    ids: list[UUID] | None = None
    name: str | None = None
    name_contains: Piece | None = None


class QueueRunList(Page):
    """Query of ``GET /annotation-queues/{id}/runs``."""

    status: Literal["needs_review", "reserved", "completed"] | None = None


class Reviewer(Query):
    """Query of ``GET /annotation-queues/{id}/run/{index}``."""

    reviewer: Annotated[str, Field(max_length=200)] | None = None


class FormulaUpdate(Body):
    """Body of ``PUT /feedback/formulas/{id}``."""

    feedback_key: _Key
    aggregation_type: Literal["sum", "avg"]
    formula_parts: Annotated[list[FormulaPart], Field(min_length=1, max_length=50)]


class FormulaCreate(FormulaUpdate):
    """Body of ``POST /feedback/formulas``."""

    dataset_id: UUID | None = None
    session_id: UUID | None = None


class _Lifetime(Body):
    days: Annotated[int, Field(ge=0, le=366)] = 0
    hours: Annotated[int, Field(ge=0, le=10_000)] = 0
    minutes: Annotated[int, Field(ge=0, le=600_000)] = 0


class TokenCreate(Body):
    """One item of the body of ``POST /feedback/tokens``."""

    run_id: UUID
    feedback_key: _Key
    feedback_config: FeedbackConfig | None = None
    id: UUID | None = None
    expires_in: _Lifetime | None = None
    expires_at: Moment = None

    def record(self) -> dict[str, Any]:
        """What the token is for."""
        config = self.feedback_config
        return {
            "run_id": self.run_id,
            "key": self.feedback_key,
            "feedback_id": self.id,
            "config": None if config is None else normal_config(config.model_dump()),
            "expires_at": self._end(),
        }

    def _end(self) -> int:
        if self.expires_at is not None:
            return self.expires_at
        lifetime = _LIFETIME if self.expires_in is None else timedelta(**self.expires_in.model_dump())
        return now() + lifetime // _MICROSECOND


class _RubricItem(Body):
    model_config = ConfigDict(extra="allow")

    feedback_key: _Key
    description: str | None = None
    value_descriptions: dict[str, str] | None = None
    score_descriptions: dict[str, str] | None = None
    is_required: bool | None = None


class _Queue(Body):
    description: str | None = None
    rubric_instructions: str | None = None
    rubric_items: list[_RubricItem] | None = None

    def columns(self) -> dict[str, Any]:
        """The columns that the client has set; null sets nothing."""
        given = self.model_dump(exclude={"rubric_items"}, exclude_none=True)
        if self.rubric_items is not None:
            items = [item.model_dump(exclude_unset=True) for item in self.rubric_items]
            given["rubric_items"] = dump(items).decode()
        return given


class QueueUpdate(_Queue):
    """Body of ``PATCH /annotation-queues/{id}``."""

    name: Annotated[str, Field(min_length=1)] | None = None


class QueueCreate(_Queue):
    """Body of ``POST /annotation-queues``."""

    id: UUID | None = None
    name: Annotated[str, Field(min_length=1)]


class Review(Body):
    """Body of ``PATCH /annotation-queues/{id}/runs/{run_id}``."""

    status: Literal["needs_review", "reserved", "completed"]
    reviewer: Annotated[str, Field(max_length=200)] | None = None
    minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)] = 30
