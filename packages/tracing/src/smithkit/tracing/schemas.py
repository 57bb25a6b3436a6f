"""What runs and projects look like."""

from __future__ import annotations

import datetime as dt
from datetime import datetime, timedelta
from decimal import Decimal  # noqa: TC003 - pydantic evaluates the annotations
from enum import Enum
from pathlib import Path  # noqa: TC003 - as above
from typing import Any, NotRequired
from uuid import UUID  # noqa: TC003 - as above

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator
from typing_extensions import TypedDict  # pydantic wants it before Python 3.12

from smithkit.attachments import Attachment, AttachmentInfo, Attachments  # noqa: TC001 - pydantic evaluates the annotations

__all__ = [
    "ExtractedUsageMetadata",
    "InputCostDetails",
    "InputTokenDetails",
    "InsightsReport",
    "OutputCostDetails",
    "OutputTokenDetails",
    "Run",
    "RunBase",
    "RunEvent",
    "RunLikeDict",
    "RunTypeEnum",
    "Thread",
    "TracerSession",
    "TracerSessionResult",
    "UsageMetadata",
]


class RunTypeEnum(str, Enum):  # noqa: UP042 - its text is `RunTypeEnum.llm`, as programs know it
    """The kinds of runs."""

    tool = "tool"
    chain = "chain"
    llm = "llm"
    retriever = "retriever"
    embedding = "embedding"
    prompt = "prompt"
    parser = "parser"


class RunEvent(TypedDict, total=False):
    """Something that happened during a run.

    Attributes:
        name: What happened.
        time: When.
        kwargs: Details.
    """

    name: str
    time: datetime | str
    kwargs: dict[str, Any] | None


class RunLikeDict(TypedDict, total=False):
    """A run as a plain dict, all fields optional."""

    name: str
    run_type: RunTypeEnum
    start_time: datetime
    inputs: dict[str, Any] | None
    outputs: dict[str, Any] | None
    end_time: datetime | None
    extra: dict[str, Any] | None
    error: str | None
    serialized: dict[str, Any] | None
    parent_run_id: UUID | None
    manifest_id: UUID | None
    events: list[dict[str, Any]] | None
    tags: list[str] | None
    inputs_s3_urls: dict[str, Any] | None
    outputs_s3_urls: dict[str, Any] | None
    id: UUID | None
    session_id: UUID | None
    session_name: str | None
    reference_example_id: UUID | None
    input_attachments: dict[str, Any] | None
    output_attachments: dict[str, Any] | None
    trace_id: UUID
    dotted_order: str
    attachments: Attachments


class InputTokenDetails(TypedDict, total=False):
    """What input tokens were."""

    audio: int
    cache_creation: int
    cache_read: int
    cache_read_over_200k: int


class OutputTokenDetails(TypedDict, total=False):
    """What output tokens were."""

    audio: int
    reasoning: int


class InputCostDetails(TypedDict, total=False):
    """What the input cost, in US dollars."""

    audio: float
    cache_creation: float
    cache_read: float


class OutputCostDetails(TypedDict, total=False):
    """What the output cost, in US dollars."""

    audio: float
    reasoning: float


class UsageMetadata(TypedDict):
    """What a model call used."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_token_details: NotRequired[InputTokenDetails]
    output_token_details: NotRequired[OutputTokenDetails]
    input_cost: NotRequired[float]
    output_cost: NotRequired[float]
    total_cost: NotRequired[float]
    input_cost_details: NotRequired[InputCostDetails]
    output_cost_details: NotRequired[OutputCostDetails]


class ExtractedUsageMetadata(TypedDict, total=False):
    """What a model call used, as far as it is known."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_token_details: InputTokenDetails
    output_token_details: OutputTokenDetails
    input_cost: float
    output_cost: float
    total_cost: float
    input_cost_details: InputCostDetails
    output_cost_details: OutputCostDetails


