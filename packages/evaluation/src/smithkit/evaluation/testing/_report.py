"""What ``--langsmith-output`` shows: a table a suite, alive on a terminal while tests run, and whole at the end.

A test's row travels with pytest's own report of the test, so that the workers of pytest-xdist tell the process
that shows it.
"""

from __future__ import annotations

import io
import json
from shutil import get_terminal_size
from typing import IO, TYPE_CHECKING, Any, TypedDict, cast

import pytest
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from smithkit.evaluation.testing._case import snapshot

if TYPE_CHECKING:
    from collections.abc import Generator

    from smithkit.evaluation.testing._case import Case, Status

__all__ = ["Report", "Teller"]

_COLUMNS = ("Test", "Inputs", "Outputs", "Reference outputs", "Status", "Feedback", "Seconds")
_STYLES = {"passed": "green", "failed": "red", "skipped": "yellow"}
_FIELD = "smithkit_row"
_LONGEST = 200
_NARROWEST = 120
_NAMED = 3


class _Row(TypedDict):
    """What is shown of a test; all of it is JSON."""

    title: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    reference_outputs: dict[str, Any]
    status: Status
    reason: str | None
    scores: dict[str, Any]
    seconds: float


class Teller:
    """The plugin that sends rows along with the reports of tests, wherever tests run."""

    def __init__(self) -> None:
        self._ended: dict[str, Case] = {}

    def add(self, name: str, case: Case) -> None:
        """Note a test that has ended.

        Args:
            name: The test's node id.
            case: What it told.
        """
        self._ended[name] = case

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the test's row into its report."""
        report = yield
        case = self._ended.pop(item.nodeid, None)
        if case is not None:
            setattr(report, _FIELD, _row(case, call.duration))
        return report


class Report:
    """The plugin that shows rows, in the process that has the terminal.

    Args:
        config: pytest's configuration.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._rows: dict[str, list[list[Text]]] = {}
        self._running: dict[str, None] = {}
        self._live: Live | None = None

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Show that a test is running."""
        self._running[nodeid] = None
        self._refresh()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Show a test that has ended."""
        row: _Row | None = getattr(report, _FIELD, None)
        if row is not None:
            self._rows.setdefault(row["title"], []).append(_cells(report.nodeid, row))
        if report.when == "teardown":
            self._running.pop(report.nodeid, None)
            self._refresh()

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self) -> Generator[None, Any, Any]:
        """No letters in between of the table."""
        status = yield
        return status if self._live is None else (status[0], "", "")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Take the live table away."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write a table for each suite."""
        for table in self._tables():
            console = Console(
                width=max(_NARROWEST, get_terminal_size().columns),
                force_terminal=terminalreporter.hasmarkup,
            )
            with console.capture() as written:
                console.print(table)
            terminalreporter.write("\n" + written.get())

    def _refresh(self) -> None:
        """Only between tests: while one runs, pytest may capture what is written."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or not reporter.isatty:
            return
        shown = Group(*self._tables(), Text(_running(list(self._running)), style="dim"))
        if self._live is None:
            self._live = Live(
                console=Console(file=cast("IO[str]", _Terminal(reporter)), force_terminal=True),
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._live.update(shown, refresh=True)

    def _tables(self) -> list[Table]:
        tables = []
        for title, rows in self._rows.items():
            table = Table(*_COLUMNS, title=Text(title), show_lines=True)
            for cells in rows:
                table.add_row(*cells)
            tables.append(table)
        return tables


class _Terminal(io.TextIOBase):
    """The file that pytest writes to, which captures do not reach."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter

    def write(self, text: str, /) -> int:
        self._reporter.write(text)
        return len(text)

    def flush(self) -> None:
        self._reporter.flush()


def _row(case: Case, seconds: float) -> _Row:
    suite = case.suite
    return {
        "title": f"{suite.name}: {case.experiment}" if suite is not None else "Not tracked",
        "inputs": case.inputs,
        "outputs": case.outputs,
        "reference_outputs": case.reference_outputs,
        "status": case.status,
        "reason": case.reason,
        "scores": snapshot(case.scores),
        "seconds": seconds,
    }


def _cells(name: str, row: _Row) -> list[Text]:
    status = row["status"] if row["status"] == "passed" else f"{row['status']}: {row['reason']}"
    scores = "\n".join(f"{key}: {score}" for key, score in row["scores"].items())
    return [
        Text(name.rpartition("::")[2]),
        *(_shown(values) for values in (row["inputs"], row["outputs"], row["reference_outputs"])),
        Text(_cut(status), style=_STYLES[row["status"]]),
        Text(scores),
        Text(f"{row['seconds']:.2f}"),
    ]


def _running(names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"running {', '.join(name.rpartition('::')[2] for name in names[:_NAMED])}{more}"


def _shown(values: dict[str, Any]) -> Text:
    return Text(_cut(json.dumps(values, ensure_ascii=False)) if values else "")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
