"""Readings to a server over one kept connection, and how long its answers take."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

__all__ = ["Asker", "Reading", "timed"]

_ROUNDS = 40
_LEAST_ROUNDS = 5
_SECONDS = 20  # after which a slow question has been asked often enough


class Asker:
    """Makes requests and adds up, in `seconds`, the time until their answers were read."""

    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(address, timeout=600)
        self.seconds = 0.0

    def __call__(self, method: str, path: str, value: Any = None) -> Any:
        body = None if value is None else json.dumps(value).encode()
        began = time.perf_counter()
        self._connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        text = answer.read()
        self.seconds += time.perf_counter() - began
        assert answer.status == 200, text[:500]
        return json.loads(text)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


Reading = Callable[[Asker], int]
"""Asks whatever it takes, and tells how many spans or traces the answer has or counts."""


def timed(address: str, readings: dict[str, Reading]) -> dict[str, dict[str, float]]:
    """Ask each many times: milliseconds at the median and the 95th percentile, and how many the last one found."""
    with closing(Asker(address)) as ask:
        return {name: _one(ask, reading) for name, reading in readings.items()}


def _one(ask: Asker, reading: Reading) -> dict[str, float]:
    times: list[float] = []
    found = 0
    while len(times) < _ROUNDS and (len(times) < _LEAST_ROUNDS or sum(times) < _SECONDS):
        ask.seconds = 0.0
        found = reading(ask)
        times.append(ask.seconds)
    times.sort()
    shares = {f"p{share}": round(times[(len(times) - 1) * share // 100] * 1000, 1) for share in (50, 95)}
    return {**shares, "found": found}
