"""Where runs stand in OpenTelemetry's trees.

A run's trace and span id follow from its own ids. A run that starts below a span of somebody else belongs
to that span's trace: such parents are kept here from the run's start to its export.
"""

from __future__ import annotations

from contextlib import suppress

from smithkit._conventions import PARENT_STATE
from smithkit.tracing._w3c import span_id_of, trace_id_of
from smithkit.tracing.otel._sdk import SpanContext, TraceFlags, TraceState

__all__ = ["SCOPE", "Places", "own_context"]

SCOPE = "smithkit.tracing"
"""Name of the instrumentation scope of runs' spans."""

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_MOST = 100_000  # runs that start and are never exported, such as those that a hook drops, leave an entry


class Places:
    """The parents of runs that are not what the runs' ids say."""

    def __init__(self) -> None:
        self._parents: dict[str, SpanContext] = {}

    def put(self, run_id: str, parent: SpanContext) -> None:
        """Note the span that a run starts below.

        Args:
            run_id: The run.
            parent: The span.
        """
        self._parents[run_id] = parent
        if len(self._parents) > _MOST:
            with suppress(KeyError, RuntimeError):  # another thread was faster
                del self._parents[next(iter(self._parents))]

    def noted(self, run_id: str) -> SpanContext | None:
        """The span that a run was noted to start below.

        Args:
            run_id: The run.
        """
        return self._parents.get(run_id)

    def forget(self, run_id: str) -> None:
        """A run is exported."""
        self._parents.pop(run_id, None)

    def parent(self, run_id: str, parent_id: str | None, trace_id: str) -> SpanContext | None:
        """The span that a run stands below; None for a root.

        Args:
            run_id: The run.
            parent_id: The run above it.
            trace_id: The trace of both.
        """
        noted = self._parents.get(run_id)
        return self.context(parent_id, trace_id) if noted is None and parent_id else noted

    def below(self, run_id: str, parent_id: str | None, trace_id: str) -> None:
        """Note that a run starts below another, if that one's place is not what its ids say.

        Args:
            run_id: The run.
            parent_id: The run above it.
            trace_id: The trace of both.
        """
        if parent_id is not None and parent_id in self._parents:
            self.put(run_id, self.context(parent_id, trace_id))

    def context(self, run_id: str, trace_id: str) -> SpanContext:
        """A run's own place.

        Args:
            run_id: The run.
            trace_id: Its trace.
        """
        return own_context(run_id, trace_id, self._parents.get(run_id))

    def headers(self, run_id: str, trace_id: str) -> dict[str, str]:
        """A run's own place, as W3C's headers say it.

        Args:
            run_id: The run.
            trace_id: Its trace.
        """
        own = self.context(run_id, trace_id)
        place = f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags & TraceFlags.SAMPLED:02x}"
        return {"traceparent": place, "tracestate": own.trace_state.to_header()}


def own_context(run_id: str, trace_id: str, parent: SpanContext | None) -> SpanContext:
    """The place of a run's span.

    Args:
        run_id: The run.
        trace_id: Its trace.
        parent: The span above it, if that is not what the ids say.
    """
    return SpanContext(
        trace_id_of(trace_id) if parent is None else parent.trace_id,
        span_id_of(run_id),
        is_remote=False,
        trace_flags=_SAMPLED if parent is None else parent.trace_flags,
        trace_state=_state(run_id, None if parent is None else parent.trace_state),
    )


def _state(run_id: str, above: TraceState | None) -> TraceState:
    """The state that spans below a run inherit: it names the run, whose whole id a span id cannot hold."""
    own = (PARENT_STATE, run_id.replace("-", ""))
    others = [(key, value) for key, value in (above or {}).items() if key != PARENT_STATE]
    return TraceState([own, *others])
