"""The export of a client's runs as spans.

runs → redaction → `Op` → a lane of their own → `OpenRuns` → span → OTLP/HTTP, or the user's tracer provider
"""

from __future__ import annotations

import gzip
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from smithkit.errors import LangSmithError
from smithkit.tracing.otel import _settings
from smithkit.tracing.otel._open_runs import OpenRuns
from smithkit.tracing.otel._places import SCOPE, Places
from smithkit.tracing.otel._sdk import (
    DecodeError,
    ExportTraceServiceResponse,
    IdGenerator,
    contexts,
    encoded,
    trace,
)
from smithkit.tracing.otel._spans import own_resource, span_of
from smithkit.tracing.pipeline._decoded import decoded
from smithkit.tracing.pipeline._delivery import Delivery, Encoding
from smithkit.tracing.pipeline._mode import Mode, ServerMode
from smithkit.tracing.pipeline._multipart import Body
from smithkit.tracing.pipeline._snapshot import AUTH, ID, MAIN, WEIGHT, run_op
from smithkit.tracing.pipeline._target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smithkit.operations import Response
    from smithkit.tracing._options import TracingOptions
    from smithkit.tracing.otel._sdk import ReadableSpan
    from smithkit.tracing.pipeline._sampling import Sampler
    from smithkit.tracing.pipeline._sender import Lane
    from smithkit.tracing.pipeline._snapshot import Op, Operation

__all__ = ["DirectSpans", "OtelExporter", "SpanMode"]

_HERE = Target(None, {})


class OtelExporter:
    """A client's export of runs as spans: what `client.otel_exporter` is while there is one.

    Args:
        options: The client's options.
        sampler: Draws its traces, if anything does.

    Attributes:
        only: Whether runs leave as spans alone.
        provider: The tracer provider that spans go through; None for smithkit's own OTLP/HTTP.
        places: Where runs stand in OpenTelemetry's trees.
    """

    def __init__(self, options: TracingOptions, sampler: Sampler | None = None) -> None:
        self.only = _settings.only()
        self.provider = options.otel_tracer_provider
        self.places = Places()
        self._sampler = sampler
        self._ttl = _settings.ttl()
        self._capacity = options.max_queue_bytes
        self._resource = own_resource()

    def drops(self, trace_id: str) -> bool:
        """Whether a trace was not drawn.

        Args:
            trace_id: The trace.
        """
        return self._sampler is not None and self._sampler.drops(trace_id)

    def delivery(self, *given: Any, keeps: bool) -> Delivery:
        """What takes the place of a lane's delivery.

        Args:
            given: The arguments of `Delivery`.
            keeps: See there.
        """
        kind = _OverHttp if self.provider is None else _ThroughProvider
        return kind(self, OpenRuns(self._ttl, self._capacity), *given, keeps=keeps)

    def spans(self, ops: Sequence[Op]) -> list[ReadableSpan]:
        """The spans of runs.

        Args:
            ops: Runs that have ended.
        """
        return [span_of(decoded(op), self.places, self._resource) for op in ops]


class SpanMode(ServerMode):
    """How spans are sent: the server has no say in it, and is not asked."""

    def _ask(self) -> Mode:
        return Mode()


class DirectSpans:
    """Takes runs that go to the API in requests of their own, or would.

    Args:
        lane: The lane of spans.
        dumps: Encoder.
        then: What sends them to the API; None if nothing does.
    """

    def __init__(self, lane: Lane, dumps: Callable[[Any], bytes], then: Any) -> None:
        self._lane = lane
        self._dumps = dumps
        self._then = then

    def write(self, operation: Operation, run: dict[str, Any], auth: tuple[Any, ...] | None) -> None:
        """Export a run, and send it on.

        Args:
            operation: ``post`` or ``patch``.
            run: The run, or its changes.
            auth: Its own credentials.

        Raises:
            LangSmithError: It could not be sent to the API.
        """
        self._lane.put(_without_place(operation, dict(run), self._dumps, auth))
        if self._then is not None:
            self._then.write(operation, run, auth)


def _without_place(
    operation: Operation, run: dict[str, Any], dumps: Callable[[Any], bytes], auth: tuple[Any, ...] | None
) -> Op:
    """The op of a run that need not have a place in a trace; where it has none, it is a root."""
    run["dotted_order"] = run.get("dotted_order") or ""
    if operation == "post":
        run["trace_id"] = run.get("trace_id") or run["id"]
    else:
        run.setdefault("trace_id", None)
    op = run_op(operation, run, dumps, auth, with_runtime=False)
    names, values, mixed = op[MAIN]
    main = names, tuple(None if value == "" else value for value in values), mixed
    return (*op[:MAIN], main, *op[MAIN + 1 :])


