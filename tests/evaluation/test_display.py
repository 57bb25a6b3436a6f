"""What a user sees of an experiment: on a terminal bars, figures and a link, elsewhere nothing."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import subprocess
import sys

import pytest

from smithkit import hooks
from smithkit.errors import MissingPackageError

PROGRAM = """
import sys
from smithkit import Client

client = Client(sys.argv[1])

def target(inputs):
    if inputs["name"] == "bob":
        raise ValueError("no bob")
    return {"answer": "[red]" + inputs["name"]}

def right(outputs):
    return 0.5

def kind(outputs):
    return "[bold]good"

client.evaluate(target, data="names", evaluators=[right, kind], experiment_prefix="up[b]", **eval(sys.argv[2]))
print("printed")
"""


def on_a_terminal(url, options="{}", **environment):
    """What a program writes to a terminal as standard error, and to a pipe as standard output."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", **environment}
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, url, options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=follower, env=environment) as process:
        os.close(follower)
        written = _all_of(leader)
        out = process.stdout.read().decode()
    os.close(leader)
    assert process.returncode == 0, written
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written), out


def _all_of(terminal):
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # how Linux says that nobody writes any more
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode()


@pytest.fixture
def url(client, dataset, tmp_path):
    client.flush()
    return f"sqlite:///{tmp_path}/evaluation.db"


@pytest.mark.slow
def test_a_terminal_shows_figures_and_where_the_experiment_is(url):
    shown, out = on_a_terminal(url)

    assert out == "printed\n"
    assert re.search(r"up\[b\]-[0-9a-f]{8}", shown)
    assert re.search(r"right\s+│\s+4\s+│\s+0\.5 ", shown)
    assert re.search(r"kind\s+│\s+4\s+│\s+\[bold\]good: 4 ", shown)
    assert re.search(r"errors of the target\s+│\s+4\s+│\s+1 ", shown)
    assert url in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "environment"), [("{'progress': False}", {}), ("{}", {"SMITHKIT_PROGRESS": "false"})]
)
def test_a_terminal_shows_nothing_where_that_is_wanted(url, options, environment):
    shown, out = on_a_terminal(url, options, **environment)

    assert "up[b]" not in shown
    assert out == "printed\n"


@pytest.mark.filterwarnings("ignore:upload_results")
def test_nothing_is_printed_where_there_is_no_terminal(client, dataset, capfd):
    client.evaluate(lambda inputs: inputs, data="names")
    client.evaluate(lambda inputs: inputs, data="names", upload_results=False)

    assert capfd.readouterr() == ("", "")


def test_figures_can_be_asked_for_without_a_terminal_and_experiments_share_it(client, dataset, capfd):
    async def target(inputs: dict) -> dict:
        await asyncio.sleep(0)
        return inputs

    async def both():
        kwargs = {"data": "names", "progress": True}
        await asyncio.gather(*(client.aevaluate(target, experiment_prefix=name, **kwargs) for name in "ab"))

    asyncio.run(both())

    out, shown = capfd.readouterr()
    assert out == ""
    assert len(re.findall(r"errors of the target", shown)) == 2
    assert re.search(r"a-[0-9a-f]{8}", shown)
    assert re.search(r"b-[0-9a-f]{8}", shown)


def test_an_experiment_that_is_stopped_says_so_and_leaves_no_bar(client, dataset, capfd):
    class Stop(BaseException):
        pass

    def stops(inputs: dict) -> dict:
        if inputs["name"] == "cyd":
            raise Stop
        return inputs

    with pytest.raises(Stop):
        client.evaluate(stops, data="names", progress=True)
    stopped = capfd.readouterr().err
    client.evaluate(lambda inputs: inputs, data="names", progress=True)

    assert "stopped after 2 of 4 rows" in stopped
    assert "stopped" not in capfd.readouterr().err


def test_a_plugin_can_show_it_another_way(client, dataset):
    events = []

    class Follow:
        @hooks.hookimpl
        def on_experiment_progress(self, event):
            events.append(event)

    plugin = hooks.register(Follow())
    try:
        results = client.evaluate(lambda inputs: inputs, data="names", progress=False)
    finally:
        hooks.unregister(plugin)

    start, *rows, end = events
    assert (start.done, start.row, start.ended, start.total) == (0, None, False, 4)
    assert [event.row for event in rows] == list(results)
    assert (end.done, end.ended, end.results, end.display) == (4, True, results, False)


def test_rich_is_asked_for_before_anything_runs(client, dataset, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)

    with pytest.raises(MissingPackageError, match="rich"):
        client.evaluate(lambda inputs: inputs, data="names", progress=True)

    assert not list(client.list_projects(reference_dataset_id=dataset.id))
