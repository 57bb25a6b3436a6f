"""Bodies of requests that are not ingestion."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, RootModel, SecretStr, field_validator
from typing_extensions import TypedDict

from smithkit.server.domain.fields import Body, Json, JsonText, Moment
from smithkit.server.domain.filters import Comparison, Operator
from smithkit.server.domain.jsons import dump
from smithkit.server.errors import unprocessable
from smithkit.server.routes._queries import LARGEST_OFFSET, Page, Piece, Query
from smithkit.server.services.cursors import decode_cursor
from smithkit.server.services.filters import all_of, read_filter, read_search
from smithkit.server.services.retention import RETENTION_KEY
from smithkit.server.store import RunGrouping, RunSelection

__all__ = [
    "InsightsRequest",
    "RunBatch",
    "RunBody",
    "RunGroups",
    "RunQuery",
    "RunShare",
    "RunStats",
    "Secret",
    "Secrets",
    "SessionCreate",
    "SessionList",
    "SessionUpdate",
    "Upsert",
    "WithStats",
]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_Ids = Annotated[
    list[UUID],
    BeforeValidator(_as_list, json_schema_input_type=list[UUID] | UUID),
    Field(max_length=10_000),
]


_MOST_DAYS = 36_500


class RunBody(TypedDict):
    """Body of ``POST /runs``: what `services.ingest` reads of it, field by field."""

    id: UUID
    name: str
    run_type: str
    start_time: NotRequired[Moment]
    end_time: NotRequired[Moment]
    inputs: NotRequired[Json | None]
    outputs: NotRequired[Json | None]
    error: NotRequired[str | None]
    extra: NotRequired[Json | None]
    tags: NotRequired[list[str] | None]
    parent_run_id: NotRequired[UUID | None]
    trace_id: NotRequired[UUID | None]
    dotted_order: NotRequired[str | None]
    session_name: NotRequired[str | None]


class RunBatch(TypedDict):
    """Body of ``POST /runs/batch``."""

    post: NotRequired[list[RunBody] | None]
    patch: NotRequired[list[Json] | None]


class _RunFilter(Body):
    """Which runs."""

    session: _Ids | None = None
    session_id: _Ids | None = None
    id: _Ids | None = None
    trace: UUID | None = None
    parent_run: UUID | None = None
    run_type: str | None = None
    is_root: bool | None = None
    execution_order: Annotated[int, Field(ge=1, le=LARGEST_OFFSET)] | None = None
    error: bool | None = None
    start_time: Moment = None
    end_time: Moment = None
    reference_example: _Ids | None = None
    filter: str | None = None
    trace_filter: str | None = None
    tree_filter: str | None = None
    query: str | None = None
    search_filter: str | None = None

    def filtered(self) -> RunSelection:
        """Turn the fields into what a store is asked.

        Raises:
            ApiError: 422, a filter is wrong.
        """
        is_root, order = self.is_root, self.execution_order
        if is_root is None and order == 1:
            is_root, order = True, None  # how older clients ask for roots
        return RunSelection(
            sessions=self.session if self.session is not None else self.session_id,
            ids=self.id,
            traces=None if self.trace is None else [self.trace],
            parent=self.parent_run,
            run_type=self.run_type,
            is_root=is_root,
            error=self.error,
            started_from=self.start_time,
            started_to=self.end_time,
            examples=self.reference_example,
            filter=all_of(
                read_filter("filter", self.filter),
                read_filter("search_filter", self.search_filter),
                read_search("query", self.query),
                None if order is None else Comparison(Operator.EQ, "execution_order", order),
            ),
            trace_filter=read_filter("trace_filter", self.trace_filter),
            tree_filter=read_filter("tree_filter", self.tree_filter),
        )


class RunQuery(_RunFilter):
    """Body of ``POST /runs/query``."""

    order: Literal["asc", "desc"] | None = None
    select: list[str] | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    cursor: str | None = None
    skip_pagination: bool | None = None

    def selection(self, page: int) -> RunSelection:
        """Turn the body into what a store is asked.

        Args:
            page: Runs in a page at most; who asks for more gets a cursor.

        Returns:
            The selection.

        Raises:
            ApiError: 422, it asks for what this server cannot do, or the cursor is wrong.
        """
        ascending = self.order == "asc"
        return replace(
            self.filtered(),
            after=decode_cursor(self.cursor, ascending=ascending) if self.cursor else None,
            ascending=ascending,
            limit=min(self.limit or page, page),
        )


class _GroupBy(Body):
    """By what figures are grouped."""

    attribute: Literal["name", "run_type", "tag", "metadata"]
    path: str | None = None
    max_groups: Annotated[int, Field(ge=1, le=100)] = 5

    def grouping(self) -> RunGrouping:
        """Say which groups.

        Raises:
            ApiError: 422, of metadata no key is named.
        """
        if self.attribute == "metadata" and not self.path:
            raise unprocessable("group_by.path: name the key of the metadata to group by")
        return RunGrouping(self.attribute, self.path or "", limit=self.max_groups)


class RunStats(_RunFilter):
    """Body of ``POST /runs/stats``."""

    group_by: _GroupBy | None = None

    def selection(self) -> RunSelection:
        """Turn the body into what a store is asked. Clients send an empty list for all projects.

        Raises:
            ApiError: 422, it asks for what this server cannot do.
        """
        found = self.filtered()
        return replace(found, sessions=found.sessions or None)


class RunGroups(Body):
    """Body of ``POST /runs/group`` and ``POST /runs/group/stats``: the threads of a project."""

    session_id: UUID
    group_by: Literal["conversation"] = "conversation"
    filter: str | None = None
    start_time: Moment = None
    end_time: Moment = None
    offset: Annotated[int, Field(ge=0, le=2**31)] = 0
    limit: Annotated[int, Field(ge=1, le=100)] = 10

    def selection(self) -> RunSelection:
        """Turn the body into what a store is asked: the roots of the project.

        Raises:
            ApiError: 422, the filter is wrong.
        """
        return RunSelection(
            sessions=[self.session_id],
            is_root=True,
            started_from=self.start_time,
            started_to=self.end_time,
            filter=read_filter("filter", self.filter),
        )

    def grouping(self) -> RunGrouping:
        """Say which groups."""
        return RunGrouping("thread", offset=self.offset, limit=self.limit)


class RunShare(Body):
    """Body of ``PUT /runs/{id}/share``."""

    share_token: UUID | None = None


class InsightsRequest(Body):
    """Body of ``POST /sessions/{id}/insights``; fields of other servers are kept with the job."""

    model_config = ConfigDict(extra="allow")

    name: str | None = None
    last_n_hours: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class Secret(Body):
    """A secret's name, and its value or null to remove it."""

    key: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
    value: SecretStr | None = None


