"""Ops that wait, bounded by bytes: when it is full, the oldest whole traces make room."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from smithkit.tracing.pipeline._snapshot import SIZE, TRACE, WEIGHT
from smithkit.tracing.pipeline._truncate import truncated

if TYPE_CHECKING:
    from smithkit.tracing.pipeline._snapshot import Op
    from smithkit.tracing.pipeline._stats import TracingStats

__all__ = ["TraceQueue"]

_NEVER = 1 << 62
_SPARE_SHARE = 16  # a full queue frees a sixteenth of itself at once, not an op at a time
_REMEMBERED_TRACES = 4096


class TraceQueue:
    """First in, first out; one reader, any number of writers.

    Args:
        capacity: Bytes of ops that may wait or be on their way.
        stats: Where to count.
    """

    def __init__(self, capacity: int, stats: TracingStats) -> None:
        self.capacity = capacity
        self._stats = stats
        self._items: deque[Op | threading.Event] = deque()
        self._bytes = 0
        self._dropped_traces: dict[str, None] = {}
        self._lock = threading.RLock()  # a signal handler may trace while its thread is in here
        self._changed = threading.Condition(self._lock)
        self._notify_at = 1
        self.urgent = 0
        """How many callers wait for everything to be sent."""

    def __len__(self) -> int:
        return len(self._items)

    @property
    def bytes(self) -> int:
        """Bytes of ops that wait or are on their way."""
        return self._bytes

    def put(self, op: Op) -> bool:
        """Add an op.

        Args:
            op: What to add.

        Returns:
            Whether the reader has to be woken, or started.
        """
        size = op[SIZE]
        with self._lock:
            self._stats.submitted += 1
            if self._bytes + size > self.capacity:
                if size > self.capacity:
                    op = self._shortened(op)
                    size = op[SIZE]
                if not self._make_room(size):
                    self._forget(op[TRACE])
                    self._stats.dropped += 1
                    return False
            if self._dropped_traces and op[TRACE] in self._dropped_traces:
                self._stats.dropped += 1
                return False
            self._items.append(op)
            self._bytes += size
            if len(self._items) < self._notify_at:
                return False
            self._notify_at = _NEVER
            self._changed.notify()
            return True

    def mark(self) -> threading.Event | None:
        """An event that is set once everything put before is settled; None if there is nothing."""
        with self._lock:
            if not self._bytes and not self._items:
                return None
            event = threading.Event()
            self._items.append(event)
            self.wake()
            return event

    def wake(self) -> None:
        """Wake the reader."""
        with self._lock:
            self._notify_at = _NEVER
            self._changed.notify()

    def wait(self, count: int, seconds: float) -> bool:
        """Wait until there are `count` items or somebody is in a hurry.

        Args:
            count: Items to wait for.
            seconds: How long at most.

        Returns:
            Whether there is anything.
        """
        with self._lock:
            if len(self._items) < count and not self.urgent:
                self._notify_at = count
                self._changed.wait(seconds)
                self._notify_at = _NEVER
            return bool(self._items)

    def rest(self) -> bool:
        """Have the next writer wake or start the reader; False if something is there already."""
        with self._lock:
            if self._items:
                return False
            self._notify_at = 1
            return True

    def take(self, count: int, limit: int) -> tuple[list[Op], threading.Event | None]:
        """Take the oldest ops; they count as waiting until they are settled.

        Args:
            count: Ops at most.
            limit: Bytes at most; the first op is taken whatever its size.

        Returns:
            The ops, and the mark that stood behind them if it was reached.
        """
        taken: list[Op] = []
        with self._lock:
            items = self._items
            while items and len(taken) < count:
                item = items[0]
                if isinstance(item, threading.Event):
                    if not taken:
                        items.popleft()
                        return taken, item
                    break
                limit -= item[SIZE]
                if limit < 0 and taken:
                    break
                taken.append(item)
                items.popleft()
        return taken, None

    def settle(self, ops: list[Op]) -> None:
        """Ops that were taken are done with.

        Args:
            ops: What `take` gave.
        """
        with self._lock:
            self._bytes -= sum(op[SIZE] for op in ops)

    def clear(self) -> int:
        """Drop what waits.

        Returns:
            How many ops.
        """
        with self._lock:
            ops = [item for item in self._items if not isinstance(item, threading.Event)]
            for item in self._items:
                if isinstance(item, threading.Event):
                    item.set()
            self._items.clear()
            self._bytes -= sum(op[SIZE] for op in ops)
            self._stats.dropped += len(ops)
        return len(ops)

    def _shortened(self, op: Op) -> Op:
        """What is larger than the whole queue goes without its largest fields, or it would cost all others."""
        smaller = truncated(op, self.capacity // _SPARE_SHARE)
        if smaller is None:
            return op
        self._stats.truncated += op[WEIGHT]
        return smaller

    def _make_room(self, size: int) -> bool:
        """Drop the oldest traces until an op fits; what is larger than the queue is only let in when it is empty."""
        if not self._items:
            return True
        if size > self.capacity:
            return False
        needed = self._bytes + size - self.capacity + self.capacity // _SPARE_SHARE
        traces: dict[str, None] = {}
        for item in self._items:
            if needed <= 0:
                break
            if not isinstance(item, threading.Event):
                traces[item[TRACE]] = None
                needed -= item[SIZE]
        kept: deque[Op | threading.Event] = deque()
        for item in self._items:
            if isinstance(item, threading.Event) or item[TRACE] not in traces:
                kept.append(item)
            else:
                self._bytes -= item[SIZE]
                self._stats.dropped += 1
        self._items = kept
        for trace in traces:
            self._forget(trace)
        return self._bytes + size <= self.capacity or not self._items

    def _forget(self, trace: str) -> None:
        """Later ops of a dropped trace are dropped too: a trace is whole or not there."""
        self._dropped_traces[trace] = None
        while len(self._dropped_traces) > _REMEMBERED_TRACES:
            del self._dropped_traces[next(iter(self._dropped_traces))]
