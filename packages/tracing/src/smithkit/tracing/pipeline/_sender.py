"""A lane: a queue, and the threads that bring what is in it to one endpoint.

Without a spool one thread takes batches from the queue and delivers them. With a spool it writes them to
disk at once, whatever the server does, and a second thread delivers what is there. Threads start with the
first run and hold their lane only while there is work, so that a client that nobody uses any more can go.
"""

from __future__ import annotations

import functools
import threading
import time
from typing import TYPE_CHECKING

from smithkit.tracing import _runtime
from smithkit.tracing.pipeline import _exit
from smithkit.tracing.pipeline._decoded import decoded, merged
from smithkit.tracing.pipeline._delivery import Delivery, Encoding, Patience
from smithkit.tracing.pipeline._queue import TraceQueue
from smithkit.tracing.pipeline._snapshot import AUTH, SIZE, WEIGHT
from smithkit.tracing.pipeline._stats import TracingStats
from smithkit.tracing.pipeline._target import of_credentials
from smithkit.tracing.pipeline._worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from smithkit.plugins import ClientHooks
    from smithkit.tracing.pipeline._mode import Mode, ServerMode
    from smithkit.tracing.pipeline._report import Reporter
    from smithkit.tracing.pipeline._snapshot import Op
    from smithkit.tracing.pipeline._spool import Segment, SpoolStore
    from smithkit.tracing.pipeline._target import Target
    from smithkit.transport import SyncTransport

__all__ = ["Lane"]

_LINGER_SECONDS = 0.05  # how long a batch waits for company, and a create for its update
_IDLE_SECONDS = 1.0  # how soon the thread of a client that is gone ends
_JOIN_SECONDS = 2.0
_OPS_PER_RUN = 2
_OPS_WITHOUT_THREAD = 200  # sent at once by whoever traces, where no thread can be started
_WRITTEN_OPS = 1000  # written to disk at once
_WRITTEN_BYTES = 4 * 1024 * 1024
_LONGEST_PAUSE = 30.0  # before the next look whether a server that was down is back


