"""Ops that wait, bounded by bytes: when it is full, the oldest whole traces make room.

A run's beginning waits under the run's id, where its end finds it: most runs leave as one op.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from smithkit.tracing.pipeline._snapshot import ID, KIND, POST, SIZE, TRACE, WEIGHT
from smithkit.tracing.pipeline._truncate import truncated

if TYPE_CHECKING:
    from collections.abc import Hashable

    from smithkit.tracing.pipeline._snapshot import Op
    from smithkit.tracing.pipeline._stats import TracingStats

__all__ = ["TraceQueue"]

_NEVER = 1 << 62
_SPARE_SHARE = 16  # a full queue frees a sixteenth of itself at once, not an op at a time
_REMEMBERED_TRACES = 4096
_JOIN_SECONDS = 30.0


class TraceQueue:
    """First in, first out; one reader, any number of writers.

    Args:
        capacity: Bytes of ops that may wait or be on their way.
        stats: Where to count.
    """

    def __init__(self, capacity: int, stats: TracingStats) -> None:
        self.capacity = capacity
        self._stats = stats
        self._items: dict[Hashable, Op | threading.Event] = {}  # in the order of their coming
        self._numbers = itertools.count()
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
            items = self._items
            key: Hashable = op[ID]
            if op[KIND] != POST or key in items:
                key = next(self._numbers)
            items[key] = op
            self._bytes += size
            if len(items) < self._notify_at:
                return False
            self._notify_at = _NEVER
            self._changed.notify()
            return True

    def complete(self, begun: Op, ended: Op) -> bool:
        """Put a whole run in the place of its beginning.

        Args:
            begun: What `put` was given when the run began.
            ended: The run with its end.

        Returns:
            Whether the beginning was still there; otherwise nothing has changed.
        """
        key = begun[ID]
        with self._lock:
            if self._items.get(key) is not begun or ended[SIZE] > self.capacity:
                return False
            self._stats.submitted += ended[WEIGHT] - begun[WEIGHT]
            self._items[key] = ended
            self._bytes += ended[SIZE] - begun[SIZE]
            if self._bytes > self.capacity:
                self._make_room(0)
            return True

    def mark(self) -> threading.Event | None:
        """An event that is set once everything put before is settled; None if there is nothing."""
        with self._lock:
            if not self._bytes and not self._items:
                return None
            event = threading.Event()
            self._items[next(self._numbers)] = event
            self.wake()
            return event

    def join(self) -> None:
        """Wait until everything put before is settled, or half a minute: for LangChain before 0.3.26."""
        event = self.mark()
        if event is not None:
            event.wait(_JOIN_SECONDS)

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

    def rest(self, count: int = 1) -> bool:
        """Have a writer wake or start the reader, or do its work, when there are so many items.

        Args:
            count: How many.

        Returns:
            False if they are there already.
        """
        with self._lock:
            if len(self._items) >= count:
                return False
            self._notify_at = count
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
            keys: list[Hashable] = []
            for key, item in items.items():
                if isinstance(item, threading.Event):
                    if not taken:
                        del items[key]
                        return taken, item
                    break
                limit -= item[SIZE]
                if taken and (limit < 0 or len(taken) >= count):
                    break
                taken.append(item)
                keys.append(key)
            if len(keys) == len(items):
                items.clear()
            else:
                for key in keys:
                    del items[key]
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
            lost = 0
            for item in self._items.values():
                if isinstance(item, threading.Event):
                    item.set()
                else:
                    self._bytes -= item[SIZE]
                    lost += item[WEIGHT]
            self._items.clear()
            self._stats.dropped += lost
        return lost

    def _shortened(self, op: Op) -> Op:
        """What is larger than the whole queue goes without its largest fields, or it would cost all others."""
        smaller = truncated(op, self.capacity // _SPARE_SHARE)
        if smaller is None:
            return op
        self._stats.truncated += op[WEIGHT]
        return smaller

    def _make_room(self, size: int) -> bool:
        """Drop the oldest traces until an op fits; what is larger than the queue is only let in when it is empty."""
        if self._bytes + size <= self.capacity:
            return True
        if not self._items:
            return not self._bytes  # what is on its way takes room too
        if size > self.capacity:
            return False
        needed = self._bytes + size - self.capacity + self.capacity // _SPARE_SHARE
        traces: dict[str, None] = {}
        for item in self._items.values():
            if needed <= 0:
                break
            if not isinstance(item, threading.Event):
                traces[item[TRACE]] = None
                needed -= item[SIZE]
        kept: dict[Hashable, Op | threading.Event] = {}
        for key, item in self._items.items():
            if isinstance(item, threading.Event) or item[TRACE] not in traces:
                kept[key] = item
            else:
                self._bytes -= item[SIZE]
                self._stats.dropped += item[WEIGHT]
        self._items = kept
        for trace in traces:
            self._forget(trace)
        return self._bytes + size <= self.capacity

    def _forget(self, trace: str) -> None:
        """Later ops of a dropped trace are dropped too: a trace is whole or not there."""
        self._dropped_traces[trace] = None
        while len(self._dropped_traces) > _REMEMBERED_TRACES:
            del self._dropped_traces[next(iter(self._dropped_traces))]
