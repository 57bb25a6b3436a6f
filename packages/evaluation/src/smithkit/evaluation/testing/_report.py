"""The table of ``--langsmith-output``."""

from __future__ import annotations

import json
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import pytest

    from smithkit.evaluation.testing._case import Case

__all__ = ["Report"]

_COLUMNS = ("Test", "Inputs", "Reference outputs", "Outputs", "Status", "Feedback")
_STYLES = {"passed": "green", "failed": "red", "skipped": "yellow"}
_LONGEST = 200
_NARROWEST = 100


class Report:
    """Collects tests that have ended, and shows them by suite."""

    def __init__(self) -> None:
        self._cases: list[tuple[str, Case]] = []

    def add(self, name: str, case: Case) -> None:
        """Note a test that has ended.

        Args:
            name: What the test is called.
            case: What it told.
        """
        self._cases.append((name, case))

    def show(self, reporter: pytest.TerminalReporter) -> None:
        """Write a table for each suite.

        Args:
            reporter: Writes to the terminal.
        """
        titles = dict.fromkeys(_title(case) for _, case in self._cases)
        for title in titles:
            console = Console(width=max(_NARROWEST, get_terminal_size().columns))
            with console.capture() as written:
                console.print(self._table(title))
            reporter.write("\n" + written.get())

    def _table(self, title: str) -> Table:
        table = Table(*_COLUMNS, title=title, show_lines=True)
        for name, case in self._cases:
            if _title(case) == title:
                table.add_row(*_row(name, case))
        return table


def _title(case: Case) -> str:
    return f"{case.suite.name}: {case.experiment}" if case.suite is not None else "Not tracked"


def _row(name: str, case: Case) -> list[Text]:
    status = case.status if case.status == "passed" else f"{case.status}: {case.reason}"
    scores = "\n".join(f"{key}: {score}" for key, score in case.scores.items())
    return [
        Text(name.rpartition("::")[2]),
        *(_shown(values) for values in (case.inputs, case.reference_outputs, case.outputs)),
        Text(_cut(status), style=_STYLES[case.status]),
        Text(scores),
    ]


def _shown(values: dict[str, Any]) -> Text:
    return Text(_cut(json.dumps(values, ensure_ascii=False)) if values else "")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