class Lane:
    """A queue and its threads, for one endpoint: endpoints fail independently.

    Args:
        target: Where ops without credentials of their own go.
        capacity: Bytes that may wait in memory.
        mode: How the server wants runs.
        transport: Gives the transport to send over.
        report: Told of failures.
        export: Hooks that get each batch as well, or None.
        spool: Makes the spool that runs are written to before they are sent; None for none.
        delivery: Makes what delivers the batches.
    """

    exit_order = 1

    def __init__(
        self,
        target: Target,
        *,
        capacity: int,
        mode: ServerMode,
        transport: Callable[[], SyncTransport],
        report: Reporter,
        export: ClientHooks | None,
        spool: Callable[[], SpoolStore] | None = None,
        delivery: Callable[..., Delivery] = Delivery,
    ) -> None:
        self._target = target
        self._capacity = capacity
        self._mode = mode
        self._transport = transport
        self._report = report
        self._export = export
        self._new_spool = spool
        self._make_delivery = delivery
        self.renew()

    def renew(self) -> None:
        """Begin anew, without threads and runs, and without what another thread may hold for ever.

        In a forked child queue, locks and threads are copies of the parent's, who goes on with its own.
        """
        self._taken_in = TracingStats()
        self.queue = TraceQueue(self._capacity, self._taken_in)
        self.spool = None if self._new_spool is None else self._new_spool()
        self._from_disk: list[TracingStats] = []
        self._from_memory: list[TracingStats] = []
        self._renew_deliveries()
        rest = functools.partial(self.queue.wait, 1, _IDLE_SECONDS)
        self._reader = Worker(self, Lane._read, rest, "smithkit-tracing")
        self._sender: Worker | None = None
        self._failed_rounds = 0
        self._ending = threading.Lock()
        _exit.enlist(self)
        if self.spool is not None:
            pause = functools.partial(self.spool.wait, _IDLE_SECONDS)
            self._sender = Worker(self, Lane._send_spooled, pause, "smithkit-spool")

    @property
    def stats(self) -> TracingStats:
        """What became of this lane's ops."""
        total = TracingStats()
        for counts in self._from_disk:
            total.add(counts)
        if self.spool is not None:
            total.add(self.spool.stats)
            total.spooled = self.spool.accepted - total.sent - total.failed - total.dropped
        for counts in self._from_memory:
            total.add(counts)
        total.add(self._taken_in)  # last: each other count is of what was submitted before
        total.queued = max(0, total.submitted - total.sent - total.dropped - total.failed - total.spooled)
        total.queued_bytes = self.queue.bytes
        return total

    def put(self, op: Op) -> None:
        """Queue an op.

        Args:
            op: What to send.
        """
        if self.queue.put(op):
            self.ready()

    def recover(self) -> None:
        """Deliver what an earlier process has left on disk."""
        if self._sender is not None and self.spool is not None and self.spool.has_leftovers():
            _exit.keep(self)
            self._sender.ensure()

    # ------------------------------------------------------------------ waiting

    def flush(self, timeout: float, attempts: int | None = None) -> None:
        """Wait until everything queued before is settled, or on disk while its endpoint is down.

        Args:
            timeout: Seconds to wait at most.
            attempts: How often to try each request; None leaves it to the usual limits.
        """
        if self._is_own_thread():  # called by a callback: it can not wait for itself
            return
        ends = time.monotonic() + timeout
        patience = self.delivery.patience
        patience.attempts = attempts
        self.queue.urgent += 1
        patience.nudge()
        try:
            self._flush_queue(timeout)
            if self._sender is not None and self.spool is not None:
                self.spool.recover(max(0.0, ends - time.monotonic()))
                if self.spool.backlog:
                    self._sender.ensure()
                patience.nudge()
                self.spool.wait_settled(max(0.0, ends - time.monotonic()))
        finally:
            self.queue.urgent -= 1
            patience.attempts = None

    def close(self, timeout: float) -> None:
        """Flush, end the threads, and drop what is in memory still; a later run starts them again.

        Args:
            timeout: Seconds to wait at most.
            reason: What to say of runs that are dropped.
        """
        self.flush(timeout)
        self.delivery.patience.stop()
        self._unspooled.patience.stop()
        join = 0.0 if self._is_own_thread() else min(_JOIN_SECONDS, max(timeout, 0.1))
        self.queue.urgent += 1  # the thread may be on its way to wait, where a single wake would be missed
        self._straggles |= not self._reader.stop(self.queue.wake, join)
        self.queue.urgent -= 1
        if self._sender is not None and self.spool is not None:
            self._straggles |= not self._sender.stop(self.spool.wake, join)
            self._write_rest()
            self.spool.close()
        lost = self.queue.clear()
        if lost:
            self._report.warn("closed", "The client was closed before these runs were sent", lost)
        _exit.release(self)
        self.queue.rest()

    def finish(self, seconds: float) -> int:
        """Deliver what can be delivered while the process ends; see `_exit`."""
        before = self.stats.dropped
        self.close(seconds)
        after = self.stats
        return after.dropped - before + after.queued

    def _flush_queue(self, timeout: float) -> None:
        mark = self.queue.mark()
        if mark is not None:
            self.ready(at_once=True)
            self.queue.wake()
            mark.wait(max(0.0, timeout))

    def _is_own_thread(self) -> bool:
        return self._reader.is_current() or (self._sender is not None and self._sender.is_current())

    # ------------------------------------------------------------------ the threads

    def ready(self, *, at_once: bool = False) -> None:
        """See to it that somebody takes what is queued."""
        _exit.keep(self)
        if _exit.begun():
            if not self._reader.is_alive():
                self._work_here()
            return
        if self.delivery.patience.stopped:
            self._reopen()
        if not self._reader.ensure() and (at_once or not self.queue.rest(_OPS_WITHOUT_THREAD)):
            self._work_here()

    def _read(self) -> None:
        """The first thread's work: take batches until the queue is empty."""
        if self.spool is None:
            _runtime.git_revision()  # not while others wait for it
        while self._reader.is_current():
            if not self.queue:
                self._release_if_idle()
                if self.queue.rest():
                    return
                _exit.keep(self)
            else:
                self._take_batch()

    def _take_batch(self) -> None:
        if self.spool is None:
            mode = self._mode.get()
            count, limit = _OPS_PER_RUN * mode.runs, mode.bytes
        else:
            count, limit = _WRITTEN_OPS, _WRITTEN_BYTES
        self.queue.wait(count, _LINGER_SECONDS)
        ops, mark = self.queue.take(count, limit)
        try:
            if ops:
                self._export_batch(ops)
                self._write(ops) if self.spool is not None else self._deliver(ops)
        finally:
            self.queue.settle(ops)
            if mark is not None:
                mark.set()

    def _send_spooled(self) -> None:
        """The second thread's work: deliver what is on disk."""
        assert self._sender is not None  # noqa: S101 - for type checkers
        assert self.spool is not None  # noqa: S101
        while self._sender.is_current():
            self.spool.recover()
            segment = self.spool.take()
            if segment is None:
                self._release_if_idle()
                return
            _exit.keep(self)
            self._send_segment(self.spool, segment)

    def _work_here(self) -> None:
        """The interpreter starts no thread any more: write, or send within the time that its end may take."""
        if not self._ending.acquire(blocking=False):
            return  # whoever is at it takes this too
        try:
            if self.spool is not None:
                self._write_rest()
                self.spool.close()
            if self._straggles:
                self._reopen()
            patience = self._unspooled.patience = Patience(_exit.seconds_left(), is_last=True)
            while self.queue and patience.seconds > 0:
                ops, mark = self.queue.take(_WRITTEN_OPS, _WRITTEN_BYTES)
                self._deliver(ops)
                self.queue.settle(ops)
                if mark is not None:
                    mark.set()
                patience.seconds = _exit.seconds_left()
            lost = self.queue.clear() if _exit.begun() else 0
            if lost:
                self._report.warn("ended", "The program ended before these runs were sent", lost)
        finally:
            self.queue.rest()
            self._ending.release()

    def _release_if_idle(self) -> None:
        if not self.queue and not self.queue.bytes and (self.spool is None or not self.spool.backlog):
            _exit.release(self)

    # ------------------------------------------------------------------ batches

    def _export_batch(self, ops: list[Op]) -> None:
        if self._export is not None and self._export.has("export_runs"):
            self._export.notify("export_runs", batch=[decoded(op) for op in merged(ops)])

    def _write(self, ops: list[Op]) -> None:
        """Write ops to disk, where the other thread finds them; deliver them if that fails."""
        assert self._sender is not None  # noqa: S101 - for type checkers
        assert self.spool is not None  # noqa: S101
        if self.spool.append(merged(ops)):
            _exit.keep(self)
            self._sender.ensure()
        else:
            self._deliver(ops)

    def _write_rest(self) -> None:
        """Write what is queued, without a thread."""
        assert self.spool is not None  # noqa: S101 - for type checkers
        while self.queue:
            ops, mark = self.queue.take(_WRITTEN_OPS, _WRITTEN_BYTES)
            written = not ops or self.spool.append(merged(ops))
            self.queue.settle(ops)
            if mark is not None:
                mark.set()
            if not written:
                self._unspooled.stats.failed += sum(op[WEIGHT] for op in ops)
                self._report.warn(
                    "closed unspooled", "Runs could neither be sent nor written to disk", len(ops)
                )

    def _deliver(self, ops: list[Op]) -> None:
        """Deliver ops from memory."""
        delivery = self._unspooled
        stats = delivery.stats
        before = stats.sent + stats.failed
        try:
            mode = self._mode.get()
            for target, encoding, batch in self._batches(ops, mode):
                delivery.deliver(batch, target, encoding)
        except BaseException as error:
            stats.failed += sum(op[WEIGHT] for op in ops) - (stats.sent + stats.failed - before)
            if not isinstance(error, Exception):  # somebody kills the thread
                self._report.warn("killed", "The sender's thread was killed with runs in its hands", len(ops))
                raise
            self._report.undelivered(error, ops)

    def _send_segment(self, spool: SpoolStore, segment: Segment) -> None:
        """Deliver a segment, batch by batch, until the server takes no more."""
        mode = self._mode.get()
        delivery = self.delivery
        patience = delivery.patience
        try:
            records = segment.load()
            numbers = iter([number for number, _ in records])
            for batch in cut([op for _, op in records], mode.runs, mode.bytes):
                kept = self._deliver_spooled(delivery, batch, mode)
                kept_ids = {id(op) for op in kept}
                spool.settle(
                    segment,
                    [number for op, number in zip(batch, numbers, strict=False) if id(op) not in kept_ids],
                )
                if kept:
                    break
            else:
                spool.settle(segment, list(segment.pending))
                self._failed_rounds = 0
                patience.probing = False
                return
        except OSError as error:
            self._report.warn("spool read", f"Runs on disk cannot be read: {error}")
        spool.put_back(segment)
        self._failed_rounds += 1
        patience.probing = True
        patience.wait(min(2.0 ** min(self._failed_rounds, 10), _LONGEST_PAUSE))

    def _deliver_spooled(self, delivery: Delivery, batch: Sequence[Op], mode: Mode) -> list[Op]:
        stats = delivery.stats
        before = stats.sent + stats.failed
        try:
            return delivery.deliver(batch, self._target, _encoding(mode))
        except Exception as error:  # noqa: BLE001 - one batch must not keep the others on disk for ever
            stats.failed += sum(op[WEIGHT] for op in batch) - (stats.sent + stats.failed - before)
            self._report.undelivered(error, batch)
            return []

    def _batches(self, ops: list[Op], mode: Mode) -> Iterator[tuple[Target, Encoding, Sequence[Op]]]:
        """Ops by credentials, merged, and cut to the size of a request."""
        groups: dict[tuple[object, ...] | None, list[Op]] = {}
        for op in ops:
            groups.setdefault(op[AUTH], []).append(op)
        for auth, group in groups.items():
            target = self._target if auth is None else of_credentials(auth)
            encoding = _encoding(mode)
            if encoding is Encoding.ZSTD and auth is not None:
                encoding = Encoding.PLAIN
            for batch in cut(merged(group), mode.runs, mode.bytes):
                yield target, encoding, batch

    def _reopen(self) -> None:
        """Deliver again after `close`; a thread that did not end in time goes on with what it has alone."""
        if self._straggles:
            self._renew_deliveries()
        self.delivery.patience, self._unspooled.patience = Patience(), Patience()

    def _renew_deliveries(self) -> None:
        self._straggles = False
        self.delivery = self._new_delivery(keeps=self.spool is not None)
        self._unspooled = self.delivery if self.spool is None else self._new_delivery(keeps=False)

    def _new_delivery(self, *, keeps: bool) -> Delivery:
        stats = TracingStats()
        (self._from_disk if keeps else self._from_memory).append(stats)
        return self._make_delivery(self._transport, stats, self._report, Patience(), keeps=keeps)


def _encoding(mode: Mode) -> Encoding:
    if not mode.multipart:
        return Encoding.JSON
    return Encoding.ZSTD if mode.zstd else Encoding.PLAIN


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
