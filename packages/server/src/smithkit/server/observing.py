"""What is seen of every request: for the figures, for the log, and never more than where it went."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from smithkit.server.metrics import Metrics

__all__ = ["UNKNOWN_ROUTE", "ObserveMiddleware", "Seen", "seen_of"]

UNKNOWN_ROUTE = "unknown"
"""Stands for every path that no route has."""

_SEEN = "smithkit.seen"
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_log = logging.getLogger("smithkit.server.access")


@dataclass(slots=True)
class Seen:
    """What is known of a request so far.

    Attributes:
        route: Template of the path: paths themselves bring ids and tokens.
        status: Of the answer; 499 when the client was gone before there was one.
        runs: New runs that it brought.
    """

    route: str = UNKNOWN_ROUTE
    status: int = 499
    runs: int = 0


def seen_of(scope: MutableMapping[str, Any]) -> Seen:
    """Give what is known of a request."""
    found = scope.get(_SEEN)
    return found if isinstance(found, Seen) else Seen()


class ObserveMiddleware:
    """Measures requests and logs them, with neither path nor query, which may hold tokens and signatures.

    Args:
        app: What it wraps.
        metrics: The figures; None keeps none.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics | None) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = Seen()
        begin = time.perf_counter()

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
            await send(message)

        try:
            await self._app({**scope, _SEEN: seen}, receive, watch)
        finally:
            self._tell(scope["method"], seen, time.perf_counter() - begin)

    def _tell(self, method: str, seen: Seen, seconds: float) -> None:
        method = method if method in _METHODS else "OTHER"
        if self._metrics is not None:
            self._metrics.observe(method, seen, seconds)
        if _log.isEnabledFor(logging.INFO):
            told = {"method": method, "route": seen.route, "status": seen.status}
            fields = {**told, "milliseconds": round(seconds * 1000, 1)}
            _log.info("%s %s %s in %.1f ms", *told.values(), fields["milliseconds"], extra={"fields": fields})
