"""Requests of version 2 about runs, traces and threads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

from pydantic import Field

from smithkit.server.domain.fields import Body, Moment
from smithkit.server.errors import unprocessable
from smithkit.server.routes._queries import Query
from smithkit.server.services.cursors import decode_cursor, decode_offset
from smithkit.server.services.filters import all_of, read_filter
from smithkit.server.services.run_views import RunView
from smithkit.server.store import RunSelection

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "ExperimentRunsQuery",
    "PublicRunRead",
    "PublicRunsQuery",
    "RunPlace",
    "RunRead",
    "RunsQuery",
    "ShareCreate",
    "ShareDelete",
    "ThreadStatsRead",
    "ThreadTracesRead",
    "ThreadsQuery",
    "ThreadsStats",
    "TraceRunsRead",
    "TracesQuery",
]

_PublicField = Literal[
    "ID", "NAME", "RUN_TYPE", "STATUS", "START_TIME", "END_TIME", "LATENCY_SECONDS", "FIRST_TOKEN_TIME", "ERROR",
    "ERROR_PREVIEW", "EXTRA", "METADATA", "EVENTS", "INPUTS", "INPUTS_PREVIEW", "OUTPUTS", "OUTPUTS_PREVIEW",
    "MANIFEST", "PARENT_RUN_ID", "PARENT_RUN_IDS", "PROJECT_ID", "TRACE_ID", "THREAD_ID", "DOTTED_ORDER", "IS_ROOT",
    "REFERENCE_EXAMPLE_ID", "REFERENCE_DATASET_ID", "TOTAL_TOKENS", "PROMPT_TOKENS", "COMPLETION_TOKENS",
    "TOTAL_COST", "PROMPT_COST", "COMPLETION_COST", "PROMPT_TOKEN_DETAILS", "COMPLETION_TOKEN_DETAILS",
    "PROMPT_COST_DETAILS", "COMPLETION_COST_DETAILS", "PRICE_MODEL_ID", "TAGS", "APP_PATH", "ATTACHMENTS",
    "THREAD_EVALUATION_TIME", "IS_IN_DATASET", "LAST_QUEUED_AT", "FEEDBACK_STATS", "LS_USER_ID",
]  # fmt: skip
"""What whoever has the link of a run may ask of it: not the links of what is below it, which may outlive its own."""

_RunField = Literal[_PublicField, "SHARE_URL"]
_TurnField = Literal[
    "THREAD_ID", "TRACE_ID", "OP", "PROMPT_TOKENS", "COMPLETION_TOKENS", "TOTAL_TOKENS", "START_TIME", "END_TIME",
    "LATENCY", "FIRST_TOKEN_TIME", "INPUTS_PREVIEW", "OUTPUTS_PREVIEW", "INPUTS", "OUTPUTS", "ERROR", "PROMPT_COST",
    "COMPLETION_COST", "TOTAL_COST", "PROMPT_TOKEN_DETAILS", "COMPLETION_TOKEN_DETAILS", "PROMPT_COST_DETAILS",
    "COMPLETION_COST_DETAILS", "NAME", "ERROR_PREVIEW", "TURN_NUMBER",
]  # fmt: skip
_Usage = Literal[
    "PROMPT_TOKENS", "PROMPT_COST", "COMPLETION_TOKENS", "COMPLETION_COST", "TOTAL_TOKENS", "TOTAL_COST",
    "PROMPT_TOKEN_DETAILS", "COMPLETION_TOKEN_DETAILS", "PROMPT_COST_DETAILS", "COMPLETION_COST_DETAILS",
    "LATENCY_P50", "LATENCY_P99",
]  # fmt: skip
_ThreadFigure = Literal[
    _Usage, "TURNS", "FIRST_START_TIME", "LAST_START_TIME", "LAST_END_TIME", "FEEDBACK_STATS"
]
_ThreadsFigure = Literal[
    _Usage, "THREAD_COUNT", "TRACE_COUNT", "ERROR_RATE", "STREAMING_RATE", "MEDIAN_TOKENS", "FIRST_TOKEN_P50",
    "FIRST_TOKEN_P99", "THREAD_FEEDBACK_STATS",
]  # fmt: skip
_IN_SECONDS = frozenset({"LATENCY_P50", "LATENCY_P99", "FIRST_TOKEN_P50", "FIRST_TOKEN_P99"})

_Ids = Annotated[list[UUID], Field(max_length=10_000)]
_Cursor = Annotated[str, Field(max_length=200)]
_PageSize = Annotated[int, Field(ge=1, le=1000)]
_FewAtOnce = Annotated[int, Field(ge=1, le=100)]


def _view(
    selects: Collection[str] | None, base_url: str, *always: str, subtree_usage: bool = False
) -> RunView:
    fields = frozenset(name.lower() for name in selects or ("ID",))
    return RunView(fields.union(always), base_url, subtree_usage)


def _figures(selects: Collection[str]) -> set[str]:
    return {name.lower() + ("_seconds" if name in _IN_SECONDS else "") for name in selects}


class _Window(Body):
    """When runs started, and what they and their traces must be like."""

    min_start_time: Moment = None
    max_start_time: Moment = None
    filter: str | None = None
    trace_filter: str | None = None
    tree_filter: str | None = None

    def _within(self) -> RunSelection:
        return RunSelection(
            started_from=self.min_start_time,
            started_to=self.max_start_time,
            filter=read_filter("filter", self.filter),
            trace_filter=read_filter("trace_filter", self.trace_filter),
            tree_filter=read_filter("tree_filter", self.tree_filter),
        )

    def _roots(self) -> RunSelection:
        """Roots: of them and of their traces the same is asked."""
        own = self._within()
        return replace(own, is_root=True, filter=all_of(own.filter, own.trace_filter), trace_filter=None)

    def _lacking(self, *names: str) -> None:
        """Refuse what this server does not have.

        Raises:
            ApiError: 422.
        """
        given = next((name for name in names if getattr(self, name) is not None), None)
        if given is not None:
            raise unprocessable(f"{given}: this server does not have that; use filter")


class _Search(_Window):
    ai_search: str | None = None
    sem_filter: str | None = None
    min_feedback_modified_at: Moment = None
    max_feedback_modified_at: Moment = None
    cursor: _Cursor | None = None

    def _found(self) -> RunSelection:
        self._lacking("ai_search", "sem_filter", "min_feedback_modified_at", "max_feedback_modified_at")
        after = None if self.cursor is None else decode_cursor(self.cursor, ascending=False)
        return replace(self._within(), after=after)


class RunsQuery(_Search):
    """Body of ``POST /api/v2/runs/query``; names either projects, or the dataset on which they are experiments."""

    project_ids: _Ids | None = None
    reference_dataset_id: UUID | None = None
    ids: _Ids | None = None
    trace_id: UUID | None = None
    run_type: Literal["TOOL", "CHAIN", "LLM", "RETRIEVER", "EMBEDDING", "PROMPT", "PARSER"] | None = None
    is_root: bool | None = None
    has_error: bool | None = None
    reference_examples: _Ids | None = None
    include_subtree_usage: bool = False
    page_size: _PageSize = 100
    selects: list[_RunField] | None = None

    def selection(self, most: int) -> RunSelection:
        """Turn the body into what a store is asked; the dataset's projects are not in it.

        Args:
            most: Runs in a page at most.

        Raises:
            ApiError: 422, it is wrong, or asks for what this server does not have.
        """
        if (self.project_ids is None) == (self.reference_dataset_id is None):
            raise unprocessable("project_ids: name either these or reference_dataset_id")
        return replace(
            self._found(),
            sessions=self.project_ids,
            ids=self.ids,
            traces=None if self.trace_id is None else [self.trace_id],
            run_type=None if self.run_type is None else self.run_type.lower(),
            is_root=self.is_root,
            error=self.has_error,
            examples=self.reference_examples,
            limit=min(self.page_size, most),
        )

    def view(self, base_url: str) -> RunView:
        """Say what is shown of runs."""
        return _view(self.selects, base_url, subtree_usage=self.include_subtree_usage)


class TracesQuery(_Search):
    """Body of ``POST /api/v2/traces/query``."""

    project_id: UUID
    trace_ids: _Ids | None = None
    page_size: _PageSize = 20
    selects: list[_RunField] | None = None

    def selection(self, most: int) -> RunSelection:
        """Turn the body into what a store is asked: roots; see `RunsQuery.selection`."""
        found = self._found()
        return replace(
            found,
            sessions=[self.project_id],
            is_root=True,
            ids=self.trace_ids,
            filter=all_of(found.filter, found.trace_filter),
            trace_filter=None,
            limit=min(self.page_size, most),
        )

    def view(self, base_url: str) -> RunView:
        """Say what is shown of roots."""
        return _view(self.selects, base_url)


class ThreadsQuery(_Window):
    """Body of ``POST /api/v2/threads/query``."""

    project_id: UUID
    ai_search: str | None = None
    sem_filter: str | None = None
    thread_filter: str | None = None
    cursor: _Cursor | None = None
    page_size: _FewAtOnce = 20

    def selection(self) -> RunSelection:
        """Turn the body into what a store is asked: the turns; see `RunsQuery.selection`."""
        self._lacking("ai_search", "sem_filter", "thread_filter")
        return replace(self._roots(), sessions=[self.project_id])

    def offset(self) -> int:
        """Give the number of threads to pass over."""
        return 0 if self.cursor is None else decode_offset(self.cursor)


class ThreadsStats(_Window):
    """Body of ``POST /api/v2/threads/stats``."""

    project_id: UUID
    select: Annotated[list[_ThreadsFigure], Field(min_length=1)]
    thread_filter: str | None = None

    def selection(self) -> RunSelection:
        """Turn the body into what a store is asked: all turns of threads; see `RunsQuery.selection`."""
        self._lacking("thread_filter")
        roots = self._roots()
        threads = all_of(roots.filter, read_filter("filter", "exists(thread_id)"))
        return replace(roots, sessions=[self.project_id], filter=threads)

    def fields(self) -> set[str]:
        """Name the figures as the answer does."""
        return _figures(self.select)


class ThreadStatsRead(Query, _Window):
    """Query of ``GET /api/v2/threads/{thread_id}/stats``."""

    session_id: UUID
    selects: Annotated[list[_ThreadFigure], Field(min_length=1)]

    def selection(self) -> RunSelection:
        """Turn the query into what a store is asked: turns, of any thread."""
        return replace(self._roots(), sessions=[self.session_id])

    def fields(self) -> set[str]:
        """Name the figures as the answer does."""
        return _figures(self.selects)


class ThreadTracesRead(Query, _Window):
    """Query of ``GET /api/v2/threads/{thread_id}/traces``."""

    project_id: UUID
    selects: list[_TurnField] | None = None
    cursor: _Cursor | None = None
    page_size: _FewAtOnce = 20

    def selection(self, most: int) -> RunSelection:
        """Turn the query into what a store is asked: turns, of any thread."""
        after = None if self.cursor is None else decode_cursor(self.cursor, ascending=True)
        return replace(
            self._roots(), sessions=[self.project_id], after=after, limit=min(self.page_size, most)
        )

    def fields(self) -> set[str]:
        """Name what is shown of each turn, as the answer does."""
        return {"trace_id", *(name.lower() for name in self.selects or ())}


class TraceRunsRead(Query, _Window):
    """Query of ``GET /api/v2/traces/{trace_id}/runs``."""

    project_id: UUID
    selects: list[_RunField] | None = None

    def selection(self, trace_id: UUID) -> RunSelection:
        """Turn the query into what a store is asked."""
        return replace(self._within(), sessions=[self.project_id], traces=[trace_id])

    def view(self, base_url: str) -> RunView:
        """Say what is shown of runs."""
        return _view(self.selects, base_url)


class RunPlace(Query):
    """Query of ``GET /api/v2/runs/{id}/url``. The start of the run is a hint that this server does not need."""

    project_id: UUID
    trace_id: UUID | None = None
    start_time: Moment = None


class RunRead(Query):
    """Query of ``GET /api/v2/runs/{id}``; see `RunPlace` for the start."""

    project_id: UUID
    start_time: Moment = None
    selects: list[_RunField] | None = None

    def view(self, base_url: str) -> RunView:
        """Say what is shown of the run."""
        return _view(self.selects, base_url)


class PublicRunRead(Query):
    """Query of ``GET /api/v2/public/{token}/run/{id}``; see `RunPlace` for the start."""

    start_time: Moment = None
    selects: list[_PublicField] | None = None

    def view(self, base_url: str) -> RunView:
        """Say what is shown of the run."""
        return _view(self.selects, base_url)


class PublicRunsQuery(Body):
    """Body of ``POST /api/v2/public/{token}/runs/query``."""

    selects: list[_PublicField] | None = None

    def view(self, base_url: str) -> RunView:
        """Say what is shown of runs."""
        return _view(self.selects, base_url)


class ShareDelete(Body):
    """Body of ``DELETE /api/v2/runs/{id}/share``."""

    session_id: UUID


class ShareCreate(ShareDelete):
    """Body of ``POST /api/v2/runs/{id}/share``."""

    trace_id: UUID


class _Sort(Body):
    by: str | None = None
    order: str | None = None


class ExperimentRunsQuery(Body):
    """Body of ``POST /api/v2/datasets/{id}/experiment-runs``."""

    experiment_ids: Annotated[list[UUID], Field(max_length=100, default_factory=list)]
    comparative_experiment_id: UUID | None = None
    example_ids: _Ids | None = None
    filters: dict[UUID, list[str]] | None = None
    cursor: _Cursor | None = None
    page_size: _FewAtOnce = 20
    selects: list[_RunField] | None = None
    sort: _Sort | None = None

    def offset(self) -> int:
        """Give the number of rows to pass over.

        Raises:
            ApiError: 422, the cursor is wrong, or another order than the dataset's is asked for.
        """
        if self.sort is not None and self.sort.by is not None:
            raise unprocessable("sort: this server gives rows in the order of the dataset")
        return 0 if self.cursor is None else decode_offset(self.cursor)

    def view(self, base_url: str) -> RunView:
        """Say what is shown of runs."""
        return _view(self.selects, base_url)
