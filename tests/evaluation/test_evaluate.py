"""Experiments on the embedded backend: what is run, what is kept, and what fails."""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from smithkit import AsyncClient, Client, traceable
from smithkit.errors import LangSmithConflictError, LangSmithNotFoundError
from smithkit.evaluation import (
    EvaluationResult,
    RunEvaluator,
    StringEvaluator,
    aevaluate,
    aevaluate_existing,
    evaluate,
    evaluate_comparative,
    evaluate_existing,
    run_evaluator,
)


def upper(inputs: dict) -> dict:
    return {"answer": inputs["name"].upper()}


async def aupper(inputs: dict) -> dict:
    await asyncio.sleep(0)
    return upper(inputs)


def fails_on_bob(inputs: dict) -> dict:
    if inputs["name"] == "bob":
        raise ValueError("no bob")
    return upper(inputs)


def exact(outputs: dict, reference_outputs: dict) -> bool:
    return outputs == reference_outputs


def results_of(row):
    return {result.key: result.score for result in row["evaluation_results"]["results"]}


def answers(results):
    return [(row["run"].outputs or {}).get("answer") for row in results]


def test_the_project_and_its_runs_are_kept(client, dataset):
    results = client.evaluate(upper, data="names", evaluators=[exact], experiment_prefix="up")

    assert answers(results) == ["ADA", "BOB", "CYD", "DEE"]
    assert all(results_of(row) == {"exact": True} for row in results)
    project = client.read_project(project_name=results.experiment_name)
    assert project.name.startswith("up-")
    assert project.reference_dataset_id == dataset.id
    assert project.metadata["num_repetitions"] == 1
    assert project.metadata["dataset_splits"] == ["base"]
    runs = list(client.list_runs(project_id=project.id, is_root=True))
    assert {run.id for run in runs} == {row["run"].id for row in results}
    assert {run.reference_example_id for run in runs} == {row["example"].id for row in results}
    judging = list(client.list_runs(project_name="evaluators"))
    assert [run.name for run in judging] == ["exact"] * 4
    feedback = list(client.list_feedback(run_ids=[run.id for run in runs]))
    assert [(one.key, one.score) for one in feedback] == [("exact", True)] * 4


@pytest.mark.filterwarnings("ignore:get_test_results may change", "ignore:summary_evaluators")
def test_an_experiment_can_be_read_with_its_feedback(client, dataset):
    def share(outputs: list, reference_outputs: list) -> float:
        return sum(map(exact, outputs, reference_outputs)) / len(outputs)

    results = client.evaluate(upper, data="names", evaluators=[exact], summary_evaluators=[share])

    table = client.get_test_results(project_name=results.experiment_name)
    assert list(table["feedback.exact"]) == [1.0] * 4
    project = client.read_project(project_name=results.experiment_name, include_stats=True)
    assert project.feedback_stats["exact"]["n"] == 4
    assert project.session_feedback_stats["share"]["avg"] == 1.0


@pytest.mark.filterwarnings("ignore:upload_results")
def test_summary_evaluators_judge_all_rows(client, dataset):
    def share(outputs: list, reference_outputs: list) -> float:
        return sum(map(exact, outputs, reference_outputs)) / len(outputs)

    def broken(runs, examples):
        raise RuntimeError("broke")

    results = client.evaluate(
        upper,
        data="names",
        evaluators=[exact],
        summary_evaluators=[broken, share],
        upload_results=False,
    )

    assert results.summary()["feedback"] == {
        "exact": {"n": 4, "mean": 1.0, "min": 1.0, "max": 1.0},
        "share": {"n": 1, "mean": 1.0, "min": 1.0, "max": 1.0},
    }


def test_uploaded_summary_evaluators_warn_once_before_any_row_runs(client, dataset):
    def share(outputs: list) -> float:
        return 1.0

    options = {"data": "names", "summary_evaluators": [share, share]}
    with pytest.warns(DeprecationWarning, match="on the experiment as a whole") as caught:
        results = client.evaluate(upper, **options)
    with pytest.warns(DeprecationWarning, match="on the experiment as a whole") as again:
        client.evaluate_existing(results.experiment_name, summary_evaluators=[share])
    answered = []
    with pytest.raises(DeprecationWarning):  # as warnings are errors here
        client.evaluate(answered.append, **options)

    assert (len(caught), len(again), answered) == (1, 1, [])
    assert [one.score for one in results.summary_results["results"]] == [1.0, 1.0]


