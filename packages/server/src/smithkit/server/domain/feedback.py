"""Feedback summed up."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from smithkit.server.domain.jsons import load

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FeedbackStats"]


class FeedbackStats:
    """Counts, means and values of feedback, by key.

    Example:
        >>> stats = FeedbackStats()
        >>> stats.add("helpful", 1.0, b'{"value": "yes"}')
        >>> stats.add("helpful", 0.0, b"{}")
        >>> stats.by_key()
        {'helpful': {'n': 2, 'avg': 0.5, 'values': {'yes': 1}}}
    """

    def __init__(self, items: Iterable[tuple[str, float | None, bytes]] = ()) -> None:
        self._keys: dict[str, _Key] = {}
        for key, score, body in items:
            self.add(key, score, body)

    def add(self, key: str, score: float | None, body: bytes) -> None:
        """Take one piece of feedback.

        Args:
            key: Its key.
            score: Its score, if it has one.
            body: Its JSON.
        """
        own = self._keys.setdefault(key, _Key())
        own.count += 1
        if score is not None:
            own.scored += 1
            own.total += score
        value = load(body).get("value")
        if isinstance(value, str):
            own.values[value] += 1

    def by_key(self) -> dict[str, Any]:
        """Give what was taken, as the API shows it."""
        return {
            key: {
                "n": own.count,
                "avg": own.total / own.scored if own.scored else None,
                "values": dict(own.values),
            }
            for key, own in self._keys.items()
        }


class _Key:
    """The feedback of one key."""

    __slots__ = ("count", "scored", "total", "values")

    def __init__(self) -> None:
        self.count = 0
        self.scored = 0
        self.total = 0.0
        self.values: Counter[str] = Counter()
