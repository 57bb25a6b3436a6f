"""Runs that have begun and not ended: a span is exported once, whole, when its run ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from smithkit.tracing.pipeline._decoded import merged
from smithkit.tracing.pipeline._snapshot import ID, MAIN, SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from smithkit.tracing.pipeline._snapshot import Op

__all__ = ["OpenRuns"]


class OpenRuns:
    """Joins what begins a run and what ends it.

    Args:
        ttl: Seconds after which a run is given as it is.
        capacity: Bytes of runs that may wait for their end.
    """

    def __init__(self, ttl: float, capacity: int) -> None:
        self._ttl = ttl
        self._capacity = capacity
        self._open: dict[str, tuple[float, Op]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._open)

    def take(self, ops: Iterable[Op]) -> tuple[list[Op], list[Op]]:
        """Take what is known of runs by now.

        Args:
            ops: Beginnings and ends, the latter folded into the former where both are there.

        Returns:
            The runs that have ended, or have been open for too long; and those that there was no room for.
        """
        now = time.monotonic()
        ended: list[Op] = []
        for given in ops:
            begun = self._pop(given[ID])
            op = given if begun is None else merged((begun[1], given))[0]
            if _ends(op):
                ended.append(op)
            else:
                self._open[op[ID]] = (now + self._ttl if begun is None else begun[0], op)
                self._bytes += op[SIZE]
        ended += self._oldest(lambda deadline: deadline <= now)
        return ended, [*self._oldest(lambda _: self._bytes > self._capacity)]

    def _oldest(self, leaves: Callable[[float], bool]) -> Iterator[Op]:
        while self._open:
            key, (deadline, op) = next(iter(self._open.items()))
            if not leaves(deadline):
                return
            self._pop(key)
            yield op

    def _pop(self, key: str) -> tuple[float, Op] | None:
        found = self._open.pop(key, None)
        if found is not None:
            self._bytes -= found[1][SIZE]
        return found


def _ends(op: Op) -> bool:
    names, values, _ = op[MAIN]
    return dict(zip(names, values, strict=True)).get("end_time") is not None
