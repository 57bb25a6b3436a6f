"""Which traces are kept when only a share of them is wanted."""

from __future__ import annotations

import random
from typing import Any

__all__ = ["Sampler"]

_REMEMBERED_TRACES = 100_000


class Sampler:
    """Draws once a trace, when its root begins; the rest of the trace follows.

    Args:
        rate: Share of traces to keep, 0 to 1.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._dropped: dict[str, None] = {}

    def keeps_post(self, run: dict[str, Any]) -> bool:
        """Whether a run that begins is kept.

        Args:
            run: With `id`, and `trace_id` unless it is a root.
        """
        key = str(run["id"])
        trace = str(run.get("trace_id") or key)
        if trace in self._dropped:
            return False
        if trace != key or random.random() < self._rate:  # noqa: S311 - no secret
            return True
        self._dropped[trace] = None
        if len(self._dropped) > _REMEMBERED_TRACES:  # roots that never ended
            del self._dropped[next(iter(self._dropped))]
        return False

    def drops(self, trace: str) -> bool:
        """Whether a trace that is under way is left out.

        Args:
            trace: Its id.
        """
        return trace in self._dropped

    def keeps_patch(self, run: dict[str, Any]) -> bool:
        """Whether an update is kept.

        Args:
            run: With `id`, and `trace_id` unless it is a root.
        """
        key = str(run["id"])
        trace = str(run.get("trace_id") or key)
        if trace not in self._dropped:
            return True
        if trace == key:
            self._dropped.pop(trace, None)
        return False
