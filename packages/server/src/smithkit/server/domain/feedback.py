"""Feedback summed up."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from smithkit.server.domain.jsons import is_unicode

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FeedbackStats", "Tally", "category_of"]

_STEPS = 1074  # the smallest step of a double is 2 ** -1074: in such steps every sum is a whole number
_LONGEST_CATEGORY = 200


def category_of(value: Any) -> str | None:
    """The text by which a value is counted; None for what is no category: other types, essays, half characters.

    Example:
        >>> category_of("yes")
        'yes'
    """
    if not isinstance(value, str) or len(value) > _LONGEST_CATEGORY:
        return None
    return value if is_unicode(value) else None


class Tally:
    """The feedback of one key, summed up without loss.

    Sums of floating-point numbers depend on their order. This one does not, so that what is kept by adding
    and taking away equals what a fresh sum gives.

    Args:
        count: How many.
        scored: How many with a score.
        total: The sum of the scores, as `total` writes it.

    Example:
        >>> tally = Tally()
        >>> tally.add(0.5, "yes")
        >>> tally.summary()
        {'n': 1, 'avg': 0.5, 'values': {'yes': 1}}
    """

    __slots__ = ("_steps", "count", "scored", "values")

    def __init__(self, count: int = 0, scored: int = 0, total: str = "0") -> None:
        self.count = count
        self.scored = scored
        self._steps = _steps(*Fraction(total).as_integer_ratio())
        self.values: Counter[str] = Counter()

    def add(self, score: float | None, category: str | None, sign: int = 1) -> None:
        """Take one feedback, or with a `sign` of -1 take one away."""
        self.count += sign
        if score is not None:
            self.scored += sign
            self._steps += sign * _steps(*score.as_integer_ratio())
        if category is not None:
            self.values[category] += sign

    def join(self, other: Tally) -> None:
        """Take what another one took."""
        self.count += other.count
        self.scored += other.scored
        self._steps += other._steps
        self.values.update(other.values)

    @property
    def total(self) -> str:
        """The exact sum of the scores, as a fraction."""
        return str(Fraction(self._steps, 1 << _STEPS))

    @property
    def mean(self) -> float | None:
        """The mean score; None if there is no score."""
        return float(Fraction(self._steps, self.scored << _STEPS)) if self.scored else None

    def summary(self) -> dict[str, Any]:
        """What was taken, as the API shows it."""
        return {"n": self.count, "avg": self.mean, "values": dict(self.values)}


def _steps(numerator: int, denominator: int) -> int:
    return numerator << (_STEPS + 1 - denominator.bit_length())  # denominators are powers of two


class FeedbackStats:
    """Counts, means and values of feedback, by key.

    Example:
        >>> stats = FeedbackStats([("helpful", 1.0, "yes"), ("helpful", 0.0, None)])
        >>> stats.by_key()
        {'helpful': {'n': 2, 'avg': 0.5, 'values': {'yes': 1}}}
    """

    def __init__(self, items: Iterable[tuple[str, float | None, str | None]] = ()) -> None:
        self._keys: dict[str, Tally] = {}
        for key, score, category in items:
            self.add(key, score, category)

    def add(self, key: str, score: float | None, category: str | None) -> None:
        """Take one feedback.

        Args:
            key: Its key.
            score: Its score, if it has one.
            category: The text by which its value is counted, if it has one.
        """
        self._keys.setdefault(key, Tally()).add(score, category)

    def means(self) -> dict[str, float]:
        """The mean score of each key that has one."""
        return {key: mean for key, tally in self._keys.items() if (mean := tally.mean) is not None}

    def by_key(self) -> dict[str, Any]:
        """What was taken, as the API shows it."""
        return {key: tally.summary() for key, tally in self._keys.items()}
