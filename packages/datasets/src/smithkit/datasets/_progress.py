"""A progress bar on standard error: with rich, on a terminal, and only when there is something to wait for."""

from __future__ import annotations

import sys
from collections.abc import Sized
from typing import TYPE_CHECKING, Any

from smithkit.errors import MissingPackageError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Progress", "progress_for"]


class Progress:
    """A bar that appears with the first advance that is not the last.

    Args:
        label: What is going on.
        total: Steps in all; None if nobody knows.
    """

    def __init__(self, label: str, total: int | None) -> None:
        self._label = label
        self._total = total
        self._done = 0
        self._bar: Any = None
        self._task: Any = None

    def advance(self, steps: int) -> None:
        """Go on.

        Args:
            steps: How many.
        """
        self._done += steps
        if self._bar is None:
            if self._total is not None and self._done >= self._total:
                return
            self._bar = self._start()
        self._bar.update(self._task, completed=self._done)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _start(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        bar = Bar(*columns, console=Console(stderr=True))
        self._task = bar.add_task(self._label, total=self._total)
        bar.start()
        return bar


def progress_for(wanted: bool | None, label: str, items: Iterable[Any]) -> Progress | None:  # noqa: FBT001 - as the caller's argument
    """The progress bar that a caller wants.

    Args:
        wanted: None for one if standard error is a terminal and rich is installed.
        label: What is going on.
        items: What it goes through.

    Raises:
        MissingPackageError: One is wanted, and rich is not installed.
    """
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        return None
    try:
        import rich  # noqa: F401 - whether it is there
    except ImportError:
        if wanted is None:
            return None
        raise MissingPackageError("progress=True needs rich: pip install rich") from None
    return Progress(label, len(items) if isinstance(items, Sized) else None)
