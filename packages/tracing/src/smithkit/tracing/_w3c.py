"""A run's place in its trace, in the numbers of OpenTelemetry and of W3C's ``traceparent`` header.

Whatever speaks of runs as spans, header or exporter, takes its numbers from here: so that they meet.
"""

from __future__ import annotations

import re

__all__ = ["format_traceparent", "parse_traceparent", "span_id_of", "trace_id_of"]

_LONGEST = 512
_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?",
    re.ASCII,
)
_SAMPLED = 1


def trace_id_of(trace: str) -> int:
    """The 128 bits of a trace's id; never 0, which stands for no trace.

    Args:
        trace: Text of the root run's id.

    Raises:
        ValueError: It is not an id.

    Example:
        >>> f"{trace_id_of('018cc778-5000-7a00-8000-00000000abcd'):032x}"
        '018cc77850007a00800000000000abcd'
    """
    return int(_digits(trace), 16) or 1


def span_id_of(run: str) -> int:
    """64 bits that tell a run apart in its trace: the last ones of its id; never 0, which stands for no span.

    The first 64 bits of a version 7 id are mostly its time, and the same for runs of one millisecond.

    Args:
        run: Text of the run's id.

    Raises:
        ValueError: It is not an id.

    Example:
        >>> f"{span_id_of('018cc778-5000-7a00-8000-00000000abcd'):016x}"
        '800000000000abcd'
    """
    return int(_digits(run)[16:], 16) or 1


def format_traceparent(trace: str, run: str, sampled: bool = True) -> str:  # noqa: FBT001, FBT002 - a plain fact of a span
    """The value of a ``traceparent`` header.

    Args:
        trace: Text of the root run's id.
        run: Text of the id of the run that sends the request.
        sampled: Whether the run is recorded.

    Raises:
        ValueError: One of them is not an id.

    Example:
        >>> run = "018cc778-5000-7a00-8000-00000000abcd"
        >>> format_traceparent(run, run)
        '00-018cc77850007a00800000000000abcd-800000000000abcd-01'
    """
    return f"00-{trace_id_of(trace):032x}-{span_id_of(run):016x}-{int(sampled):02x}"


def parse_traceparent(text: str) -> tuple[int, int, bool] | None:
    """Trace id, span id and whether it is sampled, of a ``traceparent`` header; None if it is not valid.

    Args:
        text: The header's value. Of versions to come, the part that this one knows is read.

    Example:
        >>> parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")[1:]
        (13235353014750950193, True)
        >>> parse_traceparent("no header") is None
        True
    """
    if len(text) > _LONGEST:
        return None
    found = _TRACEPARENT.fullmatch(text.strip(" \t"))
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["more"]):
        return None
    trace, span = int(found["trace"], 16), int(found["span"], 16)
    if not trace or not span:
        return None
    return trace, span, bool(int(found["flags"], 16) & _SAMPLED)


def _digits(text: str) -> str:
    digits = text.replace("-", "")
    if len(digits) != 32 or not digits.isalnum():  # noqa: PLR2004 - int() takes signs and underscores too
        raise ValueError(f"not an id: {text[:80]!r}")
    return digits
