"""What the API answers, as types: for its description alone, nothing is checked against them while serving."""

from __future__ import annotations

from typing import Any, Generic, Literal, NotRequired, TypeVar
from uuid import UUID  # noqa: TC003 - pydantic evaluates the annotation

from pydantic import AwareDatetime  # noqa: TC002 - pydantic evaluates the annotation
from typing_extensions import TypedDict

__all__ = [
    "Commit",
    "CommitAnswer",
    "CommitPage",
    "Comparative",
    "Config",
    "Copy",
    "Cursors",
    "Dataset",
    "DatasetLink",
    "Deleted",
    "Difference",
    "Example",
    "ExampleRow",
    "ExampleRuns",
    "Feedback",
    "Formula",
    "Found",
    "GroupCount",
    "Groups",
    "Health",
    "Info",
    "Job",
    "Jobs",
    "Likes",
    "Message",
    "Nothing",
    "Page",
    "Problem",
    "Project",
    "Pulled",
    "Queue",
    "QueueEntry",
    "QueuePlace",
    "QueueRun",
    "Repo",
    "RepoAnswer",
    "RepoPage",
    "Run",
    "RunLink",
    "RunPage",
    "RunUrl",
    "RunView",
    "SecretName",
    "Settings",
    "ShareToken",
    "Tag",
    "Thread",
    "Token",
    "Trace",
    "Turn",
    "Version",
    "WholeDirectory",
    "WholeTrace",
    "Written",
]

Json = dict[str, Any]


class Nothing(TypedDict):
    """An empty object."""


class Message(TypedDict):
    """What was done."""

    message: str


class Written(TypedDict):
    """What a write of examples did."""

    count: int
    example_ids: list[UUID]
    message: NotRequired[str]
    as_of: NotRequired[AwareDatetime | None]


class Deleted(TypedDict):
    """How many examples were deleted."""

    examples_count: int


class Problem(TypedDict):
    """Why a request was refused."""

    detail: str
    errors: NotRequired[list[Json]]


class Info(TypedDict):
    """What the server is and can do."""

    version: str
    batch_ingest_config: Json
    instance_flags: Json
    server: Json


class Project(TypedDict):
    """A project, which the API calls session."""

    id: UUID
    name: str
    start_time: AwareDatetime
    end_time: AwareDatetime | None
    description: str | None
    extra: Json | None
    tenant_id: UUID
    reference_dataset_id: UUID | None
    default_dataset_id: UUID | None
    trace_tier: str
    run_count: NotRequired[int | None]
    error_rate: NotRequired[float | None]
    feedback_stats: NotRequired[Json | None]


class Run(TypedDict):
    """A run."""

    id: UUID
    name: str
    run_type: str
    start_time: AwareDatetime
    end_time: AwareDatetime | None
    status: Literal["pending", "success", "error"]
    inputs: Json | None
    outputs: Json | None
    error: str | None
    session_id: UUID
    trace_id: UUID
    dotted_order: str
    parent_run_id: UUID | None


class Cursors(TypedDict):
    """Where the pages beside this one begin."""

    next: str | None


class RunPage(TypedDict):
    """A page of runs; with `select`, of the chosen fields."""

    runs: list[Json]
    cursors: Cursors


Item = TypeVar("Item")


class Page(TypedDict, Generic[Item]):
    """A page of a listing; the cursor is null at the end."""

    items: list[Item]
    next_cursor: str | None


class Detail(TypedDict):
    """What tokens or costs are broken down to."""

    raw: dict[str, float]


