"""An experiment that is killed and resumed: no row is lost, none that was done is done again."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter

import pytest

from smithkit import Client

ROWS = 200
PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from smithkit import Client, hooks

url, experiment, log, mode, kill_after = sys.argv[1:]
client = Client(url)

class Watch:
    @hooks.hookimpl
    def on_experiment_progress(self, event):
        if event.done == int(kill_after) - 10:
            client.flush()  # the last ten rows are somewhere on their way
        if event.done == int(kill_after):
            os.kill(os.getpid(), signal.SIGKILL)

hooks.register(Watch())

def answer(inputs):
    with Path(log).open("a") as file:
        file.write(f"{inputs['n']}\\n")
    if inputs["n"] % 20 == 7:
        raise ValueError("no sevens")
    return {"n": inputs["n"]}

async def aanswer(inputs):
    return answer(inputs)

def right(outputs, reference_outputs):
    if outputs.get("n", 0) % 20 == 11:
        raise ValueError("no elevens")
    return {"key": "right", "score": outputs.get("n") == reference_outputs["n"]}

def parts(run):
    return [{"key": "first", "score": 1}, {"key": "second", "score": 2}]

options = {"data": "numbers", "evaluators": [right, parts], "experiment": experiment, "resume": True}
if mode == "sync":
    client.evaluate(answer, max_concurrency=8, **options)
else:
    asyncio.run(client.aevaluate(aanswer, max_concurrency=8, **options))
client.flush()
"""


def upper(inputs: dict) -> dict:
    return {"answer": inputs["name"].upper()}


async def aupper(inputs: dict) -> dict:
    return {"answer": inputs["name"].upper()}


@pytest.fixture
def numbers(client):
    dataset = client.create_dataset("numbers")
    client.create_examples(
        dataset_id=dataset.id, examples=[{"inputs": {"n": n}, "outputs": {"n": n}} for n in range(ROWS)]
    )
    return dataset


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_killed_at_half_and_resumed_every_row_is_there_once(client, numbers, tmp_path, mode):
    project = client.create_project("killed", reference_dataset_id=numbers.id)
    url = f"sqlite:///{tmp_path}/evaluation.db"

    def run(part, kill_after):
        log = tmp_path / part
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            PROGRAM,
            url,
            "killed",
            str(log),
            mode,
            str(kill_after),
        ]
        code = subprocess.run(command, check=False, timeout=250, stderr=subprocess.DEVNULL).returncode
        return code, Counter(map(int, log.read_text().split()))

    killed, _ = run("first", ROWS // 2)
    done = finished(url, project)
    resumed, asked = run("second", 10 * ROWS)
    runs = finished(url, project)

    assert (killed, resumed) == (-signal.SIGKILL, 0)
    assert ROWS // 2 - 10 <= len(done) < ROWS
    assert not asked.keys() & {run.inputs["n"] for run in done}
    assert set(asked.values()) == {1}
    assert sorted(run.inputs["n"] for run in runs) == list(range(ROWS))
    assert {run.inputs["n"] for run in runs if run.error} == {n for n in range(ROWS) if n % 20 == 7}
    with Client(url) as reader:
        said = [
            one
            for at in range(0, ROWS, 100)
            for one in reader.list_feedback(run_ids=ids(runs)[at : at + 100])
        ]
    given = Counter((one.run_id, one.key) for one in said)
    assert given == {(run, key): 1 for run in ids(runs) for key in ("right", "first", "second")}
    failed = {one.run_id for one in said if (one.extra or {}).get("error")}
    assert failed == {run.id for run in runs if run.inputs["n"] % 20 == 11}


def finished(url, project):
    with Client(url) as reader:
        return [run for run in reader.list_runs(project_id=project.id, is_root=True) if run.end_time]


def ids(runs):
    return [run.id for run in runs]


def test_evaluators_that_have_spoken_are_not_asked_again(client, dataset):
    asked = []

    def short(outputs: dict) -> bool:
        asked.append("short")
        return len(outputs["answer"]) < 5

    def several(outputs: dict) -> list:
        asked.append("several")
        return [{"key": "one", "score": 1}, {"key": "two", "score": 2}]

    first = client.evaluate(upper, data="names", evaluators=[short])
    options = {"data": "names", "experiment": first.experiment_name, "resume": True}
    asked.clear()
    second = client.evaluate(upper, evaluators=[short, several], **options)
    third = asyncio.run(client.aevaluate(aupper, evaluators=[several, short], **options))

    assert asked == ["several"] * 4
    for results in (second, third):
        keys = [[one.key for one in row["evaluation_results"]["results"]] for row in results._results]
        assert list(map(sorted, keys)) == [["one", "short", "two"]] * 4
    runs = list(client.list_runs(project_name=first.experiment_name, is_root=True))
    given = Counter((one.run_id, one.key) for one in client.list_feedback(run_ids=ids(runs)))
    assert set(given.values()) == {1}
    assert len(given) == 12


def test_half_of_what_an_evaluator_said_is_said_again_under_the_same_ids(client, dataset):
    def several(outputs: dict) -> list:
        return [{"key": "one", "score": 1}, {"key": "two", "score": 2}]

    first = client.evaluate(upper, data="names", evaluators=[several])
    runs = list(client.list_runs(project_name=first.experiment_name, is_root=True))
    for one in client.list_feedback(run_ids=ids(runs), feedback_key=["two"]):
        client.delete_feedback(one.id)

    client.evaluate(upper, data="names", evaluators=[several], experiment=first.experiment_name, resume=True)

    given = Counter((one.run_id, one.key) for one in client.list_feedback(run_ids=ids(runs)))
    assert given == {(run, key): 1 for run in ids(runs) for key in ("one", "two")}
