"""OpenTelemetry, both ways: runs leave as spans, and spans arrive as runs. ``pip install 'smithkit-tracing[otel]'``.

``Client(otel_enabled=True)``, or ``LANGSMITH_OTEL_ENABLED=true``, exports runs as spans beside sending them;
with ``LANGSMITH_OTEL_ONLY=true`` they leave as spans alone. `SmithkitSpanProcessor`, added to a tracer provider
of your own, sends the spans of instrumented libraries as runs. The global provider is never set, nor added to.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smithkit.tracing.otel._exporter import OtelExporter
    from smithkit.tracing.otel._processor import OtelSpanProcessor, SmithkitSpanProcessor, generative_spans
else:
    from smithkit._lazy import lazy_names

    __getattr__, __dir__ = lazy_names(
        globals(),
        {
            "_exporter": ("OtelExporter",),
            "_processor": ("OtelSpanProcessor", "SmithkitSpanProcessor", "generative_spans"),
        },
    )

__all__ = ["OtelExporter", "OtelSpanProcessor", "SmithkitSpanProcessor", "generative_spans"]
