"""Counts and latencies of requests, by endpoint."""

from __future__ import annotations

import re
import threading
import time
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from smithkit.operations import Request

__all__ = ["CORRELATION_HEADER", "STATS", "EndpointStats", "RequestStats", "endpoint_of"]

CORRELATION_HEADER = "X-Correlation-ID"
"""Header by which a request is found in the logs of proxies and of the server."""

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_MOST_UNDERWAY = 10_000


@dataclass(frozen=True, slots=True)
class EndpointStats:
    """What became of the requests to one endpoint.

    Attributes:
        requests: How many have ended.
        errors: How many of them failed, after all attempts.
        seconds: How long they took together, attempts and pauses between them included.
        slowest: How long the slowest took.
    """

    requests: int = 0
    errors: int = 0
    seconds: float = 0.0
    slowest: float = 0.0

    @property
    def mean(self) -> float:
        """How long a request took on average."""
        return self.seconds / self.requests if self.requests else 0.0


class RequestStats:
    """Counts requests; may be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started: dict[str, float] = {}
        self._endpoints: dict[str, EndpointStats] = {}

    def start(self, request: Request) -> None:
        """Note when a request began, under a correlation id that it carries from now on."""
        correlation_id = request.headers.get(CORRELATION_HEADER) or str(uuid.uuid4())
        request.headers = {**request.headers, CORRELATION_HEADER: correlation_id}
        with self._lock:
            if len(self._started) >= _MOST_UNDERWAY:  # cancelled requests never end
                del self._started[next(iter(self._started))]
            self._started[correlation_id] = time.perf_counter()

    def end(self, request: Request, *, failed: bool) -> None:
        """Count a request."""
        with self._lock:
            started = self._started.pop(request.headers.get(CORRELATION_HEADER) or "", None)
            if started is None:
                return
            seconds = time.perf_counter() - started
            endpoint = endpoint_of(request)
            known = self._endpoints.get(endpoint, EndpointStats())
            self._endpoints[endpoint] = replace(
                known,
                requests=known.requests + 1,
                errors=known.errors + failed,
                seconds=known.seconds + seconds,
                slowest=max(known.slowest, seconds),
            )

    def snapshot(self) -> dict[str, EndpointStats]:
        """The counts as they are now, by endpoint."""
        with self._lock:
            return dict(sorted(self._endpoints.items()))

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self._endpoints.clear()


STATS = RequestStats()
"""The counts of this process: plugins are found once per process, and so are shared by its clients."""


def endpoint_of(request: Request) -> str:
    """Method and path, with ids replaced so that requests for different things count as one endpoint."""
    path = _UUID.sub("{id}", urlsplit(request.path).path)
    return f"{request.method} /{path.strip('/')}"
