"""For users who test their own code: the runs that it traces, without sending them."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from smithkit.tracing._context import tracing_context
from smithkit.tracing._serialize import dumps, loads
from smithkit.tracing.pipeline._snapshot import take_auth

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["capture_runs"]


@contextlib.contextmanager
def capture_runs(**context: Any) -> Iterator[list[dict[str, Any]]]:
    """Turn tracing on inside of the block and keep its runs instead of sending them.

    Args:
        **context: Further arguments of `tracing_context`: project_name, tags, metadata.

    Returns:
        A context manager that gives the list of runs, in the order in which they start. A run is a
        dictionary with the names of the API (name, run_type, inputs, outputs, error, parent_run_id …);
        its values are snapshots in JSON's types. It is complete when the run has ended.

    Example:
        >>> from smithkit import traceable
        >>> from smithkit.testing import capture_runs
        >>> @traceable
        ... def double(number: int) -> int:
        ...     return 2 * number
        >>> with capture_runs() as runs:
        ...     value = double(21)
        >>> runs[0]["outputs"]
        {'output': 42}
    """
    recorder = _Recorder()
    with tracing_context(enabled=True, client=recorder, **context):
        yield recorder.runs


class _Recorder:
    """Stands in a client's place: keeps what runs submit."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self._by_id: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def submit_post(self, run: dict[str, Any]) -> None:
        """Keep a run that starts."""
        self._keep(run)

    def submit_patch(self, run: dict[str, Any]) -> None:
        """Add what a run's end tells."""
        self._keep(run)

    def _keep(self, run: dict[str, Any]) -> None:
        take_auth(run)
        attachments = run.pop("attachments", None)
        snapshot = loads(dumps(run))
        if attachments:
            snapshot["attachments"] = attachments
        with self._lock:
            known = self._by_id.get(snapshot["id"])
            if known is None:
                self._by_id[snapshot["id"]] = snapshot
                self.runs.append(snapshot)
            else:
                known.update(snapshot)
