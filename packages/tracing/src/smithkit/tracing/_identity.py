"""Ids and times of runs.

Inside of tracing an id is its text and a time is an integer of nanoseconds: both are what the wire
needs, and cost a fraction of `uuid.UUID` and `datetime`, which are made when somebody asks for them.
"""

from __future__ import annotations

import itertools
import os
import random
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

__all__ = [
    "dotted_segment",
    "from_datetime",
    "from_iso",
    "iso",
    "new_id",
    "parse_dotted_order",
    "parse_id",
    "texts",
    "to_datetime",
    "uuid7",
    "uuid7_from_datetime",
]

_ID_LENGTH = 36
_STAMP_LENGTH = 22  # 20240506T070809123456Z
_HYPHENS = (8, 13, 18, 23)
_HEX = frozenset("0123456789abcdefABCDEF")


# The last 48 bits of an id count up from where chance has put this process; the 26 bits before them
# are random for each millisecond. That is unique, in order within a millisecond, and a fraction of the
# cost of random bits for each id. The program's own random numbers stay as they are, seeded or not.
_random = random.Random()  # noqa: S311 - ids are unique, not secret
_tails = itertools.count()


def _seed() -> None:
    global _tails  # noqa: PLW0603 - anew in each process
    _random.seed(os.urandom(32))
    _tails = itertools.count(_random.getrandbits(47))
    _prefixes.clear()


_MOST_PREFIXES = 64
_prefixes: dict[int, str] = {}  # millisecond → what its ids begin with
_last_second: tuple[int, str, str] = (-1, "", "")
_seed()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_seed)


def new_id(ns: int) -> str:
    """Text of a new version 7 UUID.

    Args:
        ns: Nanoseconds since the epoch; the id keeps its milliseconds.
    """
    millisecond = ns // 1_000_000
    prefix = _prefixes.get(millisecond)
    if prefix is None:
        digits = f"{millisecond & 0xFFFFFFFFFFFF:012x}"
        variant = 0x8000 | _random.getrandbits(14)
        made = f"{digits[:8]}-{digits[8:]}-7{_random.getrandbits(12):03x}-{variant:04x}-"
        if len(_prefixes) >= _MOST_PREFIXES:
            _prefixes.clear()
        prefix = _prefixes.setdefault(millisecond, made)  # of threads in one millisecond, all take one
    return f"{prefix}{next(_tails):012x}"


def uuid7() -> UUID:
    """A new UUID of version 7: those of one process sort by the time of their making.

    Example:
        >>> from smithkit.tracing import uuid7
        >>> uuid7().version
        7
    """
    import uuid

    return uuid.UUID(new_id(time.time_ns()))


def uuid7_from_datetime(when: datetime) -> UUID:
    """A new UUID of version 7 for a given time.

    Args:
        when: Time to put in, kept to the millisecond; without a timezone it is local time, as
            `datetime.timestamp` takes it.

    Returns:
        The UUID; two calls for one time give two UUIDs.

    Example:
        >>> from datetime import datetime, timezone
        >>> from smithkit.tracing import uuid7_from_datetime
        >>> uuid7_from_datetime(datetime(2024, 1, 2, tzinfo=timezone.utc)).hex[:12]
        '018cc7785000'
    """
    import uuid

    return uuid.UUID(new_id(int(when.timestamp() * 1e9)))


def _second(second: int) -> tuple[int, str, str]:
    global _last_second  # noqa: PLW0603 - one tuple, replaced as a whole
    year, month, day, hour, minute, sec = time.gmtime(second)[:6]
    _last_second = texts = (
        second,
        f"{year:04d}{month:02d}{day:02d}T{hour:02d}{minute:02d}{sec:02d}",
        f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{sec:02d}",
    )
    return texts


def texts(ns: int) -> tuple[str, str]:
    """A time in the forms that dotted orders and fields have, both in UTC with microseconds.

    Args:
        ns: Nanoseconds since the epoch.

    Example:
        >>> texts(1_714_979_289_123_456_000)
        ('20240506T070809123456Z', '2024-05-06T07:08:09.123456+00:00')
    """
    second = ns // 1_000_000_000
    last = _last_second
    if last[0] != second:
        last = _second(second)
    # Slicing the number's text is the fastest way to six digits, for all times after 1970's first second.
    micro = str(ns)[-9:-3] if second > 0 else f"{ns % 1_000_000_000 // 1000:06d}"
    return f"{last[1]}{micro}Z", f"{last[2]}.{micro}+00:00"


def dotted_segment(ns: int, run_id: str) -> str:
    """One run's segment of a dotted order: its start time and its id.

    Args:
        ns: Start time, nanoseconds since the epoch.
        run_id: The id's text.
    """
    return texts(ns)[0] + run_id


def iso(ns: int) -> str:
    """A time as ISO 8601 text.

    Args:
        ns: Nanoseconds since the epoch.
    """
    second = ns // 1_000_000_000
    last = _last_second
    if second <= 0 or last[0] != second:
        return texts(ns)[1]
    return f"{last[2]}.{str(ns)[-9:-3]}+00:00"


def to_datetime(ns: int) -> datetime:
    """A time as datetime in UTC."""
    from datetime import UTC, datetime, timedelta

    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)


def from_datetime(when: datetime) -> int:
    """Nanoseconds since the epoch; a datetime without a timezone is in UTC."""
    from datetime import UTC, datetime, timedelta

    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def from_iso(text: str) -> int:
    """Nanoseconds since the epoch of an ISO 8601 text.

    Raises:
        ValueError: It is none.
    """
    from datetime import datetime

    return from_datetime(datetime.fromisoformat(text))


def parse_id(value: object) -> str:
    """The canonical text of an id.

    Args:
        value: A UUID or its text.

    Raises:
        ValueError: It is not an id.
    """
    text = str(value)
    if len(text) == _ID_LENGTH and all(
        char == "-" if position in _HYPHENS else char in _HEX for position, char in enumerate(text)
    ):
        return text.lower()
    import uuid

    return str(uuid.UUID(text))


def parse_dotted_order(text: str) -> list[tuple[int, str]]:
    """The runs that a dotted order names, from the root down.

    Args:
        text: Segments of start time and id, joined by dots.

    Returns:
        Start time in nanoseconds since the epoch and id of each.

    Raises:
        ValueError: It is not a dotted order.
    """
    return [_parse_segment(segment) for segment in text.split(".")]


def _parse_segment(segment: str) -> tuple[int, str]:
    from datetime import UTC, datetime

    stamp, run_id = segment[:-_ID_LENGTH], segment[-_ID_LENGTH:]
    digits = stamp[:8] + stamp[9:21]
    shaped = len(stamp) == _STAMP_LENGTH and stamp[8] == "T" and stamp[21] == "Z"
    if not (shaped and digits.isascii() and digits.isdigit()):
        raise ValueError(f"not a segment of a dotted order: {segment[:80]!r}")
    # year, month, day, hour, minute, second, microsecond
    starts = (0, 4, 6, 8, 10, 12, 14, 20)
    numbers = [int(digits[start:end]) for start, end in itertools.pairwise(starts)]
    year, month, day, hour, minute, second, microsecond = numbers
    when = datetime(year, month, day, hour, minute, second, microsecond, tzinfo=UTC)
    return from_datetime(when), parse_id(run_id)