def test_async_targets_and_evaluators_are_awaited(client, dataset):
    async def aexact(outputs: dict, reference_outputs: dict) -> bool:
        await asyncio.sleep(0)
        return outputs == reference_outputs

    async def run():
        results = await aevaluate(
            aupper, data=dataset.id, evaluators=[aexact, exact], max_concurrency=2, client=client
        )
        return results, [row async for row in results]

    results, rows = asyncio.run(run())

    assert len(results) == len(rows) == 4
    assert all(results_of(row) == {"aexact": True, "exact": True} for row in rows)


def test_a_failing_target_gives_a_row_with_its_error(client, dataset):
    results = client.evaluate(fails_on_bob, data=dataset, evaluators=[exact])

    failed = [row for row in results if row["run"].error]
    assert len(results) == 4
    assert [row["example"].inputs["name"] for row in failed] == ["bob"]
    assert "no bob" in failed[0]["run"].error
    assert results_of(failed[0]) == {"exact": False}
    assert results.summary()["errors"] == 1


def test_failed_runs_can_stay_apart_from_their_examples(client, dataset):
    results = client.evaluate(fails_on_bob, data="names", error_handling="ignore")

    kept = client.list_runs(project_name=results.experiment_name, is_root=True)
    assert {bool(run.error): bool(run.reference_example_id) for run in kept} == {True: False, False: True}


def test_a_failing_evaluator_gives_its_error_under_the_keys_of_its_source(client, dataset):
    def broken(run, example):
        if run.outputs:
            raise RuntimeError("broke")
        return {"results": [{"key": "tone", "score": 1}, EvaluationResult(key="length", score=2)]}

    results = client.evaluate(upper, data="names", evaluators=[broken, exact])

    for row in results:
        tone, length, right = row["evaluation_results"]["results"]
        assert (tone.key, length.key) == ("tone", "length")
        assert tone.comment == "RuntimeError('broke')"
        assert tone.extra == {"error": True}
        assert right.score is True
    assert results.summary()["evaluator_errors"] == 8


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (True, [("judge", True, None)]),
        (0.25, [("judge", 0.25, None)]),
        ("good", [("judge", None, "good")]),
        ({"score": 1, "reasoning": "why"}, [("judge", 1, None)]),
        ({"key": "k", "value": "v"}, [("k", None, "v")]),
        ([{"key": "a", "score": 1}, {"key": "b", "score": 0}], [("a", 1, None), ("b", 0, None)]),
        ({"results": [EvaluationResult(key="a", score=1)]}, [("a", 1, None)]),
        (EvaluationResult(key="own", value={"x": 1}), [("own", None, {"x": 1})]),
    ],
)
def test_an_evaluator_may_return_any_shape_of_result(returned, expected):
    def judge(outputs):
        return returned

    run = SimpleNamespace(id=None, inputs={}, outputs={"x": 1})
    found = run_evaluator(judge).evaluate_run(run)["results"]

    assert [(one.key, one.score, one.value) for one in found] == expected


@pytest.mark.parametrize("returned", [None, {}, {"score": "high"}, {"scor": 1}, object()])
def test_what_is_no_result_is_refused_with_the_evaluators_name(returned):
    def judge(outputs):
        return returned

    with pytest.raises(ValueError, match="evaluator judge"):
        run_evaluator(judge).evaluate_run(SimpleNamespace(id=None, inputs={}, outputs={"x": 1}))


@pytest.mark.parametrize("score", ["0.9", [1], {"a": 1}, object()])
def test_a_score_of_a_wrong_type_is_an_error_of_its_row_that_names_it(client, dataset, score):
    def judge(outputs: dict) -> dict:
        return {"key": "good", "score": score if outputs["answer"] == "BOB" else 1}

    results = client.evaluate(upper, data="names", evaluators=[judge])

    said = [row["evaluation_results"]["results"][0] for row in results]
    assert [one.score for one in said] == [1, None, 1, 1]
    assert said[1].extra == {"error": True}
    assert re.match(r"ValueError\(.*evaluator judge.*score", said[1].comment)


