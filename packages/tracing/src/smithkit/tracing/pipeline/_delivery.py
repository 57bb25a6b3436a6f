"""Deliver a batch, whatever the server answers.

==========================================  ===================================================
no connection, no answer, 408, 425, 429,    again after a pause with jitter, or after Retry-After,
5xx                                         until the time is up; then kept on disk, or failed
413, 400, 422                               in halves, until the run that is to blame stands alone
413 for a single run                        without its largest fields, in whose place stands a mark
409                                         it is there already: delivered
401, 403                                    kept on disk, or failed; the warning names the cure
404 on the multipart endpoint               by the JSON endpoint, now and from now on
everything else                             failed
==========================================  ===================================================

What has failed is counted and reported. Sending again is safe: the server knows a run by its id.
"""

from __future__ import annotations

import enum
import random
import threading
import time
from typing import TYPE_CHECKING

from smithkit.errors import LangSmithConnectionError, LangSmithError
from smithkit.operations import Request
from smithkit.tracing.pipeline import _json_batch, _multipart
from smithkit.tracing.pipeline._decoded import main_json
from smithkit.tracing.pipeline._snapshot import FEEDBACK, KIND, WEIGHT
from smithkit.tracing.pipeline._truncate import is_truncated, truncated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smithkit.operations import Response
    from smithkit.tracing.pipeline._multipart import Body
    from smithkit.tracing.pipeline._report import Reporter
    from smithkit.tracing.pipeline._snapshot import Op
    from smithkit.tracing.pipeline._stats import TracingStats
    from smithkit.tracing.pipeline._target import Target
    from smithkit.transport import SyncTransport

__all__ = ["Delivery", "Encoding", "Patience"]

_ALREADY_THERE = 409
_NOT_FOUND = 404
_SERVER_FAILED = 500
_RETRIED = (408, 425, 429)
_TOO_LARGE = 413
_BLAMES_CONTENT = (400, _TOO_LARGE, 422)
_REFUSES_CREDENTIALS = (401, 403)
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 20.0


class Encoding(enum.Enum):
    """How runs travel."""

    JSON = "json"
    PLAIN = "plain"
    ZSTD = "zstd"


class Patience:
    """How long and how often to try; may be shortened from another thread.

    Args:
        seconds: How long a batch is tried.
        attempts: How often, or None for as often as time allows.
        is_last: Whether the process is ending: then a request may not take longer either.
    """

    def __init__(self, seconds: float = 60.0, attempts: int | None = None, *, is_last: bool = False) -> None:
        self.seconds = seconds
        self.attempts = attempts
        self.probing = False
        """Whether the last batch found the server down: then one attempt tells enough."""
        self._is_last = is_last
        self._stopped = False
        self._nudge = threading.Event()

    @property
    def stopped(self) -> bool:
        """Whether there is to be no further attempt."""
        return self._stopped

    def request_timeout(self, ends: float) -> tuple[float, float] | None:
        """Seconds to (connect, read), or None for the client's own.

        Args:
            ends: Monotonic time at which time is up.
        """
        left = max(0.1, ends - time.monotonic())
        return (left, left) if self._is_last else None

    def nudge(self) -> None:
        """End the current pause."""
        self._nudge.set()

    def stop(self) -> None:
        """No further attempt."""
        self._stopped = True
        self._nudge.set()

    def next_pause(self, error: LangSmithError, attempt: int, ends: float) -> float | None:
        """Seconds to wait before the next attempt, or None if there is none.

        Args:
            error: What the last attempt raised.
            attempt: Its number, from 1.
            ends: Monotonic time at which time is up.
        """
        left = ends - time.monotonic()
        if self._stopped or self.probing or left <= 0 or not _passes(error):
            return None
        if self.attempts is not None and attempt >= self.attempts:
            return None
        pause: float = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311
        if error.retry_after is not None:
            pause = error.retry_after + random.uniform(0.0, 0.1)  # noqa: S311
        return min(pause, left)  # the last attempt is made when time is up

    def wait(self, seconds: float) -> bool:
        """Wait; returns whether it was cut short."""
        cut = self._nudge.wait(seconds)
        self._nudge.clear()
        return cut