class Secrets(RootModel[list[Secret]]):
    """Body of ``POST /workspaces/current/secrets``."""


class _Session(Body):
    description: str | None = None
    extra: Json | None = None
    metadata: Json | None = None
    start_time: Moment = None
    end_time: Moment = None
    reference_dataset_id: UUID | None = None
    default_dataset_id: UUID | None = None
    trace_tier: Literal["longlived", "shortlived"] | None = None

    @field_validator("extra")
    @classmethod
    def _retention(cls, extra: dict[str, Any] | None) -> dict[str, Any] | None:
        days = (extra or {}).get(RETENTION_KEY)
        if days is not None and (type(days) is not int or not 1 <= days <= _MOST_DAYS):
            raise ValueError(f"{RETENTION_KEY} must be a whole number of days from 1 to {_MOST_DAYS}")
        return extra

    def columns(self) -> dict[str, Any]:
        """Give the columns that the client has set; null sets nothing."""
        given = self.model_dump(exclude={"metadata", "extra"}, exclude_none=True)
        extra = self.extra
        if self.metadata is not None:
            extra = {**(extra or {}), "metadata": self.metadata}
        return given if extra is None else given | {"extra": dump(extra).decode()}


class SessionCreate(_Session):
    """Body of ``POST /sessions``."""

    id: UUID | None = None
    name: Annotated[str, Field(min_length=1)]


class Upsert(Query):
    """Query of ``POST /sessions``: whether a project of that name is taken as it is."""

    upsert: bool = False


class WithStats(Query):
    """Query of ``GET /sessions/{id}``."""

    include_stats: bool = False


class SessionList(Page):
    """Query of ``GET /sessions``."""

    id: list[UUID] | None = None
    name: str | None = None
    name_contains: Piece | None = None
    reference_free: bool | None = None
    reference_dataset: list[UUID] | None = None
    metadata: JsonText | None = None
    include_stats: bool = False


class SessionUpdate(_Session):
    """Body of ``PATCH /sessions/{id}``."""

    name: Annotated[str, Field(min_length=1)] | None = None
