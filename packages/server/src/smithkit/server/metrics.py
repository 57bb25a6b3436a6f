"""The server's figures, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from smithkit.server.observing import Seen
    from smithkit.server.store import StoreFigures

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counts what a server does. Labels are methods, path templates and statuses: never an id, a name or a secret.

    Args:
        is_open: Whether they are shown to those who bring no key.

    Example:
        >>> b"smithkit_ingested_runs_total 0.0" in Metrics().render()
        True
    """

    def __init__(self, *, is_open: bool = False) -> None:
        self.is_open = is_open
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "smithkit_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "smithkit_request_seconds",
            "Seconds from a request's head to the end of its answer",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._runs = Counter("smithkit_ingested_runs", "Runs accepted and stored", registry=self._registry)
        self._backlog = self._gauge("index_backlog_runs", "Runs that the full-text index does not have yet")
        self._writes = self._gauge("queued_writes", "Writes that wait for their transaction")
        self._bytes = self._gauge("database_bytes", "Bytes of the database, without attachments")

    def observe(self, method: str, seen: Seen, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, seen.route, str(seen.status)).inc()
        self._seconds.labels(method, seen.route).observe(seconds)
        self._runs.inc(seen.runs)

    def measure(self, figures: StoreFigures, backlog: int) -> None:
        """Note how things stand now."""
        self._bytes.set(figures.size)
        self._writes.set(figures.queued_writes)
        self._backlog.set(backlog)

    def render(self) -> bytes:
        """Write the figures as text, in Prometheus's format."""
        return generate_latest(self._registry)

    def _gauge(self, name: str, documentation: str) -> Gauge:
        return Gauge(f"smithkit_{name}", documentation, registry=self._registry)
