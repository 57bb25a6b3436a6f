"""Spans as OpenTelemetry's exporter sends them: one protobuf body for a hundred, without compression, its default."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status
from spans import span

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

__all__ = ["HEADERS", "PATH", "body", "span_id", "trace_id"]

PATH = "/v1/traces"
HEADERS = {"Content-Type": "application/x-protobuf", "User-Agent": "OTel-OTLP-Exporter-Python/1.45.2"}
_RUNTIME = {
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.45.2",
    "service.name": "benchmark",
    "process.runtime.version": "3.11.7",
}

Attributes = dict[str, Any]


@lru_cache(maxsize=4096)
def _id(number: int) -> UUID:
    found: UUID = span(number)["id"]
    return found


def trace_id(one: dict[str, Any]) -> bytes:
    """Its trace's identifier, 16 bytes."""
    return _id(one["trace"]).bytes


def span_id(number: int) -> bytes:
    """A span's identifier, 8 bytes."""
    return _id(number).bytes[:8]


def body(
    batch: list[dict[str, Any]], resource: Attributes, attributes: Callable[[dict[str, Any]], Attributes]
) -> bytes:
    """A request's body; `attributes` says what a span is told with."""
    scoped = ScopeSpans(
        scope=InstrumentationScope(name="benchmark"),
        spans=[_span(one, attributes(one)) for one in batch],
    )
    whole = ResourceSpans(resource=Resource(attributes=_pairs(_RUNTIME | resource)), scope_spans=[scoped])
    return ExportTraceServiceRequest(resource_spans=[whole]).SerializeToString()


def _span(one: dict[str, Any], attributes: Attributes) -> Span:
    error = one["error"]
    return Span(
        trace_id=trace_id(one),
        span_id=one["id"].bytes[:8],
        parent_span_id=b"" if one["parent"] is None else span_id(one["parent"]),
        name=one["name"],
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=one["start"] * 1000,
        end_time_unix_nano=one["end"] * 1000,
        attributes=_pairs(attributes),
        status=Status(code=Status.STATUS_CODE_ERROR, message=error) if error else Status(),
    )


def _pairs(values: Attributes) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in values.items()]


def _value(value: Any) -> AnyValue:
    match value:
        case int():
            return AnyValue(int_value=value)
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=_pairs(value)))
        case list():
            return AnyValue(array_value=ArrayValue(values=[_value(one) for one in value]))
        case _:
            return AnyValue(string_value=value)
