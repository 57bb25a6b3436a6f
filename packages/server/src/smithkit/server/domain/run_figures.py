"""Sums and distributions of many runs, which can be added up, taken apart and kept.

A distribution says how often each value occurs. While it has few values it is exact; then its values are
rounded, so that it stays small whatever it has seen, and a percentile is off by less than a hundredth.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Self

from smithkit.server.domain.jsons import dump, load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smithkit.server.domain.runs import Row

__all__ = ["MEASURED", "SPREAD", "SUMMED", "RunFigures", "measures", "percentile", "rounded"]

SUMMED = (
    "total_tokens",
    "prompt_tokens",
    "completion_tokens",
    "total_cost",
    "prompt_cost",
    "completion_cost",
)
"""Columns that are summed up."""
SPREAD = ("latency", "first_token", "total_tokens", "total_cost")
"""What has a distribution."""
MEASURED = ("has_error", "latency", "first_token", *SUMMED)
"""What is measured of a run, in the order of `measures`; times in microseconds."""

_BITS = 7
_EXACT = 10_000  # different values of a distribution


def measures(row: Row) -> tuple[Any, ...]:
    """Take a run's measures from its record.

    Example:
        >>> run = {"has_error": False, "start_time": 5, "end_time": 7, "first_token_time": None}
        >>> measures(run | dict.fromkeys(SUMMED))[:3]
        (False, 2, None)
    """
    start, end, first_token = row["start_time"], row["end_time"], row["first_token_time"]
    return (
        row["has_error"],
        None if end is None else end - start,
        None if first_token is None else first_token - start,
        row["total_tokens"],
        row["prompt_tokens"],
        row["completion_tokens"],
        row["total_cost"],
        row["prompt_cost"],
        row["completion_cost"],
    )


def rounded(value: int) -> int:
    """Round to seven binary digits, so to less than 0.8 %; smaller values stay.

    Example:
        >>> rounded(100), rounded(100_000)
        (100, 99840)
    """
    shift = value.bit_length() - _BITS
    if shift <= 0:
        return value
    if value < 0:
        return -rounded(-value)
    return (value >> shift << shift) + (1 << shift - 1)


def percentile(distribution: Mapping[int, int], percent: int) -> int | None:
    """Give the smallest value that at least this share of all is not above; None of nothing.

    Example:
        >>> percentile({7: 2, 1: 2}, 50), percentile({7: 2, 1: 2}, 51)
        (1, 7)
    """
    place = -(-sum(distribution.values()) * percent // 100)
    for value, count in sorted(distribution.items()):
        place -= count
        if place <= 0:
            return value
    return None


class RunFigures:
    """Figures of runs.

    Attributes:
        runs: How many there are.
        errors: Those that failed.
        streamed: Those of which the first token's time is known.
        sums: Column → sum of what is not null.
        known: Column → how many are not null.
        spread: What is measured → its distribution.
        first: Earliest start time that was seen; neither this nor `last` is kept or added.
        last: Latest start time that was seen.

    Example:
        >>> figures = RunFigures()
        >>> figures.count([(True, 2_000_000, None, 5, 2, 3, None, None, None)])
        >>> figures.errors, figures.sums["total_tokens"], dict(figures.spread["latency"])
        (1, 5, {2000000: 1})
    """

    __slots__ = ("errors", "first", "known", "last", "runs", "spread", "streamed", "sums")

    def __init__(self) -> None:
        self.runs = self.errors = self.streamed = 0
        self.sums = dict.fromkeys(SUMMED, 0)
        self.known = dict.fromkeys(SUMMED, 0)
        self.spread: dict[str, Counter[int]] = {name: Counter() for name in SPREAD}
        self.first: int | None = None
        self.last: int | None = None

    def saw(self, starts: Sequence[int]) -> None:
        """Take note of start times; there must be some."""
        first, last = min(starts), max(starts)
        self.first = first if self.first is None else min(first, self.first)
        self.last = last if self.last is None else max(last, self.last)

    def count(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Count runs, given by their `measures`."""
        if rows:
            self.count_columns(list(zip(*rows, strict=True)))

    def count_columns(self, columns: Sequence[Sequence[Any]]) -> None:
        """Count runs, given by the columns of their `measures`."""
        self.runs += len(columns[0])
        self.errors += sum(columns[0])
        for name, column in zip(MEASURED[1:], columns[1:], strict=True):
            values = [value for value in column if value is not None]
            if not values:
                continue
            if name == "first_token":
                self.streamed += len(values)
            if name in self.sums:
                self.sums[name] += sum(values)
                self.known[name] += len(values)
            if name in self.spread:
                self.spread[name].update(values)
                self._limit(name)

    def _limit(self, name: str) -> None:
        if len(self.spread[name]) > _EXACT:
            self.spread[name] = _rounded(self.spread[name])

    def round(self) -> Self:
        """Round the values of the distributions, as they are kept."""
        self.spread = {name: _rounded(own) for name, own in self.spread.items()}
        return self

    def add(self, other: RunFigures, sign: int = 1) -> None:
        """Add other figures, or with a `sign` of -1 take them away."""
        self.runs += sign * other.runs
        self.errors += sign * other.errors
        self.streamed += sign * other.streamed
        for name in SUMMED:
            self.sums[name] += sign * other.sums[name]
            self.known[name] += sign * other.known[name]
        for name, own in self.spread.items():
            if sign > 0:
                own.update(other.spread[name])
            else:
                own.subtract(other.spread[name])

    def __bool__(self) -> bool:
        """Whether any run is counted, or any of its measures."""
        return bool(
            self.runs or any(self.known.values()) or any(any(own.values()) for own in self.spread.values())
        )

    def dump(self) -> bytes:
        """Write the figures as JSON; sums as text, for they may not fit into 64 bits."""
        spread = {name: _columns(own) for name, own in self.spread.items() if any(own.values())}
        sums = [str(value) for value in self.sums.values()]
        counts = [self.runs, self.errors, self.streamed]
        return dump({"counts": counts, "sums": sums, "known": list(self.known.values()), "spread": spread})

    @classmethod
    def load(cls, data: bytes) -> Self:
        """Read what `dump` wrote."""
        figures, given = cls(), load(data)
        figures.runs, figures.errors, figures.streamed = given["counts"]
        figures.sums = dict(zip(SUMMED, map(int, given["sums"]), strict=True))
        figures.known = dict(zip(SUMMED, given["known"], strict=True))
        for name, (values, counts) in given["spread"].items():
            figures.spread[name] = Counter(dict(zip(values, counts, strict=True)))
        return figures

    def __eq__(self, other: object) -> bool:
        """Whether both say the same."""
        return isinstance(other, RunFigures) and not _difference(self, other)

    __hash__ = None  # type: ignore[assignment]  # it changes


def _difference(one: RunFigures, other: RunFigures) -> RunFigures:
    left = RunFigures()
    left.add(one)
    left.add(other, -1)
    return left


def _rounded(distribution: Mapping[int, int]) -> Counter[int]:
    found: dict[int, int] = {}
    for value, count in distribution.items():
        near, shift = value, value.bit_length() - _BITS
        if shift > 0:  # written out for most values, since calling `rounded` takes longer than all the rest
            near = (value >> shift << shift) + (1 << shift - 1) if value > 0 else rounded(value)
        found[near] = found.get(near, 0) + count
    return Counter(found)


def _columns(distribution: Mapping[int, int]) -> tuple[list[int], list[int]]:
    """Values, and how often each occurs."""
    known = {value: count for value, count in distribution.items() if count}
    return list(known), list(known.values())
