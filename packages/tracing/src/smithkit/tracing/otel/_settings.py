"""What the environment says about OpenTelemetry.

====================================  ===================================================================
``LANGSMITH_OTEL_ENABLED``            whether runs are exported as spans
``LANGSMITH_OTEL_ONLY``               … and nothing is sent to the LangSmith API's own endpoints
``LANGSMITH_OTEL_SPAN_TTL_SECONDS``   after how long a run that does not end is exported as it is (3600)
``OTEL_EXPORTER_OTLP_ENDPOINT``       where spans go; ``…_TRACES_ENDPOINT`` is the whole URL.
                                      Default: ``{api_url}/otel/v1/traces``
``OTEL_EXPORTER_OTLP_HEADERS``        headers of these requests, ``name=value,…``; also ``…_TRACES_HEADERS``
``OTEL_EXPORTER_OTLP_COMPRESSION``    ``gzip`` or ``none``; also ``…_TRACES_COMPRESSION``
``OTEL_SERVICE_NAME``                 name of the resource, and all else that OpenTelemetry's SDK reads for it
====================================  ===================================================================
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote, unquote

from smithkit import environment
from smithkit.errors import LangSmithUserError, MissingPackageError
from smithkit.tracing._switch import environment_project

__all__ = ["check", "compression", "headers", "only", "require", "ttl", "url"]

_PATH = "/otel/v1/traces"
_TTL_SECONDS = 3600.0
_MODULES = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.common.trace_encoder")


def check(provider: Any) -> None:
    """Check, when a client is made, what spans will need when they are made.

    Args:
        provider: The client's `otel_tracer_provider`.

    Raises:
        MissingPackageError: The extra is not installed.
        LangSmithUserError: The provider is none, or a number of the environment is none.
    """
    require()
    ttl()
    if provider is not None and not hasattr(provider, "get_tracer"):
        raise LangSmithUserError(
            f"otel_tracer_provider must be an OpenTelemetry TracerProvider, not a {type(provider).__name__}."
        )


def require() -> None:
    """Check that the extra is installed.

    Raises:
        MissingPackageError: It is not.
    """
    from importlib.util import find_spec

    for module in _MODULES:
        try:
            found = find_spec(module) is not None
        except ImportError:  # not even its parent is there
            found = False
        if not found:
            raise MissingPackageError(
                f"{module} is not installed, which OpenTelemetry needs: pip install 'smithkit-tracing[otel]'"
            )


def only() -> bool:
    """Whether they leave as spans alone."""
    return environment.is_truish("OTEL_ONLY")


def ttl() -> float:
    """Seconds after which a run that does not end is exported as it is.

    Raises:
        LangSmithUserError: The environment's value is no number.
    """
    text = environment.get("OTEL_SPAN_TTL_SECONDS")
    try:
        return _TTL_SECONDS if text is None else float(text)
    except ValueError:
        raise LangSmithUserError(
            f"LANGSMITH_OTEL_SPAN_TTL_SECONDS must be a number of seconds, not {text!r:.40}."
        ) from None


def url() -> str:
    """Where spans go: a URL, or a path below the client's `api_url`."""
    whole = _signal("ENDPOINT", of_traces=True)
    if whole:
        return whole
    base = _signal("ENDPOINT")
    return f"{base.rstrip('/')}/v1/traces" if base else _PATH


def headers() -> dict[str, str]:
    """Headers of requests with spans, in addition to those of the endpoint itself."""
    own = {"Langsmith-Project": quote(environment_project(), safe=" ")} if url() == _PATH else {}
    pairs = (
        item.partition("=") for item in (_signal("HEADERS", of_traces=True) or _signal("HEADERS")).split(",")
    )
    return own | {unquote(name.strip()): unquote(value.strip()) for name, _, value in pairs if name.strip()}


def compression() -> str:
    """``gzip``, or nothing."""
    given = (_signal("COMPRESSION", of_traces=True) or _signal("COMPRESSION")).lower()
    return given if given == "gzip" else ""


def _signal(name: str, *, of_traces: bool = False) -> str:
    return os.environ.get(f"OTEL_EXPORTER_OTLP_{'TRACES_' if of_traces else ''}{name}", "").strip()