def test_classes_judge_too(client, dataset):
    class Length(RunEvaluator):
        def evaluate_run(self, run, example=None):
            return EvaluationResult(key="length", score=len(run.outputs["answer"]))

    def contains(question, answer, expected):
        return expected in answer

    judges = [Length(), StringEvaluator(answer_key="answer", grading_function=contains)]
    results = client.evaluate(upper, data="names", evaluators=judges)

    assert all(results_of(row) == {"length": 3, "contains": True} for row in results)


def test_experiments_are_compared_side_by_side(client, dataset):
    names = [client.evaluate(target, data="names").experiment_name for target in (upper, fails_on_bob)]

    def prefer_answers(outputs: list) -> list:
        return [bool(one.get("answer")) for one in outputs]

    def broken(runs, example):
        raise RuntimeError("broke")

    results = evaluate_comparative(names, [prefer_answers, broken], client=client, max_concurrency=2)

    assert len(results) == 4
    for row in results:
        said = results[row["example"].id]
        first, second = said["runs"]
        expected = row["example"].inputs["name"] != "bob"
        assert said["feedback.prefer_answers"].scores == {first.id: True, second.id: expected}
        assert said["feedback.broken"].comment == "RuntimeError('broke')"


@pytest.mark.parametrize(("most", "expected"), [(0, 1), (1, 1), (3, 3)])
def test_work_in_flight_never_exceeds_max_concurrency(client, dataset, most, expected):
    running, peaks, lock = 0, [], threading.Lock()
    meeting = threading.Barrier(expected)

    def target(inputs: dict) -> dict:
        nonlocal running
        with lock:
            running += 1
            peaks.append(running)
        if inputs["name"] != "dee":
            meeting.wait(30)
        with lock:
            running -= 1
        return inputs

    client.evaluate(target, data="names", max_concurrency=most)

    assert max(peaks) == expected


def test_tasks_in_flight_never_exceed_max_concurrency(client, dataset):
    running, peaks = 0, []

    async def target(inputs: dict) -> dict:
        nonlocal running
        running += 1
        peaks.append(running)
        await asyncio.sleep(0.01)
        running -= 1
        return inputs

    asyncio.run(client.aevaluate(target, data="names", max_concurrency=2, num_repetitions=2))

    assert (len(peaks), max(peaks)) == (8, 2)


def test_repetitions_answer_each_example_again(client, dataset):
    results = client.evaluate(upper, data="names", num_repetitions=3, max_concurrency=None)

    assert len(results) == 12
    assert len({row["run"].id for row in results}) == 12
    assert [row["example"].inputs["name"] for row in results][::3] == ["ada", "bob", "cyd", "dee"]


def test_results_can_be_followed_while_the_experiment_runs(client, dataset):
    go_on = threading.Event()

    def target(inputs: dict) -> dict:
        if inputs["name"] == "bob":
            go_on.wait(30)
        return inputs

    results = client.evaluate(target, data="names", blocking=False)
    rows = iter(results)
    first = next(rows)
    with pytest.raises(TimeoutError):
        results.wait(0)
    go_on.set()

    assert first["example"].inputs == {"name": "ada"}
    assert len(list(rows)) == 3
    assert len(results) == 4


def test_nothing_is_sent_without_upload(client, dataset):
    with pytest.warns(UserWarning, match="upload_results"):
        results = client.evaluate(upper, data="names", evaluators=[exact], upload_results=False)

    assert all(results_of(row) == {"exact": True} for row in results)
    client.flush()
    assert not client.has_project(results.experiment_name)
    assert not client.has_project("evaluators")


def test_targets_get_what_they_name_and_keep_their_own_trace(client, dataset):
    @traceable(name="my-chain")
    def target(inputs: dict, metadata: dict) -> dict:
        inputs["name"] = "changed"
        return {"keys": sorted(metadata)}

    results = client.evaluate(target, data="names")

    assert {row["run"].name for row in results} == {"my-chain"}
    assert [row["example"].inputs["name"] for row in results] == ["ada", "bob", "cyd", "dee"]


def test_splits_and_examples_can_be_given(client, dataset):
    client.create_example({"name": "eve"}, dataset_id=dataset.id, outputs={"answer": "EVE"}, split="test")

    results = client.evaluate(upper, data=client.list_examples(dataset_id=dataset.id, splits=["test"]))

    assert answers(results) == ["EVE"]


