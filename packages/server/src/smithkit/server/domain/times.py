"""Instants as integers: microseconds since 1970, UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["format_segment", "format_time", "now", "parse_segment", "parse_time"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SEGMENT = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{0,6})\d*Z")


def now() -> int:
    """Give the present instant."""
    return (datetime.now(UTC) - _EPOCH) // _MICROSECOND


def parse_time(value: Any) -> int:
    """Read a time as clients send it: ISO 8601 text, naive meaning UTC, or epoch milliseconds.

    Args:
        value: Text or number from JSON.

    Returns:
        Microseconds since 1970.

    Raises:
        ValueError: It is not a time, or lies outside the years 1 to 9999.

    Example:
        >>> parse_time("1970-01-01T00:00:01")
        1000000
    """
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // _MICROSECOND
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return (_EPOCH + timedelta(milliseconds=value) - _EPOCH) // _MICROSECOND
        except (OverflowError, ValueError) as error:
            raise ValueError(f"{value!r} is not a time") from error
    raise ValueError(f"{value!r} is not a time")


def format_time(value: int) -> str:
    """Write an instant as ISO 8601 with its offset.

    Example:
        >>> format_time(1_500_000)
        '1970-01-01T00:00:01.500000+00:00'
    """
    return (_EPOCH + timedelta(microseconds=value)).isoformat()


def format_segment(value: int) -> str:
    """Write an instant as a dotted order does.

    Example:
        >>> format_segment(1_500_000)
        '19700101T000001500000Z'
    """
    moment = _EPOCH + timedelta(microseconds=value)
    return f"{moment:%Y%m%dT%H%M%S%f}Z".rjust(22, "0")


def parse_segment(text: str) -> int | None:
    """Read the time at the start of a dotted order's segment, if it is one.

    Example:
        >>> parse_segment("19700101T000001500000Z")
        1500000
    """
    match = _SEGMENT.match(text)
    if match is None:
        return None
    *parts, fraction = match.groups()
    try:
        moment = datetime(*map(int, parts), int(fraction.ljust(6, "0")), tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError:
        return None
    return (moment - _EPOCH) // _MICROSECOND
