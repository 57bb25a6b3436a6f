"""Tracing's options of a client, resolved once: arguments before environment before defaults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from smithkit import environment
from smithkit.config import home
from smithkit.errors import LangSmithUserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Hide", "SpoolFolder", "TracingOptions", "resolve", "spool_folder"]

if TYPE_CHECKING:
    Hide = bool | Callable[[dict[str, Any]], Any] | None
    """True hides all, a function gives what is sent, anything else hides nothing."""
else:
    Hide = Any

_BUFFER_TIMEOUT_MS = 5000.0
_DEFAULT_QUEUE_BYTES = 64 * 1024 * 1024
_DEFAULT_SPOOL_BYTES = 256 * 1024 * 1024
_OFF = ("", "0", "false", "no", "off")
_ON = ("1", "true", "yes", "on")


class SpoolFolder(NamedTuple):
    """Where runs are kept until they are delivered.

    Attributes:
        folder: The folder.
        max_bytes: Bytes for each endpoint at most.
    """

    folder: Path
    max_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingOptions:
    """How a client traces.

    Attributes:
        auto_batch_tracing: Whether runs are sent in the background.
        anonymizer: Gives what is sent of a copy of inputs and outputs.
        hide_inputs: What to hide of inputs.
        hide_outputs: What to hide of outputs.
        hide_metadata: What to hide of metadata.
        omit_traced_runtime_info: Whether runs say nothing about machine and environment.
        process_buffered_run_ops: Called with lists of runs before they are queued.
        run_ops_buffer_size: How many runs are collected for it.
        run_ops_buffer_timeout_ms: Milliseconds after which an incomplete list is handed over.
        otel_tracer_provider: OpenTelemetry provider to export through.
        otel_enabled: Whether runs are exported as OpenTelemetry spans.
        tracing_sampling_rate: Share of traces to keep, or None for all.
        max_batch_size_bytes: Largest request body, or None for what the server says.
        tracing_error_callback: Called with what keeps runs from being delivered.
        max_queue_bytes: Bytes of runs that may wait.
        spool: Where runs are kept on disk until they are delivered, or None for nowhere.
    """

    auto_batch_tracing: bool = True
    anonymizer: Callable[[dict[str, Any]], Any] | None = None
    hide_inputs: Hide = None
    hide_outputs: Hide = None
    hide_metadata: Hide = None
    omit_traced_runtime_info: bool = False
    process_buffered_run_ops: Callable[[Sequence[dict[str, Any]]], Sequence[dict[str, Any]]] | None = None
    run_ops_buffer_size: int | None = None
    run_ops_buffer_timeout_ms: float = _BUFFER_TIMEOUT_MS
    otel_tracer_provider: Any = None
    otel_enabled: bool = False
    tracing_sampling_rate: float | None = None
    max_batch_size_bytes: int | None = None
    tracing_error_callback: Callable[[Exception], None] | None = None
    max_queue_bytes: int = _DEFAULT_QUEUE_BYTES
    spool: SpoolFolder | None = None


def resolve(options: Mapping[str, Any]) -> TracingOptions:
    """Resolve the constructor's options.

    Args:
        options: As given; an option that is absent has its default.

    Raises:
        LangSmithUserError: A sampling rate outside 0..1, or an environment variable that is no number.
        MissingPackageError: OpenTelemetry is asked for and not installed.
        ValueError: Only one of `process_buffered_run_ops` and `run_ops_buffer_size` is given.
    """
    get = options.get
    process, size = get("process_buffered_run_ops"), get("run_ops_buffer_size")
    if (process is None) != (not size):
        raise ValueError("Give process_buffered_run_ops and run_ops_buffer_size together, or neither.")
    timeout = get("run_ops_buffer_timeout_ms")
    return TracingOptions(
        auto_batch_tracing=get("auto_batch_tracing", True),
        anonymizer=get("anonymizer"),
        hide_inputs=_hide(get("hide_inputs"), "HIDE_INPUTS"),
        hide_outputs=_hide(get("hide_outputs"), "HIDE_OUTPUTS"),
        hide_metadata=_hide(get("hide_metadata"), "HIDE_METADATA"),
        omit_traced_runtime_info=get("omit_traced_runtime_info", False),
        process_buffered_run_ops=process,
        run_ops_buffer_size=size,
        run_ops_buffer_timeout_ms=_BUFFER_TIMEOUT_MS if timeout is None else timeout,
        otel_tracer_provider=get("otel_tracer_provider"),
        otel_enabled=_otel_enabled(get("otel_enabled"), get("otel_tracer_provider")),
        tracing_sampling_rate=_sampling_rate(get("tracing_sampling_rate")),
        max_batch_size_bytes=get("max_batch_size_bytes"),
        tracing_error_callback=get("tracing_error_callback"),
        max_queue_bytes=int(_number("MAX_INGEST_MEMORY_BYTES", _DEFAULT_QUEUE_BYTES) or 0),
        spool=_spool(),
    )


def spool_folder(folder: str | Path | None = None, max_bytes: int | None = None) -> SpoolFolder:
    """Where to keep runs.

    Args:
        folder: A folder. Default: ``spool`` in `smithkit.config.home()`.
        max_bytes: Bytes for each endpoint at most. Default: ``LANGSMITH_TRACING_SPOOL_MAX_BYTES``, else 256 MiB.

    Raises:
        LangSmithUserError: `max_bytes` is not positive.
    """
    limit = _number("TRACING_SPOOL_MAX_BYTES", _DEFAULT_SPOOL_BYTES) if max_bytes is None else max_bytes
    if not limit or limit < 1:
        raise LangSmithUserError(f"The spool's max_bytes must be positive, not {limit}.")
    return SpoolFolder(home() / "spool" if folder is None else Path(folder).expanduser(), int(limit))


def _spool() -> SpoolFolder | None:
    given = (environment.get("TRACING_SPOOL") or "").strip()
    if given.lower() in _OFF:
        return None
    return spool_folder(None if given.lower() in _ON else given)


def _hide(given: Hide, name: str) -> Hide:
    return environment.is_true(name) if given is None else given


def _otel_enabled(given: bool | None, provider: Any) -> bool:  # noqa: FBT001 - the client's option
    """Whether runs are exported as spans; a provider to export through says so too."""
    if given is False or not (given or provider is not None or environment.is_truish("OTEL_ENABLED")):
        return False
    from smithkit.tracing.otel._settings import check

    check(provider)
    return True


def _sampling_rate(given: float | None) -> float | None:
    rate = _number("TRACING_SAMPLING_RATE", None) if given is None else given
    if rate is not None and not 0 <= rate <= 1:
        raise LangSmithUserError(
            f"tracing_sampling_rate (LANGSMITH_TRACING_SAMPLING_RATE) must be between 0 and 1, not {rate}."
        )
    return rate


def _number(name: str, default: float | None) -> float | None:
    text = environment.get(name)
    if text is None:
        return default
    try:
        return float(text)
    except ValueError:
        raise LangSmithUserError(f"LANGSMITH_{name} must be a number, not {text!r:.40}.") from None
