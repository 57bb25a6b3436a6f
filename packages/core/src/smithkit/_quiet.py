"""At most one word a minute about each cause: what fails a thousand times is said once, with a count."""

from __future__ import annotations

import time

__all__ = ["Quiet"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable

_SECONDS = 60.0
_MOST_CAUSES = 256


class Quiet:
    """Says whether it is time to speak of a cause.

    There is no lock, which a fork could leave held for ever: of two threads that count at the same
    moment one may go uncounted here, never in the statistics.

    Args:
        seconds: How long to be quiet about a cause after it was spoken of.

    Example:
        >>> quiet = Quiet()
        >>> quiet.due("the server is down"), quiet.due("the server is down")
        (1, None)
    """

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._causes: dict[Hashable, tuple[float, int]] = {}

    def due(self, cause: Hashable, count: int = 1) -> int | None:
        """How many there are to speak of since the last word, or None if it is too early for another.

        Args:
            cause: What counts as the same.
            count: How many this is about.
        """
        now = time.monotonic()
        until, unsaid = self._causes.get(cause, (now, 0))
        if now < until:
            self._causes[cause] = until, unsaid + count
            return None
        if len(self._causes) >= _MOST_CAUSES:
            self._causes.clear()
        self._causes[cause] = now + self._seconds, 0
        return unsaid + count

    def forget(self) -> None:
        """Speak of everything again."""
        self._causes.clear()