class RunBase(BaseModel):
    """What all kinds of runs have.

    Attributes:
        id: Its id.
        name: Its name.
        start_time: When it began.
        run_type: Its kind, see `RunTypeEnum`.
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
    """

    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)

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
    attachments: dict[str, tuple[str, bytes] | Attachment | tuple[str, Path]] | dict[str, AttachmentInfo] = (
        Field(default_factory=dict)
    )

    @property
    def metadata(self) -> dict[str, Any]:
        """The run's metadata; writing to it changes the run."""
        if self.extra is None:
            self.extra = {}
        metadata: dict[str, Any] = self.extra.setdefault("metadata", {})
        return metadata

    @property
    def revision_id(self) -> UUID | str | None:
        """Version of the program that made the run."""
        return self.metadata.get("revision_id")

    @property
    def latency(self) -> float | None:
        """Seconds from start to end; None while it runs."""
        return None if self.end_time is None else (self.end_time - self.start_time).total_seconds()


class Run(RunBase):
    """A run as the server has it.

    Attributes:
        session_id: Its project.
        child_run_ids: Ids of its parts.
        child_runs: Its parts, when they were loaded.
        feedback_stats: Key → statistics of its feedback.
        app_path: Path of its page.
        manifest_id: Id of its `serialized`.
        status: ``pending``, ``success`` or ``error``.
        prompt_tokens: Tokens that went in.
        completion_tokens: Tokens that came out.
        total_tokens: Both.
        prompt_token_details: Kinds of the tokens that went in.
        completion_token_details: Kinds of the tokens that came out.
        first_token_time: When the first token came.
        total_cost: US dollars.
        prompt_cost: US dollars for what went in.
        completion_cost: US dollars for what came out.
        prompt_cost_details: Kinds of `prompt_cost`.
        completion_cost_details: Kinds of `completion_cost`.
        parent_run_ids: From the root down.
        trace_id: Id of its root.
        dotted_order: Its place in the trace, as text that sorts.
        in_dataset: Whether an example was made of it.
    """

    session_id: UUID | None = None
    child_run_ids: list[UUID] | None = None
    child_runs: list[Run] | None = None
    feedback_stats: dict[str, Any] | None = None
    app_path: str | None = None
    manifest_id: UUID | None = None
    status: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_token_details: dict[str, int] | None = None
    completion_token_details: dict[str, int] | None = None
    first_token_time: datetime | None = None
    total_cost: Decimal | None = None
    prompt_cost: Decimal | None = None
    completion_cost: Decimal | None = None
    prompt_cost_details: dict[str, Decimal] | None = None
    completion_cost_details: dict[str, Decimal] | None = None
    parent_run_ids: list[UUID] | None = None
    trace_id: UUID
    dotted_order: str = ""
    in_dataset: bool | None = None
    _host_url: str | None = PrivateAttr(default=None)

    def __init__(self, _host_url: str | None = None, **data: Any) -> None:
        super().__init__(**data)
        self._host_url = _host_url

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        filled = dict(data)
        if not filled.get("trace_id"):
            filled["trace_id"] = filled.get("id")
        if filled.get("inputs") is None:
            filled["inputs"] = {}
        for alias, name in _TOKEN_ALIASES.items():
            if alias in filled and filled.get(name) is None:
                filled[name] = filled.pop(alias)
        return filled

    @model_validator(mode="after")
    def _root_has_an_order(self) -> Run:
        if not self.dotted_order and not self.parent_run_id:
            self.dotted_order = f"{self.start_time.isoformat()}{self.id}"
        return self

    @property
    def url(self) -> str | None:
        """The run's page."""
        return f"{self._host_url}{self.app_path}" if self._host_url and self.app_path else None

    @property
    def input_tokens(self) -> int | None:
        """Tokens that went in."""
        return self.prompt_tokens

    @property
    def output_tokens(self) -> int | None:
        """Tokens that came out."""
        return self.completion_tokens

    @property
    def input_cost(self) -> Decimal | None:
        """US dollars for what went in."""
        return self.prompt_cost

    @property
    def output_cost(self) -> Decimal | None:
        """US dollars for what came out."""
        return self.completion_cost

    @property
    def input_token_details(self) -> dict[str, int] | None:
        """Kinds of the tokens that went in."""
        return self.prompt_token_details

    @property
    def output_token_details(self) -> dict[str, int] | None:
        """Kinds of the tokens that came out."""
        return self.completion_token_details

    @property
    def input_cost_details(self) -> dict[str, Decimal] | None:
        """Kinds of `input_cost`."""
        return self.prompt_cost_details

    @property
    def output_cost_details(self) -> dict[str, Decimal] | None:
        """Kinds of `output_cost`."""
        return self.completion_cost_details


