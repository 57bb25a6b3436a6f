"""The pytest plugin ``smithkit``: runs the tests that carry `@pytest.mark.langsmith`.

It loads nothing of smithkit's machinery before the first of them is collected. ``-p no:smithkit`` turns it off.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from smithkit.evaluation.testing._case import Case
    from smithkit.evaluation.testing._options import Options
    from smithkit.evaluation.testing._report import Teller

__all__ = [
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_report_header",
    "pytest_runtest_call",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
]

_MARK = "langsmith"
_REFERENCE = "langsmith_plugin"
_TESTING = "smithkit.evaluation.testing"
_SUITES = "smithkit_suites"
_REPETITION = "__smithkit_repetition"
_options: pytest.StashKey[Options] = pytest.StashKey()
_teller: pytest.StashKey[Teller] = pytest.StashKey()
_suites: pytest.StashKey[list[dict[str, Any]]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add ``--langsmith-output``; the reference client's plugin, which has it too, steps aside."""
    loaded = pluginmanager.get_plugin(_REFERENCE)
    if loaded is not None:
        pluginmanager.unregister(loaded)
    pluginmanager.set_blocked(_REFERENCE)
    try:
        parser.getgroup("smithkit").addoption(
            "--langsmith-output",
            action="store_true",
            default=False,
            help="show tests that are marked with langsmith as a table: inputs, outputs, feedback",
        )
    except ValueError:  # the reference's plugin was here first
        return


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark; refuse an output that cannot be shown."""
    config.addinivalue_line(
        "markers",
        "langsmith(id, output_keys, client, test_suite_name, metadata, repetitions, split, cached_hosts, "
        "cache): record the test as a run of an experiment; see smithkit's docs/pytest.md",
    )
    if not config.getoption("--langsmith-output"):
        return
    try:
        import rich  # noqa: F401 - tried before any test runs
    except ImportError:
        raise pytest.UsageError(
            "--langsmith-output needs rich: pip install 'smithkit-evaluation[pytest]'"
        ) from None
    from smithkit.evaluation.testing._report import Report, Teller

    config.option.verbose = -2
    config.stash[_teller] = teller = Teller()
    config.pluginmanager.register(teller, "smithkit-teller")
    if not hasattr(config, "workerinput"):  # a worker of pytest-xdist has no terminal
        config.pluginmanager.register(Report(config), "smithkit-report")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say so where the reference client's plugin is installed and does not run."""
    if _reference_stands_aside(config):
        return "smithkit: runs the tests marked with langsmith; with -p no:smithkit, langsmith's plugin does"
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each repetition."""
    mark = metafunc.definition.get_closest_marker(_MARK)
    count = mark.kwargs.get("repetitions") if mark is not None else None
    if isinstance(count, int) and count > 1:
        metafunc.fixturenames.append(_REPETITION)
        ids = [f"repetition{number}" for number in range(1, count + 1)]
        metafunc.parametrize(_REPETITION, range(count), ids=ids)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Check the marks of all tests, before any of them runs."""
    marked = [(item, mark) for item in items if (mark := item.get_closest_marker(_MARK)) is not None]
    if not marked:
        return
    from smithkit.errors import LangSmithError
    from smithkit.evaluation.testing._options import Options

    for item, mark in marked:
        try:
            options = item.stash[_options] = Options.of(*mark.args, **mark.kwargs)
            if options.folder is not None:
                from smithkit.evaluation.testing._cassette import check_installed

                check_installed()
        except LangSmithError as error:
            raise pytest.UsageError(f"{item.nodeid}: @pytest.mark.langsmith: {error}") from None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Let a marked test record itself while it runs."""
    options = item.stash.get(_options, None)
    if options is None or not isinstance(item, pytest.Function):
        return (yield)
    from smithkit.evaluation.testing._recording import recorded

    teller = item.config.stash.get(_teller, None)

    def ended(case: Case) -> None:
        if teller is not None:
            teller.add(item.nodeid, case)

    function = item.obj
    item.obj = recorded(function, options, ended)
    try:
        return (yield)
    finally:
        item.obj = function


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send what is not sent yet, and close the experiments."""
    if f"{_TESTING}._expect" in sys.modules:
        from smithkit.evaluation.testing import expect

        expect.drain()
    if f"{_TESTING}._suite" in sys.modules:
        from smithkit.evaluation.testing._suite import finish_suites

        told = [suite.told() for suite in finish_suites()]
        worker: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if worker is not None:
            worker[_SUITES] = told
        else:
            session.config.stash[_suites] = told


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of pytest-xdist tells of its suites."""
    told = getattr(node, "workeroutput", {}).get(_SUITES, ())
    node.config.stash.setdefault(_suites, []).extend(told)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show where the results are, and what could not be sent."""
    told = config.stash.get(_suites, [])
    for name, experiment in dict.fromkeys((suite["name"], suite["experiment"]) for suite in told):
        parts = [suite for suite in told if suite["experiment"] == experiment]
        count = sum(suite["tests"] for suite in parts)
        terminalreporter.write_line(f"smithkit: {count} tests of {name!r} in experiment {experiment!r}")
        for failure in (failure for suite in parts for failure in suite["failures"]):
            terminalreporter.write_line(f"smithkit: not sent: {failure}", yellow=True)


def _reference_stands_aside(config: pytest.Config) -> bool:
    """Whether the reference client's plugin is installed, and would run without this one."""
    from importlib.metadata import entry_points

    asked = f"no:{_REFERENCE}" in (config.getoption("plugins") or ())
    return not asked and bool(entry_points(group="pytest11", name=_REFERENCE))
