"""Telling plugins how far an experiment is: the hook `on_experiment_progress`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smithkit.evaluation._results import ExperimentResultRow

__all__ = ["ExperimentProgress", "Progress"]


@dataclass(frozen=True, slots=True)
class ExperimentProgress:
    """What `on_experiment_progress` is told when a row has ended.

    Attributes:
        experiment_name: The experiment.
        done: Rows that have ended.
        total: All of them.
        errors: Those whose run failed.
        row: The row that has just ended.
    """

    experiment_name: str
    done: int
    total: int
    errors: int
    row: ExperimentResultRow


class Progress:
    """Counts the rows of an experiment.

    Args:
        client: Client whose hooks are told.
        name: The experiment.
        total: How many rows there are.
    """

    def __init__(self, client: Any, name: str, total: int) -> None:
        self._client, self._name, self._total = client, name, total
        self._done = self._errors = 0
        self._lock = threading.Lock()

    def row_ended(self, row: ExperimentResultRow) -> None:
        """Count a row."""
        with self._lock:
            self._done += 1
            self._errors += bool(row["run"].error)
            event = ExperimentProgress(self._name, self._done, self._total, self._errors, row)
        self._client.hooks.notify("on_experiment_progress", event=event)
