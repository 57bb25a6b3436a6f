"""Spans of instrumented libraries, as runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit._conventions import is_generative, run_fields, run_id_of
from smithkit.tracing._context import current, split
from smithkit.tracing._default_client import default_client
from smithkit.tracing._identity import dotted_segment, iso
from smithkit.tracing._report import report
from smithkit.tracing._switch import environment_project
from smithkit.tracing.otel._bridge import RunSpan, SpanPlace, activate
from smithkit.tracing.otel._places import SCOPE
from smithkit.tracing.otel._sdk import SpanProcessor, StatusCode, trace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context

    from smithkit.tracing.otel._sdk import ReadableSpan

__all__ = ["OtelSpanProcessor", "SmithkitSpanProcessor", "generative_spans"]

_KNOWN_SCOPES = (
    "agno", "ai", "autogen", "crewai", "dspy", "gcp.vertex.agent", "haystack", "langchain", "litellm",
    "llama_index", "openinference.instrumentation", "openlit", "pydantic-ai", "semantic_kernel", "smolagents",
    "strands", "traceloop",
    *(
        f"opentelemetry.instrumentation.{library}"
        for library in (
            "anthropic", "bedrock", "cohere", "crewai", "google_genai", "google_generativeai", "groq",
            "haystack", "langchain", "llamaindex", "mcp", "mistralai", "ollama", "openai", "openai_agents",
            "openai_v2", "replicate", "sagemaker", "together", "transformers", "vertexai", "watsonx", "writer",
        )
    ),
)  # fmt: skip
"""Instrumentation scopes, with what stands below them, that speak of language models."""

_OWN_SCOPES = frozenset({SCOPE, "langsmith"})
_ID_LENGTH = 36
_MOST = 100_000  # spans that never end leave an entry


def generative_spans(span: ReadableSpan) -> bool:
    """Whether a span is about language models: by who made it, or by its attributes.

    This is what `SmithkitSpanProcessor` lets through by default.

    Args:
        span: A span that starts or has ended.
    """
    scope = span.instrumentation_scope
    name = "" if scope is None else scope.name
    known = any(name == prefix or name.startswith(f"{prefix}.") for prefix in _KNOWN_SCOPES)
    return known or is_generative(span.attributes or {})


class SmithkitSpanProcessor(SpanProcessor):
    """Sends spans of your own tracer provider as runs.

    A span inside of a run becomes its child, and a traced function inside of a span the child of that. Only
    spans about language models are sent unless you say otherwise: a provider is shared with everything that
    the program is made of, whose URLs, queries and users are nobody else's business. What is sent passes
    the client's rules (`hide_inputs`, `anonymizer`, `process_runs`) like any other run. A span that is left
    out is no gap: what is below it hangs on what is above it.

    Args:
        client: Client to send with. Default: one of `url` and `api_key`, else the default client.
        project: Project of traces that begin with a span; spans inside of runs go with them.
        api_key: Key of a client of its own.
        url: Base URL of a client of its own.
        span_filter: Says of a span that starts, and of one that ends, whether it is sent. Whether children
            hang on it is decided when it starts.

    Raises:
        MissingPackageError: The extra is not installed.

    Example:
        >>> from opentelemetry.sdk.trace import TracerProvider
        >>> from smithkit import Client
        >>> from smithkit.tracing.otel import SmithkitSpanProcessor
        >>> client = Client()
        >>> provider = TracerProvider()
        >>> provider.add_span_processor(SmithkitSpanProcessor(client, project="shop"))
        >>> with provider.get_tracer("shop").start_as_current_span("chat", attributes={"gen_ai.system": "openai"}):
        ...     pass
        >>> client.flush()
        >>> [run.name for run in client.list_runs(project_name="shop")]
        ['chat']
    """

    def __init__(
        self,
        client: Any = None,
        *,
        project: str | None = None,
        api_key: str | None = None,
        url: str | None = None,
        span_filter: Callable[[ReadableSpan], bool] = generative_spans,
    ) -> None:
        if client is None and (api_key is not None or url is not None):
            from smithkit import Client

            client = Client(url, api_key=api_key)
        self._client = client
        self._project = project
        self._filter = span_filter
        self._bridge = activate()
        self._places: dict[tuple[int, int], tuple[SpanPlace, bool]] = {}

    def on_start(self, span: ReadableSpan, parent_context: Context | None = None) -> None:
        """Find the span's place among the runs."""
        if _is_own(span):
            return
        try:
            self._place(span, parent_context)
        except Exception as error:  # noqa: BLE001 - tracing must not break the traced program
            report("a span is not traced", error)

    def on_end(self, span: ReadableSpan) -> None:
        """Send the span as a run."""
        key = _key(span)
        self._bridge.spans.pop(key, None)
        place, kept = self._places.pop(key, (None, False))
        context: Any = span.get_span_context()
        if place is None or not context.trace_flags.sampled:
            return
        try:
            if kept or self._filter(span):
                client = place.client or self._client or default_client()
                if client is not None:
                    client.submit_post(_run(span, place))
        except Exception as error:  # noqa: BLE001 - tracing must not break the traced program
            report("a span is not traced", error)

    def shutdown(self) -> None:
        """Send what is queued; the client stays usable."""
        self.force_flush()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what is queued.

        Args:
            timeout_millis: Milliseconds to wait at most.

        Returns:
            True.
        """
        client = self._client or default_client()
        if client is not None:
            client.flush(timeout_millis / 1000)
        return True

    def _place(self, span: ReadableSpan, parent_context: Context | None) -> None:
        above = self._above(parent_context)
        trace_id, span_id = key = _key(span)
        segment = dotted_segment(span.start_time or 0, str(run_id_of(trace_id, span_id)))
        place = SpanPlace(
            segment if above is None else f"{above.dotted_order}.{segment}",
            (self._project or environment_project()) if above is None else above.project,
            self._client if above is None or self._client is not None else above.client,
        )
        kept = self._filter(span)
        self._places[key] = (place, kept)
        self._bridge.spans[key] = place if kept else above
        for places in (self._places, self._bridge.spans):
            if len(places) > _MOST:
                places.pop(next(iter(places)), None)

    def _above(self, parent_context: Context | None) -> SpanPlace | None:
        """The innermost run that a span starts in."""
        parent = trace.get_current_span(parent_context)
        if isinstance(parent, RunSpan):
            return parent.place
        context = parent.get_span_context()
        place = self._bridge.spans.get((context.trace_id, context.span_id))
        run = split(current.get())[0]
        if run is None or run._local or (place is not None and not _is_below(run.dotted_order, place)):  # noqa: SLF001
            return place
        return SpanPlace(run.dotted_order, run.session_name, run.ls_client)


OtelSpanProcessor = SmithkitSpanProcessor
"""`SmithkitSpanProcessor`, by the name that it has in LangSmith's own package."""