class Delivery:
    """Sends batches of merged ops and counts what became of them.

    Args:
        transport: Gives the transport to send over.
        stats: Where to count.
        report: Told of failures.
        patience: How long to try.
        keeps: Whether somebody keeps what may be accepted later; else it has failed.
    """

    def __init__(
        self,
        transport: Callable[[], SyncTransport],
        stats: TracingStats,
        report: Reporter,
        patience: Patience,
        *,
        keeps: bool = False,
    ) -> None:
        self._transport = transport
        self.stats = stats
        self._report = report
        self.patience = patience
        self._keeps = keeps
        self.compressor = _multipart.Compressor()
        self._without_multipart: set[str | None] = set()

    def deliver(self, ops: Sequence[Op], target: Target, encoding: Encoding) -> list[Op]:
        """Deliver ops, or count them as failed.

        Args:
            ops: Merged, with the same credentials.
            target: Where to.
            encoding: How the server wants them.

        Returns:
            Those to keep and deliver later.
        """
        if target.endpoint in self._without_multipart:
            encoding = Encoding.JSON
        kept: list[Op] = []
        if encoding is Encoding.JSON:
            feedback = [op for op in ops if op[KIND] == FEEDBACK]
            ops = [op for op in ops if op[KIND] != FEEDBACK] if feedback else ops
            for op in feedback:
                kept += self._attempt([op], target, encoding)
        if ops:
            kept += self._attempt(ops, target, encoding)
        return kept

    def _attempt(self, ops: Sequence[Op], target: Target, encoding: Encoding) -> list[Op]:
        path, body = self._encode(ops, encoding)
        try:
            answer = self._send(path, body, target)
        except LangSmithError as error:
            return self._refused(error, ops, target, encoding)
        self._count_sent(ops, body, answer)
        return []

    def _refused(
        self, error: LangSmithError, ops: Sequence[Op], target: Target, encoding: Encoding
    ) -> list[Op]:
        status = error.status_code
        if status == _ALREADY_THERE:
            self.stats.sent += _weight(ops)
            return []
        if status in _BLAMES_CONTENT and len(ops) > 1:
            middle = len(ops) // 2
            halves = [self._attempt(half, target, encoding) for half in (ops[:middle], ops[middle:])]
            return [op for half in halves for op in half]
        if status == _TOO_LARGE and (smaller := truncated(ops[0])) is not None:
            return self._shortened(error, ops, smaller, target, encoding)
        if status == _NOT_FOUND and encoding is not Encoding.JSON:
            return self._without_parts(ops, target)
        if self._keeps and (_passes(error) or status in _REFUSES_CREDENTIALS):
            self._report.kept(error, _weight(ops))
            return list(ops)
        self.stats.failed += _weight(ops)
        self._report.undelivered(error, ops)
        return []

    def _shortened(
        self, error: LangSmithError, ops: Sequence[Op], smaller: Op, target: Target, encoding: Encoding
    ) -> list[Op]:
        """Send a run that is too large for the server without its largest field, so that the rest is there."""
        self._report.warn("too large", f"A run is too large and its largest field is left out: {error}")
        before = self.stats.sent
        kept = self._attempt([smaller], target, encoding)
        if self.stats.sent > before and not is_truncated(ops[0]):
            self.stats.truncated += ops[0][WEIGHT]
        return list(ops) if kept else []

    def _without_parts(self, ops: Sequence[Op], target: Target) -> list[Op]:
        """Send by the JSON endpoint; if it takes them, so will it take those that follow."""
        before = self.stats.sent
        kept = self.deliver(ops, target, Encoding.JSON)
        if self.stats.sent > before:
            self._without_multipart.add(target.endpoint)
        return kept

    def _send(self, path: str, body: Body, target: Target) -> Response:
        """Send a body, again and again within the limits.

        Returns:
            The answer that accepts it.

        Raises:
            LangSmithError: The last attempt's.
        """
        ends = time.monotonic() + self.patience.seconds
        request = Request(
            "POST",
            path,
            content=body.content,
            headers={**body.headers, **target.headers},
            timeout=self.patience.request_timeout(ends),
            endpoint=target.endpoint,
            retries=False,
            bare=True,
        )
        attempt = 0
        while True:
            attempt += 1
            self.stats.requests += 1
            try:
                return self._transport().send(request)
            except LangSmithError as error:
                pause = self.patience.next_pause(error, attempt, ends)
                if pause is None:
                    raise
                # Cut short: somebody waits for the end, or wants fewer attempts.
                if self.patience.wait(pause) and self.patience.next_pause(error, attempt, ends) is None:
                    raise
                self.stats.retries += 1

    def _encode(self, ops: Sequence[Op], encoding: Encoding) -> tuple[str, Body]:
        if encoding is not Encoding.JSON:
            compressor = self.compressor if encoding is Encoding.ZSTD else None
            return "/runs/multipart", _multipart.encode(ops, compressor)
        if ops[0][KIND] == FEEDBACK:
            return "/feedback", _multipart.Body(main_json(ops[0]), {})
        return "/runs/batch", _json_batch.encode(ops)

    def _count_sent(self, ops: Sequence[Op], body: Body, answer: Response) -> None:  # noqa: ARG002 - for those who read it
        self.stats.sent += _weight(ops)
        self.stats.sent_bytes += len(body.content)


def _passes(error: LangSmithError) -> bool:
    """Whether a failure may pass by itself."""
    status = error.status_code
    if status is None:
        return isinstance(error, LangSmithConnectionError)
    return status in _RETRIED or status >= _SERVER_FAILED


def _weight(ops: Sequence[Op]) -> int:
    return sum(op[WEIGHT] for op in ops)