_TOKEN_ALIASES = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "input_cost": "prompt_cost",
    "output_cost": "completion_cost",
    "input_token_details": "prompt_token_details",
    "output_token_details": "completion_token_details",
    "input_cost_details": "prompt_cost_details",
    "output_cost_details": "completion_cost_details",
}


class TracerSession(BaseModel):
    """A project: what runs are collected in. The API calls it a session.

    Attributes:
        id: Its id.
        start_time: When it began.
        end_time: When it ended.
        description: Its description.
        name: Its name.
        extra: Metadata and whatever else is said about it.
        tenant_id: Its workspace.
        reference_dataset_id: The dataset, if it is an experiment.
    """

    model_config = ConfigDict(extra="allow")

    id: UUID
    start_time: datetime = Field(default_factory=lambda: datetime.now(dt.UTC))
    end_time: datetime | None = None
    description: str | None = None
    name: str | None = None
    extra: dict[str, Any] | None = None
    tenant_id: UUID
    reference_dataset_id: UUID | None
    _host_url: str | None = PrivateAttr(default=None)

    def __init__(self, _host_url: str | None = None, **data: Any) -> None:
        super().__init__(**data)
        self._host_url = _host_url

    @field_validator("start_time")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value

    @property
    def url(self) -> str | None:
        """The project's page."""
        return f"{self._host_url}/o/{self.tenant_id}/projects/p/{self.id}" if self._host_url else None

    @property
    def metadata(self) -> dict[str, Any]:
        """The project's metadata."""
        metadata: dict[str, Any] = (self.extra or {}).get("metadata") or {}
        return metadata

    @property
    def tags(self) -> list[str]:
        """The project's tags."""
        tags: list[str] = (self.extra or {}).get("tags") or []
        return tags


class TracerSessionResult(TracerSession):
    """A project with statistics of its runs.

    Attributes:
        run_count: How many runs.
        latency_p50: Median latency.
        latency_p99: 99th percentile of the latency.
        total_tokens: Tokens of its runs.
        prompt_tokens: Tokens that went in.
        completion_tokens: Tokens that came out.
        last_run_start_time: When the last run began.
        feedback_stats: Key → statistics of feedback on its runs.
        session_feedback_stats: Key → statistics of feedback on itself.
        run_facets: Frequent values of its runs.
        total_cost: US dollars.
        prompt_cost: US dollars for what went in.
        completion_cost: US dollars for what came out.
        first_token_p50: Median time to the first token.
        first_token_p99: 99th percentile of it.
        error_rate: Share of runs that failed.
    """

    run_count: int | None = None
    latency_p50: timedelta | None = None
    latency_p99: timedelta | None = None
    total_tokens: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    last_run_start_time: datetime | None = None
    feedback_stats: dict[str, Any] | None = None
    session_feedback_stats: dict[str, Any] | None = None
    run_facets: list[dict[str, Any]] | None = None
    total_cost: Decimal | None = None
    prompt_cost: Decimal | None = None
    completion_cost: Decimal | None = None
    first_token_p50: timedelta | None = None
    first_token_p99: timedelta | None = None
    error_rate: float | None = None


class Thread(TypedDict):
    """A conversation: the traces whose metadata names it.

    Attributes:
        thread_id: What they name it.
        runs: Their roots, oldest first.
        count: How many.
        min_start_time: When the first began, ISO 8601.
        max_start_time: When the last began, ISO 8601.
    """

    thread_id: str
    runs: list[Run]
    count: int
    min_start_time: str | None
    max_start_time: str | None


class InsightsReport(BaseModel):
    """A report on what a set of conversations is about.

    Attributes:
        id: Its id.
        name: Its name.
        status: ``queued``, ``running``, ``success`` or ``error``.
        error: Why it failed.
        project_id: The project that holds the conversations.
        host_url: Host of its page.
        tenant_id: Its workspace.
    """

    model_config = ConfigDict(extra="allow")

    id: UUID | str
    name: str
    status: str
    error: str | None = None
    project_id: UUID | str
    host_url: str
    tenant_id: UUID | str

    @property
    def link(self) -> str:
        """The report's page."""
        return f"{self.host_url}/o/{self.tenant_id}/projects/p/{self.project_id}?tab=4&clusterJobId={self.id}"