class RunView(TypedDict, total=False):
    """A run, with those fields that were selected."""

    id: UUID
    name: str
    run_type: Literal["TOOL", "CHAIN", "LLM", "RETRIEVER", "EMBEDDING", "PROMPT", "PARSER"]
    status: Literal["PENDING", "SUCCESS", "ERROR"]
    start_time: AwareDatetime
    end_time: AwareDatetime | None
    latency_seconds: float | None
    first_token_time: AwareDatetime | None
    error: str | None
    error_preview: str | None
    extra: Json | None
    metadata: Json
    events: list[Any] | None
    inputs: Json | None
    inputs_preview: str | None
    outputs: Json | None
    outputs_preview: str | None
    manifest: Json | None
    parent_run_id: UUID | None
    parent_run_ids: list[UUID]
    project_id: UUID
    trace_id: UUID
    thread_id: str | None
    dotted_order: str
    is_root: bool
    reference_example_id: UUID | None
    reference_dataset_id: UUID | None
    total_tokens: int | None
    prompt_tokens: int | None
    completion_tokens: int | None
    total_cost: float | None
    prompt_cost: float | None
    completion_cost: float | None
    prompt_token_details: Detail | None
    completion_token_details: Detail | None
    prompt_cost_details: Detail | None
    completion_cost_details: Detail | None
    price_model_id: UUID | None
    tags: list[str]
    app_path: str
    attachments: dict[str, str] | None
    thread_evaluation_time: AwareDatetime | None
    is_in_dataset: bool
    last_queued_at: AwareDatetime | None
    share_url: str | None
    feedback_stats: Json | None
    ls_user_id: UUID | None


class WholeTrace(TypedDict):
    """All runs of a trace that were asked for, in the order of their start."""

    items: list[RunView]


class TraceUsage(TypedDict):
    """What all runs of a trace have used."""

    first_token_time: AwareDatetime | None
    total_cost: float | None
    total_tokens: int | None


class Trace(TypedDict):
    """A trace: its root, and what its runs have used."""

    root_run: RunView
    trace_aggregates: TraceUsage


class Thread(TypedDict):
    """A thread."""

    thread_id: str
    count: int
    num_errored_turns: int
    last_error: str | None
    feedback_stats: Json | None
    latency_p50: float | None
    latency_p99: float | None
    start_time: AwareDatetime
    min_start_time: AwareDatetime
    max_start_time: AwareDatetime
    trace_id: UUID
    first_trace_id: UUID
    last_trace_id: UUID
    first_inputs: str | None
    last_outputs: str | None
    total_tokens: int | None
    total_cost: float | None
    total_token_details: dict[str, float] | None
    total_cost_details: dict[str, float] | None


class Turn(TypedDict):
    """A trace of a thread, with those further fields that were selected."""

    trace_id: UUID


class RunUrl(TypedDict):
    """Where a run is looked at."""

    url: str


class ShareToken(TypedDict):
    """What a shared run's link holds."""

    share_token: UUID


class Groups(TypedDict):
    """Groups of runs."""

    groups: list[Json]
    total: int


class GroupCount(TypedDict):
    """How many groups."""

    group_count: int


class RunLink(TypedDict):
    """A link to a run."""

    run_id: UUID
    share_token: UUID


class DatasetLink(TypedDict):
    """A link to a dataset."""

    dataset_id: UUID
    share_token: UUID


class Dataset(TypedDict):
    """A dataset."""

    id: UUID
    tenant_id: UUID
    name: str
    description: str | None
    data_type: Literal["kv", "llm", "chat"]
    created_at: AwareDatetime
    modified_at: AwareDatetime
    example_count: int
    session_count: int
    last_session_start_time: AwareDatetime | None
    inputs_schema_definition: Json | None
    outputs_schema_definition: Json | None
    transformations: list[Json] | None
    metadata: Json | None


class Version(TypedDict):
    """A version of a dataset."""

    as_of: AwareDatetime
    tags: list[str] | None


class Difference(TypedDict):
    """What changed between two versions of a dataset."""

    examples_added: list[UUID]
    examples_removed: list[UUID]
    examples_modified: list[UUID]


class Copy(TypedDict):
    """An example's copy."""

    id: UUID
    dataset_id: UUID


class Example(TypedDict):
    """An example; with `select`, the chosen fields."""

    id: NotRequired[UUID]
    dataset_id: NotRequired[UUID]
    inputs: NotRequired[Json | None]
    outputs: NotRequired[Json | None]
    metadata: NotRequired[Json | None]
    created_at: NotRequired[AwareDatetime]
    modified_at: NotRequired[AwareDatetime | None]


class ExampleRuns(TypedDict):
    """An example with its runs in experiments."""

    id: UUID
    dataset_id: UUID
    runs: list[Json]


class ExampleRow(TypedDict):
    """An example with its runs in experiments, each with those fields that were selected."""

    id: UUID
    dataset_id: UUID
    name: str | None
    created_at: AwareDatetime
    modified_at: AwareDatetime | None
    inputs: Json | None
    outputs: Json | None
    metadata: Json | None
    runs: list[RunView]


