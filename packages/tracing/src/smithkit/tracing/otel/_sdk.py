"""What is used of OpenTelemetry: the one place that imports it, and says what to install where it is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.tracing.otel._settings import require

if TYPE_CHECKING:
    from collections.abc import Sequence

require()

from google.protobuf.message import DecodeError  # noqa: E402 - not without the check
from opentelemetry import context as contexts  # noqa: E402
from opentelemetry import trace  # noqa: E402
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans  # noqa: E402
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse  # noqa: E402
from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: E402
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor, TracerProvider  # noqa: E402
from opentelemetry.sdk.trace.id_generator import IdGenerator  # noqa: E402
from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: E402
from opentelemetry.trace import (  # noqa: E402
    INVALID_SPAN_CONTEXT,
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from opentelemetry.trace.span import TraceState  # noqa: E402

__all__ = [
    "INVALID_SPAN_CONTEXT",
    "SERVICE_NAME",
    "DecodeError",
    "Event",
    "ExportTraceServiceResponse",
    "IdGenerator",
    "InstrumentationScope",
    "Link",
    "NonRecordingSpan",
    "ReadableSpan",
    "Resource",
    "SpanContext",
    "SpanKind",
    "SpanProcessor",
    "Status",
    "StatusCode",
    "TraceFlags",
    "TraceState",
    "TracerProvider",
    "contexts",
    "encoded",
    "trace",
]


def encoded(spans: Sequence[ReadableSpan]) -> bytes:
    """The body of an OTLP request.

    Args:
        spans: What to send.
    """
    return bytes(encode_spans(spans).SerializeToString())
