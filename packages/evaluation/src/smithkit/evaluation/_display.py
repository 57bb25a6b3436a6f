"""Showing experiments on a terminal: bars while they run, a table of their figures and a link at the end."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from smithkit.errors import MissingPackageError

if TYPE_CHECKING:
    from rich.table import Table

    from smithkit.evaluation._progress import ExperimentProgress

__all__ = ["is_displayed", "show"]


def is_displayed(wanted: bool | None) -> bool:  # noqa: FBT001 - as the caller's argument
    """Whether an experiment is shown.

    Args:
        wanted: None to show it if standard error is a terminal, rich is installed and the environment's
            ``SMITHKIT_PROGRESS`` does not say ``false`` or ``0``.

    Raises:
        MissingPackageError: It is wanted, and rich is not installed.
    """
    off = os.environ.get("SMITHKIT_PROGRESS", "").strip().lower() in {"false", "0"}
    if wanted is False or (wanted is None and (off or not sys.stderr.isatty())):
        return False
    try:
        import rich  # noqa: F401 - whether it is there
    except ImportError:
        if wanted is None:
            return False
        raise MissingPackageError("progress=True needs rich: pip install rich") from None
    return True


class _Display:
    """A bar for each experiment that runs; a terminal has one display alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bars: Any = None
        self._tasks: dict[Any, Any] = {}

    def show(self, event: ExperimentProgress) -> None:
        """Show what an event says."""
        with self._lock:
            if event.results not in self._tasks:
                self._start(event)
            task = self._tasks[event.results]
            failed = f"{event.errors} failed" if event.errors else ""
            self._bars.update(task, completed=event.done, failed=failed)
            if event.ended:
                self._end(event)

    def _start(self, event: ExperimentProgress) -> None:
        if self._bars is None:
            self._bars = _bars()
            self._bars.start()
        name = _safe(event.experiment_name)
        self._tasks[event.results] = self._bars.add_task(name, total=event.total, failed="")

    def _end(self, event: ExperimentProgress) -> None:
        """Leave figures and link behind, in place of the bar; the last experiment puts out the display."""
        self._bars.remove_task(self._tasks.pop(event.results))
        console = self._bars.console
        if not self._tasks:
            self._bars.stop()
            self._bars = None
        if event.done < event.total:
            console.print(
                f"{event.experiment_name}: stopped after {event.done} of {event.total} rows", markup=False
            )
        elif event.total:
            console.print(_table(event))
        if event.results.url is not None:
            console.print(event.results.url, markup=False, soft_wrap=True)


show = _Display().show
"""Show what an `ExperimentProgress` says."""


def _bars() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]}", style="red"),
        TimeRemainingColumn(),
    )
    return Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # what goes to a file or a pipe is not for the terminal
    )


def _table(event: ExperimentProgress) -> Table:
    from rich.table import Table
    from rich.text import Text

    figures = event.results.summary()
    table = Table(title=Text(event.experiment_name), title_justify="left")
    table.add_column("feedback")
    table.add_column("n", justify="right")
    table.add_column("mean", justify="right")
    for key, said in figures["feedback"].items():
        mean = f"{said['mean']:.4g}" if "mean" in said else _counts(said["values"])
        table.add_row(Text(key), str(said["n"]), Text(mean))
    table.add_section()
    table.add_row("errors of the target", str(figures["rows"]), str(figures["errors"]))
    if figures["evaluator_errors"]:
        table.add_row("errors of evaluators", "", str(figures["evaluator_errors"]))
    if figures["execution_time"] is not None:
        table.add_row("seconds of a run", "", f"{figures['execution_time']:.4g}")
    return table


def _counts(values: dict[str, int]) -> str:
    return ", ".join(f"{value}: {count}" for value, count in values.items())


def _safe(text: str) -> str:
    from rich.markup import escape

    return escape(text)
