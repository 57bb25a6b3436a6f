"""The sender: one daemon thread that gathers batches from a queue and delivers them.

It starts with the first run and holds its lane only while there is work, so that a client that nobody
uses any more can go. A lane with work is kept alive by the module.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from typing import TYPE_CHECKING

from smithkit.tracing import _runtime
from smithkit.tracing.pipeline._decoded import decoded, merged
from smithkit.tracing.pipeline._delivery import Delivery, Encoding, Patience
from smithkit.tracing.pipeline._queue import TraceQueue
from smithkit.tracing.pipeline._snapshot import AUTH, SIZE
from smithkit.tracing.pipeline._stats import TracingStats
from smithkit.tracing.pipeline._target import of_credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from smithkit.plugins import ClientHooks
    from smithkit.tracing.pipeline._mode import Mode, ServerMode
    from smithkit.tracing.pipeline._report import Reporter
    from smithkit.tracing.pipeline._snapshot import Op
    from smithkit.tracing.pipeline._target import Target
    from smithkit.transport import SyncTransport

__all__ = ["Lane", "flush_all"]

_LINGER_SECONDS = 0.05  # how long a batch waits for company, and a create for its update
_IDLE_SECONDS = 1.0  # how soon the thread of a client that is gone ends
_EXIT_SECONDS = 10.0
_JOIN_SECONDS = 2.0
_OPS_PER_RUN = 2
_log = logging.getLogger("smithkit.tracing")

_busy: set[Lane] = set()


class Lane:
    """A queue and its sender, for one endpoint: endpoints fail independently.

    Args:
        target: Where ops without credentials of their own go.
        capacity: Bytes that may wait.
        mode: How the server wants runs.
        transport: Gives the transport to send over.
        report: Told of failures.
        export: Hooks that get each batch as well, or None.
    """

    def __init__(
        self,
        target: Target,
        *,
        capacity: int,
        mode: ServerMode,
        transport: Callable[[], SyncTransport],
        report: Reporter,
        export: ClientHooks | None,
    ) -> None:
        self.stats = TracingStats()
        self.queue = TraceQueue(capacity, self.stats)
        self.delivery = Delivery(transport, self.stats, report, Patience())
        self._target = target
        self._mode = mode
        self._report = report
        self._export = export
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()
        self._stopped = False

    def put(self, op: Op) -> None:
        """Queue an op.

        Args:
            op: What to send.
        """
        if self.queue.put(op):
            self._ready()

    def flush(self, timeout: float, attempts: int | None = None) -> bool:
        """Wait until everything queued before is settled.

        Args:
            timeout: Seconds to wait at most.
            attempts: How often to try each request; None leaves it to the usual limits.

        Returns:
            Whether everything is settled.
        """
        if threading.current_thread() is self._thread:  # called by a callback: it can not wait for itself
            return False
        settled = self.queue.mark()
        if settled is None:
            return True
        patience = self.delivery.patience
        patience.attempts = attempts
        self.queue.urgent += 1
        patience.nudge()
        self._ready()
        self.queue.wake()
        try:
            return settled.wait(max(0.0, timeout))
        finally:
            self.queue.urgent -= 1
            patience.attempts = None

    def close(self, timeout: float) -> None:
        """Flush, end the thread, and drop what could not be sent; a later run starts it again.

        Args:
            timeout: Seconds to wait at most.
        """
        self.flush(timeout)
        self._stopped = True
        self.delivery.patience.stop()
        self.queue.urgent += 1  # the thread may be on its way to wait, where a single wake would be missed
        self.queue.wake()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_SECONDS)
        self.queue.urgent -= 1
        lost = self.queue.clear()
        if lost:
            self._report.warn("closed", "The client was closed before these runs were sent", lost)
        _busy.discard(self)
        self.queue.rest()

    def work(self) -> bool:
        """Deliver until the queue is empty; returns whether the thread is to go on."""
        while not self._stopped:
            mode = self._mode.get() if self.queue else None
            if mode is None:
                _busy.discard(self)
                if self.queue.rest():
                    return True
                _busy.add(self)
                continue
            self.queue.wait(_OPS_PER_RUN * mode.runs, _LINGER_SECONDS)
            ops, mark = self.queue.take(_OPS_PER_RUN * mode.runs, mode.bytes)
            try:
                self._deliver(ops, mode)
            finally:
                self.queue.settle(ops)
                if mark is not None:
                    mark.set()
        return False

    def _deliver(self, ops: list[Op], mode: Mode) -> None:
        before = self.stats.sent + self.stats.failed
        try:
            for target, encoding, batch in self._batches(ops, mode):
                self.delivery.deliver(batch, target, encoding)
        except BaseException as error:
            self.stats.failed += len(ops) - (self.stats.sent + self.stats.failed - before)
            if not isinstance(error, Exception):  # somebody kills the thread
                raise
            self._report.undelivered(error, ops)

    def _batches(self, ops: list[Op], mode: Mode) -> Iterator[tuple[Target, Encoding, Sequence[Op]]]:
        """Ops by credentials, merged, and cut to the size of a request."""
        if self._export is not None and ops and self._export.has("export_runs"):
            self._export.notify("export_runs", batch=[decoded(op) for op in merged(ops)])
        groups: dict[tuple[object, ...] | None, list[Op]] = {}
        for op in ops:
            groups.setdefault(op[AUTH], []).append(op)
        for auth, group in groups.items():
            target = self._target if auth is None else of_credentials(auth)
            encoding = Encoding.JSON
            if mode.multipart:
                encoding = Encoding.ZSTD if mode.zstd and auth is None else Encoding.PLAIN
            for batch in cut(merged(group), mode.runs, mode.bytes):
                yield target, encoding, batch

    def _ready(self) -> None:
        _busy.add(self)
        if self._thread is None or not self._thread.is_alive() or self._stopped:
            self._start()

    def _start(self) -> None:
        with self._start_lock:
            if self._thread is not None and self._thread.is_alive() and not self._stopped:
                return
            if self._stopped:
                self._stopped = False
                self.delivery.patience = Patience()
            thread = threading.Thread(
                target=_serve, args=(weakref.ref(self), self.queue), name="smithkit-tracing", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:  # the interpreter is shutting down
                self.work()
            else:
                self._thread = thread


def cut(ops: Sequence[Op], count: int, limit: int) -> Iterator[Sequence[Op]]:
    """Cut ops into batches.

    Args:
        ops: What to cut.
        count: Ops in a batch at most.
        limit: Bytes in a batch at most; an op that is larger stands alone.
    """
    start = size = 0
    for index, op in enumerate(ops):
        if index > start and (index - start >= count or size + op[SIZE] > limit):
            yield ops[start:index]
            start, size = index, 0
        size += op[SIZE]
    if start < len(ops):
        yield ops[start:]


def flush_all(timeout: float = _EXIT_SECONDS) -> None:
    """Send what all clients of the process have queued.

    Args:
        timeout: Seconds for all of them together.
    """
    ends = time.monotonic() + timeout
    for lane in list(_busy):
        if not lane.flush(ends - time.monotonic()):
            _log.warning("%d operations of runs were not sent before the program ended", len(lane.queue))


def _serve(reference: weakref.ref[Lane], queue: TraceQueue) -> None:
    """The thread's life: work, then wait without holding the lane."""
    _runtime.git_revision()
    while True:
        lane = reference()
        if lane is None:
            return
        try:
            if not lane.work():
                return
        except BaseException:
            queue.abandon()
            raise
        del lane
        queue.wait(1, _IDLE_SECONDS)


atexit.register(flush_all)