def test_runnables_are_invoked(client, dataset):
    runnables = pytest.importorskip("langchain_core.runnables")

    results = client.evaluate(runnables.RunnableLambda(upper), data="names", evaluators=[exact])

    assert all(results_of(row) == {"exact": True} for row in results)


def test_an_experiment_can_be_judged_again(client, dataset):
    name = client.evaluate(upper, data="names").experiment_name

    again = evaluate_existing(name, [exact], client=client)
    later = asyncio.run(aevaluate_existing(name, [exact], client=client))

    assert answers(again) == ["ADA", "BOB", "CYD", "DEE"]
    assert all(results_of(row) == {"exact": True} for row in [*again, *later])


def test_a_slow_target_is_an_error_after_its_timeout(client, dataset):
    release = threading.Event()

    def slow(inputs: dict) -> dict:
        if inputs["name"] == "ada":
            release.wait(30)
        return inputs

    results = client.evaluate(slow, data="names", timeout=0.5)
    release.set()

    assert [bool(row["run"].error) for row in results] == [True, False, False, False]
    assert "TimeoutError" in next(iter(results))["run"].error


def test_targets_run_on_a_given_executor(client, dataset):
    names = []

    def target(inputs: dict) -> dict:
        names.append(threading.current_thread().name)
        return inputs

    with ThreadPoolExecutor(1, thread_name_prefix="mine") as executor:
        client.evaluate(target, data="names", executor=executor)

    assert len(names) == 4
    assert all(name.startswith("mine") for name in names)


def test_an_interrupted_experiment_goes_on_where_it_stopped(client, dataset):
    class Stop(BaseException):
        pass

    def stops(inputs: dict) -> dict:
        if inputs["name"] == "cyd":
            raise Stop
        return upper(inputs)

    results = client.evaluate(stops, data="names", evaluators=[exact], blocking=False)
    with pytest.raises(Stop):
        results.wait()
    client.flush()
    asked = []

    def target(inputs: dict) -> dict:
        asked.append(inputs["name"])
        return upper(inputs)

    resumed = client.evaluate(
        target,
        data="names",
        evaluators=[exact],
        experiment=results.experiment_name,
        resume=True,
        retry_errors=True,
    )

    assert asked == ["cyd", "dee"]
    assert answers(resumed) == ["ADA", "BOB", "CYD", "DEE"]
    assert all(results_of(row) == {"exact": True} for row in resumed)
    judging = list(client.list_runs(project_name="evaluators"))
    assert len(judging) == 4


def test_the_async_client_evaluates_too(tmp_path, dataset):
    async def run():
        async with AsyncClient(f"sqlite:///{tmp_path}/evaluation.db") as client:
            results = await client.evaluate(aupper, data="names", evaluators=[exact], max_concurrency=4)
            again = await client.evaluate_existing(results.experiment_name, [exact])
            return results, again

    results, again = asyncio.run(run())

    assert answers(results) == answers(again) == ["ADA", "BOB", "CYD", "DEE"]
    assert all(results_of(row) == {"exact": True} for row in [*results, *again])


def test_progress_is_told_to_plugins(tmp_path, dataset):
    from smithkit import hooks

    events = []

    class Follow:
        @hooks.hookimpl
        def on_experiment_progress(self, event):
            events.append((event.done, event.total, event.errors))

    with Client(f"sqlite:///{tmp_path}/evaluation.db", plugins=[Follow()]) as client:
        client.evaluate(fails_on_bob, data="names")

    assert events == [(0, 4, 0), (1, 4, 0), (2, 4, 1), (3, 4, 1), (4, 4, 1), (4, 4, 1)]


def test_tables_hold_every_row_and_escape_what_was_said(client, dataset):
    def markup(inputs: dict) -> dict:
        return {"answer": "<script>|</script>"}

    results = client.evaluate(markup, data="names", evaluators=[exact])

    table = results.to_pandas()
    assert list(table["outputs.answer"]) == ["<script>|</script>"] * 4
    assert list(table["feedback.exact"]) == [False] * 4
    assert "<script>" not in results._repr_html_()
    lines = results.to_markdown().splitlines()
    assert len(lines) == 6
    assert "<script>" not in lines[2]


