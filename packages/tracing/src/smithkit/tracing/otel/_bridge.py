"""The current run and the current span, connected.

While a run of a client that exports spans is current, its span is OpenTelemetry's current one too: spans that
start inside are its children. And a run that starts inside of a span is its child: in OpenTelemetry's
tree if the run is exported, in the run's own tree if the span arrives as a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from smithkit.tracing import _otel
from smithkit.tracing._context import Scope, split
from smithkit.tracing.otel._places import own_context
from smithkit.tracing.otel._sdk import INVALID_SPAN_CONTEXT, NonRecordingSpan, contexts, trace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

    from smithkit.tracing.otel._exporter import OtelExporter
    from smithkit.tracing.otel._sdk import SpanContext
    from smithkit.tracing.run_trees import RunTree

__all__ = ["Bridge", "RunSpan", "SpanPlace", "activate"]


class SpanPlace(NamedTuple):
    """A place among runs.

    Attributes:
        dotted_order: Of the run.
        project: Its project.
        client: Its client.
    """

    dotted_order: str
    project: str | None
    client: Any

    def is_below(self, dotted_order: str) -> bool:
        """Whether this is below another run."""
        return self.dotted_order.startswith(f"{dotted_order}.")


class RunSpan(NonRecordingSpan):
    """What is OpenTelemetry's current span while a run is current.

    Its context is made when somebody asks for it, which in most runs nobody does.

    Args:
        run: The run.
        parent: The span above it, if that is not what its ids say.
        outer: What was current before.
    """

    def __init__(self, run: RunTree, parent: SpanContext | None, outer: Context) -> None:
        super().__init__(INVALID_SPAN_CONTEXT)
        self.run_id = run.id_text
        self.place = SpanPlace(run.dotted_order, run.session_name, run.ls_client)
        self.outer = outer
        self._trace_id = run.trace_id_text
        self._parent = parent
        self._made: SpanContext | None = None

    def get_span_context(self) -> SpanContext:
        """The place of the run's span."""
        if self._made is None:
            self._made = own_context(self.run_id, self._trace_id, self._parent)
        return self._made


class Bridge:
    """Told by runs when they become current, and by span processors where spans stand."""

    def __init__(self) -> None:
        self.spans: dict[tuple[int, int], SpanPlace | None] = {}
        """Trace and span id of open spans that a processor knows → the innermost run at or above them."""

    def around(self, scope: Scope | RunTree | None) -> Scope | RunTree | None:
        """What is current for a run that starts now: the run of a span, if that is further inside.

        Args:
            scope: What is current of tracing's own.
        """
        if not self.spans:
            return scope
        own = trace.get_current_span().get_span_context()
        place = self.spans.get((own.trace_id, own.span_id))
        run, block = split(scope)
        if place is None or (run is not None and not place.is_below(run.dotted_order)):
            return scope
        return _with_run(block, _as_run(place, run))

    def enter(self, run: RunTree) -> None:
        """A run becomes current.

        Args:
            run: It has been posted.
        """
        exporter: OtelExporter | None = None if run._local else getattr(run.ls_client, "otel_exporter", None)  # noqa: SLF001
        if exporter is None or exporter.drops(run.trace_id_text):
            return
        outer = contexts.get_current()
        span = trace.get_current_span(outer)
        if not isinstance(span, RunSpan) and (above := span.get_span_context()).is_valid:
            exporter.places.put(run.id_text, above)
        else:
            exporter.places.below(run.id_text, run._parent_id, run.trace_id_text)  # noqa: SLF001
        own = RunSpan(run, exporter.places.noted(run.id_text), outer)
        contexts.attach(trace.set_span_in_context(own, outer))

    def leave(self, run: RunTree) -> None:
        """A run is no longer current; it does not matter whether it was.

        Args:
            run: The run.
        """
        span = trace.get_current_span()
        if isinstance(span, RunSpan) and span.run_id == run.id_text:
            contexts.attach(span.outer)

    def suspend(self, run: RunTree) -> Context:
        """A run that goes on later is no longer current.

        Args:
            run: The run.

        Returns:
            What to `swap` in when it goes on.
        """
        inside = contexts.get_current()
        self.leave(run)
        return inside

    def swap(self, context: Context) -> Context:
        """Make another context OpenTelemetry's current one.

        Args:
            context: The other.

        Returns:
            What was current.
        """
        outer = contexts.get_current()
        contexts.attach(context)
        return outer


def activate() -> Bridge:
    """The bridge, from now on told of runs."""
    if _otel.bridge is None:
        _otel.bridge = Bridge()
    return _otel.bridge


def _as_run(place: SpanPlace, around: RunTree | None) -> RunTree:
    """A run as a parent for others; what is inherited comes from the run around its span."""
    from smithkit.tracing._propagation import remote_run

    given: Mapping[str, Any] = {} if place.project is None else {"project_name": place.project}
    inherited = {} if around is None else {"metadata": around.inherited_metadata()}
    run = remote_run(place.dotted_order, client=place.client, extra=inherited, **given)
    if around is not None:
        run.tags = around.tags_now()
    return run


def _with_run(block: Scope | None, run: RunTree) -> Scope | RunTree:
    if block is None:
        return run
    made = Scope(run, block.enabled)
    for name in ("project_name", "tags", "metadata", "client", "replicas", "distributed_parent_id"):
        setattr(made, name, getattr(block, name))
    return made
