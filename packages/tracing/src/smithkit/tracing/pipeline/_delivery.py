"""Deliver a batch, whatever the server answers.

==========================================  ===================================================
no connection, no answer, 408, 425, 429,    again after a pause with jitter, or after Retry-After,
5xx                                         until the time is up; then counted as failed
413, 400, 422                               in halves, until the run that is to blame stands alone
409                                         it is there already: delivered
401, 403                                    counted as failed; the warning names the cure
404 on the multipart endpoint               by the JSON endpoint, now and from now on
everything else                             counted as failed
==========================================  ===================================================

Sending again is safe: the server knows a run by its id.
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

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
_BLAMES_CONTENT = (400, 413, 422)
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
    """

    def __init__(self, seconds: float = 60.0, attempts: int | None = None) -> None:
        self.seconds = seconds
        self.attempts = attempts
        self._stopped = False
        self._nudge = threading.Event()

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
        if self._stopped or not _passes(error) or (self.attempts is not None and attempt >= self.attempts):
            return None
        pause = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311
        if error.retry_after is not None:
            pause = error.retry_after + random.uniform(0.0, 0.1)  # noqa: S311
        return pause if time.monotonic() + pause < ends else None

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
    """

    def __init__(
        self,
        transport: Callable[[], SyncTransport],
        stats: TracingStats,
        report: Reporter,
        patience: Patience,
    ) -> None:
        self._transport = transport
        self._stats = stats
        self._report = report
        self.patience = patience
        self.compressor = _multipart.Compressor()
        self._without_multipart: set[str | None] = set()

    def deliver(self, ops: Sequence[Op], target: Target, encoding: Encoding) -> None:
        """Deliver ops, or count them as failed.

        Args:
            ops: Merged, in their order.
            target: Where to.
            encoding: How.
        """
        if target.endpoint in self._without_multipart:
            encoding = Encoding.JSON
        if encoding is Encoding.JSON:
            feedback = [op for op in ops if op[KIND] == FEEDBACK]
            ops = [op for op in ops if op[KIND] != FEEDBACK] if feedback else ops
            for op in feedback:
                self._attempt([op], target, encoding)
        if ops:
            self._attempt(ops, target, encoding)

    def _attempt(self, ops: Sequence[Op], target: Target, encoding: Encoding) -> bool:
        path, body = self._encode(ops, encoding)
        try:
            self._send(path, body, target)
        except LangSmithError as error:
            return self._refused(error, ops, target, encoding)
        self._count_sent(ops, body)
        return True

    def _refused(self, error: LangSmithError, ops: Sequence[Op], target: Target, encoding: Encoding) -> bool:
        status = error.status_code
        if status == _ALREADY_THERE:
            self._stats.sent += _weight(ops)
            return True
        if status in _BLAMES_CONTENT and len(ops) > 1:
            middle = len(ops) // 2
            halves = [self._attempt(half, target, encoding) for half in (ops[:middle], ops[middle:])]
            return all(halves)
        if status == _NOT_FOUND and encoding is not Encoding.JSON:
            before = self._stats.sent
            self.deliver(ops, target, Encoding.JSON)
            if self._stats.sent > before:
                self._without_multipart.add(target.endpoint)
                return True
            return False
        self._stats.failed += _weight(ops)
        self._report.undelivered(error, ops)
        return False

    def _send(self, path: str, body: Body, target: Target) -> None:
        """Send a body, again and again within the limits.

        Raises:
            LangSmithError: The last attempt's.
        """
        request = Request(
            "POST",
            path,
            content=body.content,
            headers={**body.headers, **target.headers},
            endpoint=target.endpoint,
            retries=False,
            bare=True,
        )
        ends = time.monotonic() + self.patience.seconds
        attempt = 0
        while True:
            attempt += 1
            self._stats.requests += 1
            try:
                self._transport().send(request)
            except LangSmithError as error:
                pause = self.patience.next_pause(error, attempt, ends)
                if pause is None:
                    raise
                # Cut short: somebody waits for the end, or wants fewer attempts.
                if self.patience.wait(pause) and self.patience.next_pause(error, attempt, ends) is None:
                    raise
                self._stats.retries += 1
            else:
                return

    def _encode(self, ops: Sequence[Op], encoding: Encoding) -> tuple[str, Body]:
        if encoding is not Encoding.JSON:
            compressor = self.compressor if encoding is Encoding.ZSTD else None
            return "/runs/multipart", _multipart.encode(ops, compressor)
        if ops[0][KIND] == FEEDBACK:
            return "/feedback", _multipart.Body(main_json(ops[0]), {})
        return "/runs/batch", _json_batch.encode(ops)

    def _count_sent(self, ops: Sequence[Op], body: Body) -> None:
        self._stats.sent += _weight(ops)
        self._stats.sent_bytes += len(body.content)


def _passes(error: LangSmithError) -> bool:
    """Whether a failure may pass by itself."""
    status = error.status_code
    if status is None:
        return isinstance(error, LangSmithConnectionError)
    return status in _RETRIED or status >= _SERVER_FAILED


def _weight(ops: Sequence[Op]) -> int:
    return sum(op[WEIGHT] for op in ops)
