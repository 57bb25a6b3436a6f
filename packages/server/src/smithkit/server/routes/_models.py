"""Bodies of requests that are not ingestion."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from smithkit.server.domain.jsons import dump
from smithkit.server.domain.times import parse_time
from smithkit.server.errors import unprocessable
from smithkit.server.services.cursors import decode_cursor
from smithkit.server.store import RunSelection

__all__ = ["RunQuery", "SessionCreate", "SessionUpdate"]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_time(value: Any) -> Any:
    return None if value is None else parse_time(value)


_Ids = Annotated[list[UUID], BeforeValidator(_as_list), Field(max_length=10_000)]
_Time = Annotated[int | None, BeforeValidator(_as_time)]
_Json = dict[str, Any]

_FILTERS = ("filter", "trace_filter", "tree_filter", "query", "search_filter")


class RunQuery(BaseModel):
    """Body of ``POST /runs/query``. Fields that this server does not know are ignored."""

    model_config = ConfigDict(extra="ignore")

    session: _Ids | None = None
    session_id: _Ids | None = None
    id: _Ids | None = None
    trace: UUID | None = None
    parent_run: UUID | None = None
    run_type: str | None = None
    is_root: bool | None = None
    execution_order: int | None = None
    error: bool | None = None
    start_time: _Time = None
    end_time: _Time = None
    reference_example: _Ids | None = None
    filter: str | None = None
    trace_filter: str | None = None
    tree_filter: str | None = None
    query: str | None = None
    search_filter: str | None = None
    order: Literal["asc", "desc"] | None = None
    select: list[str] | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    cursor: str | None = None

    def selection(self, page: int) -> RunSelection:
        """Turn the body into what a store is asked.

        Args:
            page: Runs in a page at most.

        Returns:
            The selection.

        Raises:
            ApiError: 422, it asks for what this server cannot do, or the cursor is wrong.
        """
        for name in _FILTERS:
            if getattr(self, name):
                raise unprocessable(f"{name}: the filter language is not supported by this server yet")
        if self.limit is not None and self.limit > page:
            raise unprocessable(f"limit: must be at most {page}; follow cursors.next for more")
        ascending = self.order == "asc"
        is_root = self.is_root
        if is_root is None and self.execution_order == 1:
            is_root = True  # how older clients ask for roots
        return RunSelection(
            sessions=self.session if self.session is not None else self.session_id,
            ids=self.id,
            trace=self.trace,
            parent=self.parent_run,
            run_type=self.run_type,
            is_root=is_root,
            error=self.error,
            started_from=self.start_time,
            started_to=self.end_time,
            examples=self.reference_example,
            after=decode_cursor(self.cursor, ascending=ascending) if self.cursor else None,
            ascending=ascending,
            limit=self.limit or page,
        )


class _Session(BaseModel):
    model_config = ConfigDict(extra="ignore")

    description: str | None = None
    extra: _Json | None = None
    metadata: _Json | None = None
    start_time: _Time = None
    end_time: _Time = None
    reference_dataset_id: UUID | None = None
    default_dataset_id: UUID | None = None
    trace_tier: str | None = None

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


class SessionUpdate(_Session):
    """Body of ``PATCH /sessions/{id}``."""

    name: Annotated[str, Field(min_length=1)] | None = None
