"""The spool: runs on disk until they are delivered, so that neither an outage nor a crash loses them."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from smithkit.tracing.pipeline._snapshot import WEIGHT
from smithkit.tracing.pipeline._spool import _folder, _record
from smithkit.tracing.pipeline._spool._segment import Segment
from smithkit.tracing.pipeline._stats import TracingStats

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from smithkit.tracing.pipeline._report import Reporter
    from smithkit.tracing.pipeline._snapshot import Op

__all__ = ["Segment", "SpoolStore"]

_SEGMENT_BYTES = 4 * 1024 * 1024
_SEGMENTS = 8  # of a spool that is full: dropping the oldest costs no more than this share of it
_LOOK_SECONDS = 10.0  # between looks for what crashed processes have left
_RETRY_SECONDS = 10.0  # after the disk has failed


class SpoolStore:
    """What one endpoint's runs wait in; one thread appends, another takes.

    Args:
        folder: The endpoint's folder.
        max_bytes: Bytes on disk at most, of all processes together; the oldest go first.
        report: Told of failures.

    Attributes:
        stats: Dropped, failed and recovered operations.
        accepted: Operations that were ever on disk, whatever became of them.
    """

    def __init__(self, folder: Path, max_bytes: int, report: Reporter) -> None:
        self.stats = TracingStats()
        self.accepted = 0
        self._parent = folder
        self._max_bytes = max_bytes
        self._segment_bytes = min(_SEGMENT_BYTES, max_bytes // _SEGMENTS)
        self._report = report
        self._changed = threading.Condition()
        self._looking = threading.Lock()
        self._segments: deque[Segment] = deque()
        self._own: _folder.OwnFolder | None = None
        self._active: Segment | None = None
        self._taken: Segment | None = None
        self._left = 0
        self._others = 0
        self._rounds = 0  # begun
        self._failed_round = 0
        self._look_at = 0.0
        self._fit_at = 0.0

    @property
    def backlog(self) -> int:
        """Operations on disk that this process is to deliver."""
        with self._changed:
            return sum(segment.weight for segment in self._segments)

    def has_leftovers(self) -> bool:
        """Whether there are runs on disk for this endpoint."""
        return _folder.has_runs(self._parent)

    # ------------------------------------------------------------------ runs come in

    def append(self, ops: Sequence[Op]) -> bool:
        """Write ops to disk.

        Args:
            ops: Without credentials of their own.

        Returns:
            Whether they are there; if not, the reason is in the log.
        """
        records = [_record.encode(op) for op in ops]
        size = sum(map(len, records))
        weight = sum(op[WEIGHT] for op in ops)
        with self._changed:
            if time.monotonic() < self._fit_at or size > self._max_bytes:
                return False
            try:
                self._make_room(size)
                self._segment().append(ops, records)
            except OSError as error:
                self._failed(error)
                return False
            self.accepted += weight
            self._changed.notify_all()
        return True

    def recover(self, timeout: float = -1) -> None:
        """Take over what ended processes have left; looks every few seconds.

        Args:
            timeout: Seconds to wait at most for another thread that is at it.
        """
        if not self._looking.acquire(timeout=timeout):
            return
        try:
            if time.monotonic() >= self._look_at and _folder.has_others(self._parent, self._own):
                self._take_over(self._orphans())
            self._look_at = time.monotonic() + _LOOK_SECONDS
        except OSError as error:
            self._failed(error)
        finally:
            self._looking.release()

    # ------------------------------------------------------------------ runs go out

    def take(self) -> Segment | None:
        """The oldest segment, to be delivered and given to `settle` or `put_back`."""
        with self._changed:
            if not self._segments:
                return None
            self._rounds += 1
            self._taken = self._segments[0]
            if self._taken is self._active:
                self._active = None
            return self._taken

    def settle(self, segment: Segment, numbers: Collection[int]) -> None:
        """Records of a segment were delivered, or given up.

        Args:
            segment: What `take` gave.
            numbers: Their numbers.
        """
        with self._changed:
            segment.settle(numbers)
            self._count_damaged(segment)
            if not segment.pending and segment in self._segments:
                self._remove(segment)

    def put_back(self, segment: Segment) -> None:
        """A segment could not be delivered now.

        Args:
            segment: What `take` gave.
        """
        with self._changed:
            if self._taken is segment:
                self._taken = None
            self._failed_round = self._rounds
            self._changed.notify_all()

    # ------------------------------------------------------------------ waiting

    def wait(self, seconds: float) -> None:
        """Wait until there is something to take.

        Args:
            seconds: How long at most.
        """
        with self._changed:
            if not self._segments:
                self._changed.wait(seconds)

    def wake(self) -> None:
        """End a wait."""
        with self._changed:
            self._changed.notify_all()

    def wait_settled(self, seconds: float) -> None:
        """Wait until all that is here is delivered, or an attempt that begins from now on has failed.

        Args:
            seconds: How long at most.
        """
        with self._changed:
            newest, rounds = (self._segments[-1] if self._segments else None), self._rounds
            self._changed.wait_for(
                lambda: newest not in self._segments or self._failed_round > rounds, seconds
            )

    def close(self) -> None:
        """Leave what is not delivered to the next process, or the next client."""
        with self._changed:
            self._left += sum(segment.weight for segment in self._segments)
            self._segments.clear()
            self._active = self._taken = None
            self._look_at = 0.0
            if self._own is not None:
                self._own.close()
                self._own = None

    # ------------------------------------------------------------------ helpers

    def _folder_of_own(self) -> _folder.OwnFolder:
        if self._own is None:
            self._own = _folder.OwnFolder(self._parent)
        return self._own

    def _segment(self) -> Segment:
        """The segment to append to."""
        if self._active is None or self._is_full(self._active):
            self._active = Segment.create(self._folder_of_own().new_path())
            self._segments.append(self._active)
        return self._active

    def _is_full(self, segment: Segment) -> bool:
        return segment.bytes >= self._segment_bytes

    def _make_room(self, size: int) -> None:
        """Drop the oldest segments until so many bytes fit."""
        own = sum(segment.bytes for segment in self._segments)
        if own + size <= self._max_bytes // _SEGMENTS:
            return  # next to nothing, as long as the server is there
        if self._active is None or self._is_full(self._active):
            self._others = _folder.disk_usage(self._parent) - own
        dropped = 0
        while own + self._others + size > self._max_bytes:
            oldest = next((segment for segment in self._segments if segment is not self._taken), None)
            if oldest is None:
                break
            own -= oldest.bytes
            dropped += oldest.weight
            oldest.delete()
            self._remove(oldest)
        if dropped:
            self.stats.dropped += dropped
            self._report.warn("spool full", "The spool is full and its oldest runs were dropped", dropped)

    def _orphans(self) -> list[Segment]:
        with self._changed:
            own = self._folder_of_own()
        return [Segment.find(path) for path in _folder.take_orphans(self._parent, own, self._foreign)]

    def _take_over(self, found: list[Segment]) -> None:
        with self._changed:
            for segment in found:
                again = min(self._left, segment.weight)  # left by this very client when it was closed
                self._left -= again
                self.accepted += segment.weight - again + segment.damaged
                self.stats.submitted += segment.weight - again + segment.damaged
                self.stats.recovered += segment.weight - again
                self._count_damaged(segment)
                if not segment.pending:
                    segment.delete()
            self._segments.extendleft(segment for segment in reversed(found) if segment.pending)
            self._changed.notify_all()

    def _foreign(self, path: Path) -> None:
        self._report.warn("spool version", f"{path} was written by another version; it is left alone")

    def _remove(self, segment: Segment) -> None:
        self._segments.remove(segment)
        if segment is self._active:
            self._active = None
        if segment is self._taken:
            self._taken = None
        self._changed.notify_all()

    def _count_damaged(self, segment: Segment) -> None:
        if segment.damaged:
            self.stats.failed += segment.damaged
            self._report.warn("spool damaged", "Runs on disk cannot be read any more", segment.damaged)
            segment.damaged = 0

    def _failed(self, error: OSError) -> None:
        self._fit_at = time.monotonic() + _RETRY_SECONDS
        self._report.warn(
            f"spool {type(error).__name__}",
            f"Runs cannot be kept on disk and are only held in memory: {error}",
        )
