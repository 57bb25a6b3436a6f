"""Rows in other threads, other processes and on a Dask cluster."""

from __future__ import annotations

import importlib
import os
import pickle
import signal
import threading
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from smithkit import Client, hooks, traceable
from smithkit.errors import LangSmithConnectionError
from smithkit.evaluation._pickling import dumps

pytestmark = pytest.mark.filterwarnings("ignore:summary_evaluators:DeprecationWarning")


@pytest.fixture(scope="module")
def program():
    """The module of target and evaluators, where other processes find it too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        yield importlib.import_module("program_of_executors")


@pytest.fixture
def evaluate(client, dataset, program):
    def evaluate(executor, target=program.upper):
        return client.evaluate(
            target,
            data="names",
            evaluators=[program.exact, program.Length()],
            summary_evaluators=[program.share],
            executor=executor,
        )

    return evaluate


def unknown_elsewhere(inputs: dict) -> dict:
    return inputs


def check_experiment(client, results, processes):
    """That everything is there once, wherever it was done."""
    rows = list(results)
    assert [row["run"].outputs["answer"] for row in rows] == ["ADA", "BOB", "CYD", "DEE"]
    assert [row["example"].inputs["name"] for row in rows] == ["ada", "bob", "cyd", "dee"]
    said = [{one.key: one.score for one in row["evaluation_results"]["results"]} for row in rows]
    assert said == [{"exact": None if n == 2 else True, "length": 3} for n in range(4)]
    runs = list(client.list_runs(project_name=results.experiment_name))
    roots = [run for run in runs if run.parent_run_id is None]
    assert Counter(run.name for run in runs) == {"Target": 4, "shout": 4}
    assert {run.id for run in roots} == {row["run"].id for row in rows}
    assert {run.parent_run_id for run in runs if run.name == "shout"} == {run.id for run in roots}
    assert all(run.end_time and run.reference_example_id for run in roots)
    assert (len({run.outputs["pid"] for run in roots}) > 1) == (processes > 1)
    feedback = list(client.list_feedback(run_ids=[run.id for run in roots]))
    assert Counter(one.key for one in feedback) == {"exact": 4, "length": 4}
    project = client.read_project(project_name=results.experiment_name, include_stats=True)
    assert (project.run_count, project.session_feedback_stats["share"]["avg"]) == (4, 1.0)


def test_threads_of_an_executor_do_the_rows(client, evaluate):
    with ThreadPoolExecutor(2) as executor:
        check_experiment(client, evaluate(executor), processes=1)


def test_rows_are_done_at_once_as_the_executor_has_workers(client, dataset):
    barrier = threading.Barrier(4)

    def together(inputs: dict) -> dict:
        barrier.wait(30)
        return inputs

    with ThreadPoolExecutor(4) as executor:
        results = client.evaluate(together, data="names", executor=executor)
    assert [row["run"].error for row in results] == [None] * 4


@pytest.mark.slow
def test_processes_do_the_rows(client, evaluate):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        check_experiment(client, evaluate(executor), processes=2)


@pytest.mark.slow
def test_what_a_process_cannot_load_is_an_error_of_the_row(client, dataset):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        results = client.evaluate(unknown_elsewhere, data="names", executor=executor)
    assert ["ModuleNotFoundError" in row["run"].error for row in results] == [True] * 4


def test_a_row_that_an_executor_loses_is_an_error(client, dataset, program):
    class Losing(ThreadPoolExecutor):
        def submit(self, function, /, *args, **kwargs):
            if "bob" not in str(function._example.inputs):
                return super().submit(function, *args, **kwargs)
            lost = Future()
            lost.set_exception(RuntimeError("the process died"))
            return lost

    with Losing(2) as executor:
        results = client.evaluate(program.upper, data="names", executor=executor)
    assert ["died" in (row["run"].error or "") for row in results] == [False, True, False, False]
    project = client.read_project(project_name=results.experiment_name, include_stats=True)
    assert (project.run_count, project.error_rate) == (4, 1 / 4)


def test_what_cannot_be_sent_is_refused_before_anything_runs(client, dataset):
    lock = threading.Lock()

    def locked(inputs: dict) -> dict:
        with lock:
            return inputs

    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor,
        pytest.raises(TypeError, match="cannot be sent to another process"),
    ):
        client.evaluate(locked, data="names", executor=executor)
    assert not list(client.list_projects(reference_dataset_id=dataset.id))


@pytest.mark.parametrize(
    ("executor", "options", "error", "message"),
    [
        ("elsewhere://x", {}, ValueError, "No plugin"),
        (3, {}, TypeError, "must be an Executor"),
        (ThreadPoolExecutor(1), {"evaluator_concurrency": 2}, ValueError, "target_concurrency"),
    ],
)
def test_executors_that_cannot_be_are_refused(client, dataset, program, executor, options, error, message):  # noqa: PLR0917
    with pytest.raises(error, match=message):
        client.evaluate(program.upper, data="names", executor=executor, **options)
    assert not list(client.list_projects(reference_dataset_id=dataset.id))


@pytest.mark.slow
def test_a_cluster_that_does_not_answer_is_refused(client, dataset, program, monkeypatch):
    from smithkit.evaluation import _dask

    monkeypatch.setattr(_dask, "_CONNECT_SECONDS", 1)
    with pytest.raises(LangSmithConnectionError, match=r"127\.0\.0\.1:1"):
        client.evaluate(program.upper, data="names", executor="dask://127.0.0.1:1")
    assert not list(client.list_projects(reference_dataset_id=dataset.id))


class Redacting:
    """A plugin of a client, which redacts wherever the client is."""

    @hooks.hookimpl
    def process_runs(self, runs):
        for run in runs:
            run["tags"] = [*(run.get("tags") or []), "seen"]
        return runs


def test_a_client_comes_whole_into_another_process_and_shows_no_key(tmp_path, monkeypatch):
    def sent(client):
        return pickle.loads(dumps(client, "it"))  # noqa: S301 - it is ours

    monkeypatch.chdir(tmp_path)
    given = {"workspace_id": "w", "headers": {"x-a": "secret"}, "timeout_ms": (1, 2), "hide_inputs": True}
    client = Client("https://sky.example", api_key="secret", plugins=[Redacting()], **given)
    with client, sent(client) as copy:
        assert sent(client) is copy, "one client a process"
        assert copy.config.options == client.config.options
        assert (copy.api_key, copy.workspace_id, copy.api_url) == ("secret", "w", "https://sky.example")
        assert (copy.timeout_ms, type(copy.hooks.own[0])) == ((1, 2), Redacting)
        assert "secret" not in repr(copy)
    with Client("sqlite:///here.db") as client, sent(client) as copy:
        assert copy.api_url == f"sqlite:///{tmp_path}/here.db"


@pytest.fixture(scope="module")
def cluster(program):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster


@pytest.fixture
def address(cluster):
    return "dask://" + cluster.scheduler_address.removeprefix("tcp://")


@pytest.mark.slow
def test_a_dask_cluster_does_the_rows(client, evaluate, address, tmp_path):
    met = tmp_path / "met"
    met.mkdir()
    prefix = "MR "

    @traceable
    def shout(word: str) -> str:  # not importable: it is sent whole
        return (prefix + word.upper()).removeprefix(prefix)

    def target(inputs: dict) -> dict:
        (met / str(os.getpid())).touch()
        while len(list(met.iterdir())) < 2:
            threading.Event().wait(0.01)
        return {"answer": shout(inputs["name"]), "pid": os.getpid()}

    check_experiment(client, evaluate(address, target), processes=2)


@pytest.mark.slow
def test_the_rows_of_a_killed_worker_are_done_again_and_count_once(client, evaluate, address, tmp_path):
    def target(inputs: dict) -> dict:
        with (tmp_path / "calls").open("a") as calls:
            calls.write(inputs["name"] + "\n")
        answer = {"answer": inputs["name"].upper(), "pid": os.getpid()}
        if inputs["name"] == "bob" and not (tmp_path / "killed").exists():
            (tmp_path / "killed").touch()
            client.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    results = evaluate(address, target)
    calls = Counter((tmp_path / "calls").read_text().split())
    assert calls["bob"] == 2
    assert [row["run"].outputs["answer"] for row in results] == ["ADA", "BOB", "CYD", "DEE"]
    project = client.read_project(project_name=results.experiment_name, include_stats=True)
    assert (project.run_count, project.error_rate) == (4, 0)
    assert {key: own["n"] for key, own in project.feedback_stats.items()} == {"exact": 4, "length": 4}
    judging = client.list_runs(project_name="evaluators", is_root=True)
    assert Counter(run.name for run in judging) == {"exact": 4, "share": 1}
