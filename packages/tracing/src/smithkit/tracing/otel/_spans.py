"""From a run to its span, with the run's own times."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from smithkit._version import __version__
from smithkit.tracing._identity import from_iso, parse_dotted_order
from smithkit.tracing._w3c import span_id_of, trace_id_of
from smithkit.tracing.otel._attributes import attributes_of
from smithkit.tracing.otel._places import SCOPE
from smithkit.tracing.otel._sdk import (
    SERVICE_NAME,
    Event,
    InstrumentationScope,
    ReadableSpan,
    Resource,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from smithkit.tracing.otel._places import Places

__all__ = ["own_resource", "span_of"]

_SCOPE = InstrumentationScope(SCOPE, __version__)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_REMOTE = ("llm", "embedding")
_ERROR = re.compile(r"([A-Za-z_][\w.]*)\((.*)\)\s*\Z", re.DOTALL)


def own_resource() -> Resource:
    """The resource of spans that smithkit exports itself: the environment's, with a name in any case."""
    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    return Resource.create({} if named else {SERVICE_NAME: "smithkit"})


def span_of(run: Mapping[str, Any], places: Places, resource: Resource) -> ReadableSpan:
    """The span of a run.

    Args:
        run: The run, as its messages say it; JSON-ready.
        places: Where runs stand.
        resource: What the program is.
    """
    run_id, trace_id = str(run["id"]), str(run.get("trace_id") or run["id"])
    parent = places.parent(run_id, run.get("parent_run_id"), trace_id)
    start, end = _times(run)
    failure = run.get("error")
    return ReadableSpan(
        name=str(run.get("name") or "run"),
        context=SpanContext(
            trace_id_of(trace_id) if parent is None else parent.trace_id,
            span_id_of(run_id),
            is_remote=False,
            trace_flags=_SAMPLED,
        ),
        parent=parent,
        resource=resource,
        attributes=attributes_of(run) | ({"error.type": _error(failure)[0]} if failure else {}),
        events=tuple(_events(run, end)),
        kind=SpanKind.CLIENT if run.get("run_type") in _REMOTE else SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR, str(failure)) if failure else Status(StatusCode.OK),
        start_time=start,
        end_time=end,
        instrumentation_scope=_SCOPE,
    )


def _times(run: Mapping[str, Any]) -> tuple[int, int]:
    """Start and end in nanoseconds; what is not known is taken from the dotted order, or is the other."""
    start = _time(run.get("start_time"))
    if start is None and run.get("dotted_order"):
        try:
            start = parse_dotted_order(str(run["dotted_order"]))[-1][0]
        except ValueError:
            start = None
    end = _time(run.get("end_time"))
    start = start if start is not None else end or 0
    return start, max(start, end or start)


def _time(value: Any) -> int | None:
    if isinstance(value, int | float):
        return int(value * 1_000_000)  # milliseconds, as the API takes them
    try:
        return from_iso(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _events(run: Mapping[str, Any], end: int) -> Iterator[Event]:
    for event in run.get("events") or ():
        if isinstance(event, dict):
            rest = {key: value for key, value in event.items() if key not in {"name", "time", "kwargs"}}
            given = event.get("kwargs")
            rest |= given if isinstance(given, dict) else {}
            yield Event(
                str(event.get("name") or "event"),
                {
                    str(key): value if isinstance(value, str | int | float) else str(value)
                    for key, value in rest.items()
                },
                _time(event.get("time")) or end,
            )
    if run.get("error"):
        kind, message = _error(run["error"])
        yield Event(
            "exception",
            {
                "exception.type": kind,
                "exception.message": message,
                "exception.stacktrace": str(run["error"]),
            },
            end,
        )


def _error(text: Any) -> tuple[str, str]:
    """Type and message of an error's text, which begins with the exception's `repr`."""
    head = str(text).partition("\n\n")[0]
    found = _ERROR.match(head)
    return (found[1], found[2].strip("'\"")) if found else ("error", head)
