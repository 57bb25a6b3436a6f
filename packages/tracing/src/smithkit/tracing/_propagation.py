"""A run's place in its trace, as headers of a request, and back.

``langsmith-trace`` holds the place, ``baggage`` what goes along with it. Where spans are exported too,
``traceparent`` says the same to OpenTelemetry. Only the first two are read: a ``traceparent`` does not
name a run, and who called is OpenTelemetry's to find out. Nothing here raises for what comes in.
"""

# ruff: noqa: SLF001 - the modules that make and send runs share a run's slots

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from smithkit import environment
from smithkit.tracing import _baggage, _otel
from smithkit.tracing._identity import parse_dotted_order
from smithkit.tracing._report import report
from smithkit.tracing._w3c import format_traceparent
from smithkit.tracing.run_trees import RunTree

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["as_parent", "from_headers", "remote_run", "to_headers"]

_TRACE = "langsmith-trace"
_BAGGAGE = "baggage"
_TRACEPARENT = "traceparent"
_TRACESTATE = "tracestate"
_MOST_CHARACTERS = 65_536
_MOST_DEEP = 1000


def to_headers(
    run: RunTree, headers: Mapping[str, str] | None = None, *, traceparent: bool | None = None
) -> dict[str, str]:
    """Headers for a request to a service that continues the run's trace.

    Args:
        run: The run.
        headers: Headers that the request has already.
        traceparent: Whether to write ``traceparent``; None for where spans are exported.
    """
    found = dict(headers or {})
    ours = {_TRACE: run.dotted_order}
    foreign = ",".join(value for name, value in found.items() if name.lower() == _BAGGAGE)
    baggage = _baggage.merged(foreign, _baggage.written(run))
    if baggage:
        ours[_BAGGAGE] = baggage
    replaced = {_TRACE, _BAGGAGE}
    if _exports_spans(run) if traceparent is None else traceparent:
        with contextlib.suppress(ValueError):  # a trace whose id the program made up
            ours |= _span_headers(run)
            replaced |= {_TRACEPARENT, _TRACESTATE}  # the state of another trace says nothing of this one
    return {name: value for name, value in found.items() if name.lower() not in replaced} | ours


def from_headers(headers: Mapping[Any, Any], **kwargs: Any) -> RunTree | None:
    """The caller's run, or None where the headers name none."""
    found = _headers(headers)
    dotted_order = found.get(_TRACE, "").strip()
    if not dotted_order:
        return None
    carried = _baggage.read(found.get(_BAGGAGE, ""))
    extra = dict(kwargs.pop("extra", None) or {})
    extra["metadata"] = {**carried.metadata, **(extra.get("metadata") or {})}
    kwargs["extra"] = extra
    kwargs["tags"] = [*carried.tags, *(kwargs.get("tags") or ())]
    if carried.project:
        kwargs.pop("project_name", None)
        kwargs["session_name"] = carried.project
    try:
        return remote_run(dotted_order, **kwargs)
    except ValueError:
        report(f"the {_TRACE} header of a request is ignored: it is not a dotted order")
        return None


def remote_run(dotted_order: str, **kwargs: Any) -> RunTree:
    """A run of another process, of its dotted order.

    Raises:
        ValueError: It is not a dotted order.
    """
    if len(dotted_order) > _MOST_CHARACTERS or dotted_order.count(".") > _MOST_DEEP:
        raise ValueError("a dotted order of this length is not accepted")
    runs = parse_dotted_order(dotted_order)
    given = {
        "name": "parent",
        "run_type": "chain",
        **kwargs,
        "id": runs[-1][1],
        "trace_id": runs[0][1],
        "parent_run_id": runs[-2][1] if len(runs) > 1 else None,
        "dotted_order": dotted_order,
    }
    run = RunTree(**given)
    run._posted = True
    run.distributed_parent_id = run.id_text
    return run


def as_parent(value: Any, project_name: str | None = None) -> RunTree | None:
    """A parent in any of the forms in which one may be given.

    Args:
        value: A `RunTree`, the headers of a request, or a dotted order.
        project_name: Project of a parent whose headers name none.

    Returns:
        The parent; None for anything else, which is logged where it looks like a mistake.
    """
    if isinstance(value, RunTree):
        return value
    given = {"project_name": project_name} if project_name else {}
    if isinstance(value, str):
        try:
            return remote_run(value, **given)
        except ValueError as error:
            report("a parent is ignored: the text is not a dotted order", error)
            return None
    if hasattr(value, "items"):
        return from_headers(value, **given)
    report(f"a parent is ignored: {type(value).__name__} is neither run, headers nor dotted order")
    return None


def _headers(headers: Mapping[Any, Any]) -> dict[str, str]:
    """The two headers that matter, of names and values that are text or bytes in any case."""
    found: dict[str, str] = {}
    try:
        for name, value in headers.items():
            key = _text(name).lower()
            if key in {_TRACE, _BAGGAGE} and len(value) <= _MOST_CHARACTERS:
                found.setdefault(key, _text(value))
    except Exception as error:  # noqa: BLE001 - whatever a framework gives as headers
        report("headers of a request could not be read", error)
    return found


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _span_headers(run: RunTree) -> dict[str, str]:
    """The run's span for OpenTelemetry: where it really stands, which may be in the trace of somebody's span.

    Raises:
        ValueError: The trace's id is none.
    """
    exporter = None if _otel.bridge is None else getattr(run.ls_client, "otel_exporter", None)
    if exporter is None:
        return {_TRACEPARENT: format_traceparent(run.trace_id_text, run.id_text)}
    headers: dict[str, str] = exporter.places.headers(run.id_text, run.trace_id_text)
    return headers


def _exports_spans(run: RunTree) -> bool:
    """Whether spans of the run go to OpenTelemetry: else nobody would know the one that a header names."""
    state = getattr(run.ls_client, "state", None)
    options = state.get("tracing") if isinstance(state, dict) else None
    given = getattr(options, "otel_enabled", None)
    return environment.is_truish("OTEL_ENABLED") if given is None else bool(given)
