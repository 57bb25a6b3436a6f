"""Runs that a program wants to see in lists before they are queued: `process_buffered_run_ops`."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from smithkit.errors import LangSmithUserError
from smithkit.tracing._serialize import loads
from smithkit.tracing.pipeline import _exit
from smithkit.tracing.pipeline._redaction import marked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smithkit.tracing.pipeline._snapshot import Operation

    _Item = tuple[Operation, dict[str, Any], dict[str, Any]]

__all__ = ["RunBuffer"]


class RunBuffer:
    """Collects runs, hands them to the program's function in a thread of its own, and passes on its answer.

    Args:
        process: The function; gives runs of the same ids in the same order.
        size: How many runs make a list.
        timeout_ms: Milliseconds after which an incomplete list is handed over by the next run.
        dumps: Encoder: what the function gets is a snapshot.
        forward: Called with (operation, run) for each run of the answer.
        failed: Called with what went wrong, when runs are passed on as markers because of it.
        lost: Called with what went wrong and the number of runs lost by it.
    """

    exit_order = 0

    _KEPT = ("attachments", "dangerously_allow_filesystem", "replicas", "auth")

    def __init__(
        self,
        process: Callable[[Sequence[dict[str, Any]]], Sequence[dict[str, Any]]],
        *,
        size: int,
        timeout_ms: float,
        dumps: Callable[[Any], bytes],
        forward: Callable[[Operation, dict[str, Any]], None],
        failed: Callable[[BaseException], None],
        lost: Callable[[Exception, int], None],
    ) -> None:
        self._process = process
        self._size = size
        self._timeout = timeout_ms / 1000
        self._dumps = dumps
        self._forward = forward
        self._failed = failed
        self._lost = lost
        self._lock = threading.Lock()
        self._items: list[_Item] = []
        self._flushed = time.monotonic()
        self._handed_over: dict[threading.Thread, int] = {}

    def add(self, operation: Operation, run: dict[str, Any]) -> None:
        """Collect a run.

        Args:
            operation: ``"post"`` or ``"patch"``.
            run: It is used up.
        """
        kept = {name: run.pop(name) for name in self._KEPT if name in run}
        item = (operation, loads(self._dumps(run)), kept)
        with self._lock:
            if not self._items:
                _exit.keep(self)
            self._items.append(item)
            late = time.monotonic() - self._flushed >= self._timeout
            if len(self._items) < self._size and not late:
                return
            items, self._items = self._items, []
            self._flushed = time.monotonic()
        self._hand_over(items)

    def flush(self, timeout: float) -> None:
        """Hand over what there is, and wait until it is passed on.

        Args:
            timeout: Seconds to wait at most.
        """
        ends = time.monotonic() + timeout
        with self._lock:
            items, self._items = self._items, []
            self._flushed = time.monotonic()
        if items:
            self._hand_over(items)
        for thread in list(self._handed_over):
            if thread is not threading.current_thread():
                thread.join(max(0.0, ends - time.monotonic()))

    def finish(self, seconds: float) -> int:
        """Pass on what there is while the process ends; see `_exit`."""
        self.flush(seconds)
        return sum(self._handed_over.values())

    def process(self, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the function makes of some runs; their markers if it fails, or gives others.

        Args:
            runs: Runs with ids.
        """
        before = [dict(run) for run in runs]
        ids = [str(run["id"]) for run in runs]
        try:
            answer = list(self._process(runs))
            if [str(run.get("id")) for run in answer] != ids:
                raise LangSmithUserError(  # noqa: TRY301 - it is told like the function's own failure
                    "process_buffered_run_ops must return the runs that it was given, in the same order."
                )
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - foreign code
            self._failed(error)
            return [
                marked(run, f"process_buffered_run_ops failed with {type(error).__name__}") for run in before
            ]
        return answer

    def _hand_over(self, items: list[_Item]) -> None:
        thread = threading.Thread(
            target=self._pass_on, args=(items,), name="smithkit-run-buffer", daemon=True
        )
        self._handed_over[thread] = len(items)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is shutting down
            del self._handed_over[thread]
            self._pass_on(items)

    def _pass_on(self, items: list[_Item]) -> None:
        waiting = len(items)
        try:
            answer = self.process([run for _, run, _ in items])
            for (operation, _, kept), run in zip(items, answer, strict=True):
                waiting -= 1
                try:
                    self._forward(operation, {**run, **kept})
                except Exception as error:  # noqa: BLE001 - sent at once, and refused
                    self._lost(error, 1)
        except BaseException as error:
            self._lost(RuntimeError(type(error).__name__), waiting)
            raise
        finally:
            self._handed_over.pop(threading.current_thread(), None)
            if not self._handed_over and not self._items:
                _exit.release(self)