class TestRefusals:
    """Nothing runs and nothing is created where an argument cannot be right."""

    @pytest.fixture(autouse=True)
    def _nothing_is_created(self, client, dataset):
        before = (
            client.has_project("evaluators"),
            len(list(client.list_projects(reference_dataset_id=dataset.id))),
        )
        yield
        assert (
            client.has_project("evaluators"),
            len(list(client.list_projects(reference_dataset_id=dataset.id))),
        ) == before

    @pytest.mark.parametrize(
        ("target", "options", "error", "message"),
        [
            (upper, {}, ValueError, "data is missing"),
            (upper, {"data": []}, ValueError, "no examples"),
            (upper, {"data": [1]}, TypeError, "must hold examples"),
            (upper, {"data": 3}, TypeError, "data must be"),
            (upper, {"data": "other"}, LangSmithNotFoundError, "other"),
            (aupper, {"data": "names"}, ValueError, "use aevaluate"),
            (3, {"data": "names"}, TypeError, "function or a Runnable"),
            (upper, {"data": "names", "wat": 1}, ValueError, "wat"),
            (upper, {"data": "names", "evaluators": [lambda score: 1]}, ValueError, "score"),
            (upper, {"data": "names", "evaluators": exact}, TypeError, "list"),
            (upper, {"data": "names", "evaluators": [3]}, TypeError, "RunEvaluator"),
            (upper, {"data": "names", "summary_evaluators": [lambda score: 1]}, ValueError, "score"),
            (upper, {"data": "names", "retry_errors": True}, ValueError, "resume=True"),
            (upper, {"data": "names", "upload_results": False, "experiment": "a"}, ValueError, "experiment"),
            (upper, {"data": "names", "max_concurrency": -1}, ValueError, "max_concurrency"),
            (upper, {"data": "names", "num_repetitions": 0}, ValueError, "num_repetitions"),
            (upper, {"data": "names", "error_handling": "raise"}, ValueError, "error_handling"),
            (upper, {"data": "names", "experiment": "a", "experiment_prefix": "b"}, ValueError, "not both"),
            (upper, {"data": "names", "resume": True}, ValueError, "experiment="),
            (upper, {"data": "names", "executor": "elsewhere://x"}, ValueError, "No plugin"),
            (lambda a, b: 1, {"data": "names"}, ValueError, "target"),
            ("names-1", {"data": "names"}, ValueError, "existing experiment"),
            (("a", "b"), {}, ValueError, "at least one"),
            (("a",), {"evaluators": [exact]}, ValueError, "two"),
        ],
    )
    def test_arguments(self, client, target, options, error, message):
        with pytest.raises(error, match=message):
            client.evaluate(target, **options)

    def test_a_target_that_is_not_async_is_not_awaited(self, client):
        with pytest.raises(TypeError, match="async def"):
            asyncio.run(client.aevaluate(upper, data="names"))


def test_a_name_that_is_taken_is_replaced_and_tries_end(api):
    api.answer("POST", "/sessions", {"detail": "taken"}, status=409)
    example = SimpleNamespace(inputs={}, dataset_id="d5000000-0000-4000-8000-000000000001")

    with pytest.raises(LangSmithConflictError):
        evaluate(upper, data=[example], client=api.client())

    names = [request.json()["name"] for request in api.requests]
    assert len(names) == len(set(names)) == 10
    assert all(name.startswith(names[0]) for name in names)


def test_rows_arrive_one_by_one_also_where_all_run_at_once(client, dataset):
    go_on = threading.Event()

    def target(inputs: dict) -> dict:
        if inputs["name"] == "bob":
            go_on.wait(30)
        return inputs

    results = client.evaluate(target, data="names", max_concurrency=None, blocking=False)
    rows = iter(results)
    early = {next(rows)["example"].inputs["name"] for _ in range(3)}
    go_on.set()

    assert early == {"ada", "cyd", "dee"}
    assert len(list(rows)) == 1


def test_tasks_arrive_one_by_one_also_where_all_run_at_once(client, dataset):
    async def run():
        go_on = asyncio.Event()

        async def target(inputs: dict) -> dict:
            if inputs["name"] == "bob":
                await go_on.wait()
            return inputs

        results = await client.aevaluate(target, data="names", max_concurrency=None, blocking=False)
        rows = aiter(results)
        early = {(await anext(rows))["example"].inputs["name"] for _ in range(3)}
        go_on.set()
        return early, [row async for row in rows]

    early, late = asyncio.run(run())

    assert early == {"ada", "cyd", "dee"}
    assert len(late) == 1
