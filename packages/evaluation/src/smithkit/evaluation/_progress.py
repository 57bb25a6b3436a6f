"""Telling plugins how far an experiment is: the hook `on_experiment_progress`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smithkit.evaluation._results import AsyncExperimentResults, ExperimentResultRow, ExperimentResults

__all__ = ["ExperimentProgress", "Progress"]


@dataclass(frozen=True, slots=True)
class ExperimentProgress:
    """What `on_experiment_progress` is told: when an experiment starts, as each row ends, when it is over.

    Attributes:
        experiment_name: The experiment.
        done: Rows that have ended.
        total: All of them.
        errors: Those whose run failed.
        row: The row that has just ended; None at the start and at the end.
        ended: Whether the experiment is over, also where something stopped it.
        results: All results; complete once the experiment is over.
        display: Whether the user wants to see how far it is.
    """

    experiment_name: str
    done: int
    total: int
    errors: int
    row: ExperimentResultRow | None
    ended: bool
    results: ExperimentResults | AsyncExperimentResults
    display: bool


class Progress:
    """Counts the rows of an experiment, and hands them on.

    Args:
        client: Client whose hooks are told.
        results: What takes the rows.
        total: How many rows there are.
        display: Whether the user wants to see how far it is.
    """

    def __init__(
        self, client: Any, results: ExperimentResults | AsyncExperimentResults, total: int, *, display: bool
    ) -> None:
        self._client, self._results, self._total, self._display = client, results, total, display
        self._done = self._errors = 0
        self._lock = threading.Lock()

    def started(self) -> None:
        """Say that it starts."""
        self._tell(None)

    def row_ended(self, numbered: tuple[int, ExperimentResultRow]) -> None:
        """Take a row with its place among the examples."""
        self._results.arrive(numbered)
        row = numbered[1]
        with self._lock:
            self._done += 1
            self._errors += bool(row["run"].error)
        self._tell(row)

    def ended(self) -> None:
        """Say that it is over."""
        self._tell(None, ended=True)

    def _tell(self, row: ExperimentResultRow | None, *, ended: bool = False) -> None:
        event = ExperimentProgress(
            self._results.experiment_name,
            self._done,
            self._total,
            self._errors,
            row,
            ended,
            self._results,
            self._display,
        )
        self._client.hooks.notify("on_experiment_progress", event=event)