def _is_below(dotted_order: str, place: SpanPlace) -> bool:
    return dotted_order.startswith(f"{place.dotted_order}.")


def _is_own(span: ReadableSpan) -> bool:
    """Whether it is a run already, on its way through the provider."""
    scope = span.instrumentation_scope
    return scope is not None and scope.name in _OWN_SCOPES


def _key(span: ReadableSpan) -> tuple[int, int]:
    context: Any = span.get_span_context()
    return context.trace_id, context.span_id


def _run(span: ReadableSpan, place: SpanPlace) -> dict[str, Any]:
    events = [(event.name, iso(event.timestamp), _plain(event.attributes or {})) for event in span.events]
    failed = span.status.status_code is StatusCode.ERROR
    run = run_fields(
        span.name, _plain(span.attributes or {}), events, failed=failed, message=span.status.description or ""
    )
    segments = place.dotted_order.split(".")
    scope, context = span.instrumentation_scope, _key(span)
    run["extra"]["otel"] = {
        "scope": "" if scope is None else scope.name,
        "resource": _plain(span.resource.attributes),
        "trace_id": f"{context[0]:032x}",
        "span_id": f"{context[1]:016x}",
        "kind": span.kind.name.lower(),
    }
    run.pop("parent_run_id", None)
    if len(segments) > 1:
        run["parent_run_id"] = segments[-2][-_ID_LENGTH:]
    return run | {
        "id": segments[-1][-_ID_LENGTH:],
        "trace_id": segments[0][-_ID_LENGTH:],
        "dotted_order": place.dotted_order,
        "session_name": place.project or run.get("session_name") or environment_project(),
        "start_time": iso(span.start_time or 0),
        "end_time": iso(span.end_time or span.start_time or 0),
    }


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in attributes.items()}