class _SpanDelivery(Delivery):
    """Delivers runs when they have ended."""

    def __init__(self, exporter: OtelExporter, open_runs: OpenRuns, *given: Any, keeps: bool) -> None:
        super().__init__(*given, keeps=keeps)
        self._exporter = exporter
        self._open = open_runs

    def deliver(self, ops: Sequence[Op], target: Target, encoding: Encoding) -> list[Op]:  # noqa: ARG002 - as every delivery
        """Deliver the runs that have ended; those with credentials of their own are somebody else's."""
        if ops and ops[0][AUTH] is not None:
            self.stats.dropped += sum(op[WEIGHT] for op in ops)
            self._report.warn("own credentials", "Runs with credentials of their own do not leave as spans")
            return []
        ended, lost = self._open.take(ops)
        if lost:
            self.stats.dropped += sum(op[WEIGHT] for op in lost)
            self._report.warn("open runs", "Runs that never ended were not exported as spans", len(lost))
        if ended:
            self._attempt(ended, _HERE, Encoding.JSON)  # JSON: there is no other form to fall back to
        for op in (*ended, *lost):
            self._exporter.places.forget(op[ID])
        return []


class _OverHttp(_SpanDelivery):
    """OTLP/HTTP, over the client's transport: with its retries, its credentials at its own endpoints alone."""

    def _encode(self, ops: Sequence[Op], encoding: Encoding) -> tuple[str, Body]:  # noqa: ARG002 - as every delivery
        content = encoded(self._exporter.spans(ops))
        headers: dict[str, str | None] = {"Content-Type": "application/x-protobuf", **_settings.headers()}
        if _settings.compression():
            content = gzip.compress(content)
            headers["Content-Encoding"] = "gzip"
        return _settings.url(), Body(content, headers)

    def _count_sent(self, ops: Sequence[Op], body: Body, answer: Response) -> None:
        rejected, reason = _rejected(answer.content)
        refused = list(ops[len(ops) - min(rejected, len(ops)) :])  # it does not say which
        if refused:
            self.stats.failed += sum(op[WEIGHT] for op in refused)
            error = LangSmithError(f"{rejected} spans were not accepted: {reason:.500}")
            self._report.undelivered(error, refused)
        super()._count_sent(ops[: len(ops) - len(refused)], body, answer)


def _rejected(answer: bytes) -> tuple[int, str]:
    """How many spans an answer says were not accepted, and why."""
    message = ExportTraceServiceResponse()
    try:
        message.ParseFromString(answer)
    except DecodeError:  # some answer with a text of their own
        return 0, ""
    return message.partial_success.rejected_spans, message.partial_success.error_message


class _ThroughProvider(_SpanDelivery):
    """The user's own tracer provider: its sampler, its processors, its exporters."""

    def _attempt(self, ops: Sequence[Op], target: Target, encoding: Encoding) -> list[Op]:  # noqa: ARG002 - as every delivery
        provider: Any = self._exporter.provider
        tracer = provider.get_tracer(SCOPE)
        tracer.id_generator = _ids
        for span in self._exporter.spans(ops):
            _replay(span, tracer)
        self.stats.sent += sum(op[WEIGHT] for op in ops)
        return []


class _Ids(IdGenerator):
    """Gives the ids of the run that is being written."""

    def __init__(self) -> None:
        self.current: ContextVar[Any] = ContextVar("smithkit_otel_ids")

    def generate_span_id(self) -> int:
        found: int = self.current.get().span_id
        return found

    def generate_trace_id(self) -> int:
        found: int = self.current.get().trace_id
        return found


_ids = _Ids()


def _replay(span: ReadableSpan, tracer: Any) -> None:
    """Write a span again, through the processors of a provider."""
    own: Any = span.get_span_context()
    parent = None if span.parent is None else trace.NonRecordingSpan(span.parent)
    context = contexts.Context() if parent is None else trace.set_span_in_context(parent, contexts.Context())
    _ids.current.set(own)
    written = tracer.start_span(
        span.name, context, span.kind, span.attributes, start_time=span.start_time, links=span.links
    )
    for event in span.events:
        written.add_event(event.name, event.attributes, event.timestamp)
    written.set_status(span.status)
    written.end(span.end_time)