class Found(TypedDict):
    """Examples that are like the inputs."""

    examples: list[Json]


class Comparative(TypedDict):
    """A comparative experiment."""

    id: UUID
    name: str | None
    tenant_id: UUID
    created_at: AwareDatetime
    modified_at: AwareDatetime
    reference_dataset_id: UUID
    experiments_info: list[Json]


class Feedback(TypedDict):
    """A feedback."""

    id: UUID
    created_at: AwareDatetime
    modified_at: AwareDatetime
    run_id: UUID | None
    session_id: UUID | None
    key: str
    score: float | int | bool | None
    value: Any
    comment: str | None


class Config(TypedDict):
    """What the scores of a key mean."""

    feedback_key: str
    feedback_config: Json
    tenant_id: UUID
    modified_at: AwareDatetime
    is_lower_score_better: bool | None


class Formula(TypedDict):
    """A formula of feedback."""

    id: UUID
    feedback_key: str
    aggregation_type: Literal["sum", "avg"]
    formula_parts: list[Json]
    dataset_id: UUID | None
    session_id: UUID | None


class Token(TypedDict):
    """A URL that takes feedback without a key."""

    id: UUID
    url: str
    expires_at: AwareDatetime


class Queue(TypedDict):
    """An annotation queue."""

    id: UUID
    name: str
    description: str | None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    tenant_id: UUID
    rubric_instructions: str | None
    rubric_items: list[Json] | None


class QueueEntry(TypedDict):
    """A run's place in a queue."""

    id: UUID
    queue_id: UUID
    run_id: UUID
    added_at: AwareDatetime


class QueuePlace(TypedDict):
    """What a queue says of a run."""

    queue_run_id: UUID
    queue_status: str
    reviewer: str | None
    added_at: AwareDatetime


class QueueRun(TypedDict):
    """A run in a queue."""

    id: UUID
    name: str
    run_type: str
    queue_run_id: UUID
    queue_status: str
    reviewer: str | None
    added_at: AwareDatetime


class SecretName(TypedDict):
    """A secret's name."""

    key: str


class Settings(TypedDict):
    """The workspace."""

    id: UUID
    display_name: str
    created_at: AwareDatetime
    tenant_handle: str | None


class Repo(TypedDict):
    """A prompt."""

    id: UUID
    repo_handle: str
    repo_type: Literal["prompt", "agent", "skill"]
    owner: str | None
    full_name: str
    description: str | None
    readme: str | None
    tenant_id: UUID
    created_at: AwareDatetime
    updated_at: AwareDatetime
    is_public: bool
    is_archived: bool
    tags: list[str]
    num_likes: int
    num_commits: int
    last_commit_hash: str | None


class RepoAnswer(TypedDict):
    """A prompt, wrapped."""

    repo: Repo


class RepoPage(TypedDict):
    """A page of prompts."""

    repos: list[Repo]
    total: int


class Commit(TypedDict):
    """A commit."""

    id: UUID
    commit_hash: str
    parent_commit_hash: str | None
    created_at: AwareDatetime


class CommitAnswer(TypedDict):
    """A commit, wrapped."""

    commit: Commit


class CommitPage(TypedDict):
    """A page of commits."""

    commits: list[Commit]
    total: int


class WholeDirectory(TypedDict):
    """An agent's or a skill's directory at a commit: path → file, or link to another agent or skill."""

    owner: str | None
    repo: str
    commit_id: UUID
    commit_hash: str
    files: dict[str, Json]


class Pulled(TypedDict):
    """A prompt's manifest."""

    commit_hash: str
    manifest: Json
    examples: list[Json]


class Tag(TypedDict):
    """A tag of a commit."""

    id: UUID
    tag_name: str
    commit_id: UUID
    commit_hash: str
    created_at: AwareDatetime
    updated_at: AwareDatetime


class Likes(TypedDict):
    """How many like a prompt."""

    likes: int


class Job(TypedDict):
    """An insights job."""

    id: UUID
    name: str
    status: str


class Jobs(TypedDict):
    """Insights jobs."""

    clustering_jobs: list[Json]


class Health(TypedDict):
    """Whether the server can answer."""

    status: str
