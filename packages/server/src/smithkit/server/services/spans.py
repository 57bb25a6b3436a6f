"""Spans of OpenTelemetry on their way in: each is a run, or another report of a run that is known.

A span that smithkit or LangSmith exported names its run, and is taken for that run: what the runs'
own messages say of it weighs more. Any other span gets an id that follows from its own ids, so that
parent and child find each other in whatever order they come.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from smithkit._conventions import PARENT_STATE, run_fields, run_id_of
from smithkit.server.domain.runs import Rank
from smithkit.server.domain.times import format_time, parse_time
from smithkit.server.errors import ApiError
from smithkit.server.services.changes import make_change
from smithkit.server.store import RunBatch, RunSelection, SessionSelection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from smithkit.server.domain.runs import RunChange
    from smithkit.server.store import Store

__all__ = ["Accepted", "SpanService"]

_TRACE_BYTES, _SPAN_BYTES = 16, 8
_LOW_64 = (1 << 64) - 1
_LANGSMITH = "langsmith"
_ROUNDING = 1  # microseconds: that client's times went through a floating-point number
_FAILED = 2  # STATUS_CODE_ERROR
_PLACE = ("id", "trace_id", "dotted_order", "parent_run_id", "name", "run_type", "start_time", "end_time", "session_name")  # fmt: skip
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a request's spans.

    Attributes:
        runs: How many were stored as runs.
        rejected: How many were not accepted.
        reason: Why the first of them was not.
    """

    runs: int
    rejected: int
    reason: str


class SpanService:
    """Accepts spans.

    Args:
        store: Where their runs go.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def accept(self, message: ExportTraceServiceRequest, project: str | None) -> Accepted:
        """Store the spans of a request as runs; durable on return.

        Args:
            message: The request.
            project: Project of spans that name none.

        Returns:
            What became of the spans.

        Raises:
            ApiError: 400, none was accepted though there are some.
        """
        batch = RunBatch()
        runs, rejected, reason = 0, 0, ""
        accepted = 0
        for place, (span, about) in enumerate(_spans(message)):
            try:
                run = _read(span, about, project, f"span {place}")
                if not (_is_second_copy(about) and await self._knows(run)):
                    batch.changes += _changes(run, f"span {place}")
                    runs += 1
                accepted += 1
            except ApiError as error:
                rejected, reason = rejected + 1, reason or error.detail
            await asyncio.sleep(0)
        if rejected and not accepted:
            raise ApiError(400, reason)
        if batch.changes:
            await self._store.write(batch)
        return Accepted(runs, rejected, reason)

    async def _knows(self, run: Mapping[str, Any]) -> bool:
        """Whether a run of this name began at this very moment in this project."""
        if "session_name" not in run or "start_time" not in run:
            return False
        sessions = await self._store.find_sessions(SessionSelection(name=run["session_name"], limit=1))
        if not sessions:
            return False
        start = parse_time(run["start_time"])
        found = await self._store.find_runs(
            RunSelection(
                sessions=[sessions[0]["id"]],
                run_type=run["run_type"],
                started_from=start - _ROUNDING,
                started_to=start + _ROUNDING,
            )
        )
        return any(row["name"] == run["name"] and str(row["id"]) != run["id"] for row in found)


def _spans(message: ExportTraceServiceRequest) -> Iterator[tuple[Span, dict[str, Any]]]:
    for resource_spans in message.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            about = {"scope": scope_spans.scope.name, "resource": resource}
            for span in scope_spans.spans:
                yield span, about


def _read(span: Span, about: Mapping[str, Any], project: str | None, where: str) -> dict[str, Any]:
    """A span's run, as JSON has it; with its dotted order if it was one before it was a span."""
    if len(span.trace_id) != _TRACE_BYTES or len(span.span_id) != _SPAN_BYTES:
        raise ApiError(400, f"{where}: trace_id must have {_TRACE_BYTES} bytes and span_id {_SPAN_BYTES}")
    if len(span.parent_span_id) not in {0, _SPAN_BYTES} or not any(span.trace_id) or not any(span.span_id):
        raise ApiError(400, f"{where}: an id is zero, or parent_span_id has not {_SPAN_BYTES} bytes")
    try:
        run = _run(span, project)
    except (RecursionError, OverflowError, ValueError) as error:
        raise ApiError(400, f"{where}: {error!s:.200}") from None
    if "id" not in run:
        trace = int.from_bytes(span.trace_id, "big")
        run["id"] = str(run_id_of(trace, int.from_bytes(span.span_id, "big")))
        if any(span.parent_span_id):
            run["parent_run_id"] = str(_parent(span, trace))
        run["extra"]["otel"] = _origin(span, about)
    return run


def _changes(run: dict[str, Any], where: str) -> list[RunChange]:
    try:
        return _report(run, where) if "dotted_order" in run else [make_change("post", None, run, where)]
    except RecursionError:
        raise ApiError(400, f"{where}: is nested too deeply") from None


def _is_second_copy(about: Mapping[str, Any]) -> bool:
    """Whether LangSmith's client exported it, which may have sent the run itself as well: under another id."""
    return about["scope"] == _LANGSMITH and about["resource"].get("langsmith.internal_provider") is True


def _report(run: dict[str, Any], where: str) -> list[RunChange]:
    """What a span says of a run that has messages of its own: its place, and what they have not said."""
    place = make_change("post", None, {name: run[name] for name in _PLACE if name in run}, where)
    place.rank = Rank.OPENING
    rest = {name: value for name, value in run.items() if name not in _PLACE}
    content = make_change("post", UUID(run["id"]), rest, where)
    content.rank = Rank.NONE
    return [place, content]


def _run(span: Span, project: str | None) -> dict[str, Any]:
    events = [
        (event.name, format_time(event.time_unix_nano // 1000), _attributes(event.attributes))
        for event in span.events
    ]
    run = run_fields(
        span.name,
        _attributes(span.attributes),
        events,
        failed=span.status.code == _FAILED,
        message=span.status.message,
    )
    if project:
        run.setdefault("session_name", project)
    for field, nanoseconds in (
        ("start_time", span.start_time_unix_nano),
        ("end_time", span.end_time_unix_nano),
    ):
        if nanoseconds:
            run[field] = format_time(nanoseconds // 1000)
    return run


def _parent(span: Span, trace: int) -> UUID:
    """The run above: the one that the span's state names, if the parent is that one."""
    parent = int.from_bytes(span.parent_span_id, "big")
    for entry in span.trace_state.split(","):
        key, _, value = entry.strip().partition("=")
        if key == PARENT_STATE:
            try:
                named = UUID(value)
            except ValueError:
                continue
            if named.int & _LOW_64 == parent:
                return named
    return run_id_of(trace, parent)


def _origin(span: Span, about: Mapping[str, Any]) -> dict[str, Any]:
    kind = _KINDS[span.kind] if 0 <= span.kind < len(_KINDS) else _KINDS[0]
    origin = {**about, "trace_id": span.trace_id.hex(), "span_id": span.span_id.hex(), "kind": kind}
    links = [{"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex()} for link in span.links]
    return {**origin, "links": links} if links else origin


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return _text(value.bytes_value)
    return getattr(value, kind)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return base64.b64encode(data).decode()
