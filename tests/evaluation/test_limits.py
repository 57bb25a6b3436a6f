"""Limits: what is in flight at a time, how often targets are called, and how long they may take."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest


class InFlight:
    """Counts the calls that are under way; the first `meeting` of them wait for each other."""

    def __init__(self, meeting: int = 1) -> None:
        self.most = self.calls = self._now = 0
        self._lock = threading.Lock()
        self._barrier = threading.Barrier(meeting)
        self._meeting = meeting

    def __enter__(self) -> None:
        with self._lock:
            self.calls += 1
            self._now += 1
            self.most = max(self.most, self._now)
            meets = self.calls <= self._meeting
        if meets:
            self._barrier.wait(30)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._now -= 1


@pytest.mark.parametrize(("targets", "evaluators"), [(1, 3), (3, 1), (2, 2)])
def test_targets_and_evaluators_have_limits_of_their_own(client, dataset, targets, evaluators):
    answering, judging = InFlight(targets), InFlight(evaluators)

    def target(inputs: dict) -> dict:
        with answering:
            return inputs

    def judge(outputs: dict) -> bool:
        with judging:
            return True

    client.evaluate(
        target,
        data="names",
        evaluators=[judge],
        num_repetitions=5,
        max_concurrency=4,
        target_concurrency=targets,
        evaluator_concurrency=evaluators,
    )

    assert (answering.most, answering.calls) == (targets, 20)
    assert (judging.most, judging.calls) == (evaluators, 20)


def test_tasks_have_the_same_limits(client, dataset):
    answering, judging, blocking = InFlight(), InFlight(), InFlight()

    async def target(inputs: dict) -> dict:
        with answering:
            await asyncio.sleep(0.001)
            return inputs

    async def judge(outputs: dict) -> bool:
        with judging:
            await asyncio.sleep(0.001)
            return True

    def judge_in_thread(outputs: dict) -> bool:
        with blocking, judging:
            return True

    limits = {"max_concurrency": 8, "target_concurrency": 3, "evaluator_concurrency": 2}
    measuring = client.aevaluate(
        target, data="names", evaluators=[judge, judge_in_thread], num_repetitions=5, **limits
    )
    asyncio.run(measuring)

    assert (answering.most, answering.calls) == (3, 20)
    assert (judging.most, judging.calls) == (2, 40)
    assert blocking.calls == 20


def test_evaluators_of_an_experiment_that_is_there_are_limited_too(client, dataset):
    judging = InFlight(2)

    def judge(outputs: dict) -> bool:
        with judging:
            return True

    name = client.evaluate(lambda inputs: inputs, data="names").experiment_name
    client.evaluate_existing(name, [judge], max_concurrency=4, evaluator_concurrency=2)

    assert (judging.most, judging.calls) == (2, 4)


def test_targets_are_called_no_more_often_than_the_rate_allows(client, dataset):
    began = []

    def target(inputs: dict) -> dict:
        began.append(time.monotonic())
        return inputs

    async def atarget(inputs: dict) -> dict:
        return target(inputs)

    for evaluate in (
        lambda **options: client.evaluate(target, **options),
        lambda **options: asyncio.run(client.aevaluate(atarget, **options)),
    ):
        began.clear()
        start = time.monotonic()
        evaluate(data="names", max_concurrency=4, rate_limit=50, num_repetitions=2)

        assert len(began) == 8
        assert all(at - start >= number / 50 for number, at in enumerate(sorted(began)))


@pytest.mark.parametrize("limits", [{"target_concurrency": 1}, {"rate_limit": 1000.0}])
def test_waiting_for_a_turn_does_not_count_as_answering(client, dataset, limits):
    def target(inputs: dict) -> dict:
        time.sleep(0.02)
        return inputs

    results = client.evaluate(
        target, data="names", num_repetitions=6, max_concurrency=None, timeout=5, **limits
    )

    assert results.summary()["errors"] == 0


def test_a_slow_task_is_an_error_after_its_timeout(client, dataset):
    async def slow(inputs: dict) -> dict:
        if inputs["name"] == "ada":
            await asyncio.Event().wait()
        return inputs

    results = asyncio.run(client.aevaluate(slow, data="names", timeout=0.2, max_concurrency=2))

    assert [bool(row["run"].error) for row in results] == [True, False, False, False]
    kept = client.list_runs(project_name=results.experiment_name, is_root=True)
    assert sorted(bool(run.error) for run in kept) == [False, False, False, True]


def test_a_slow_function_stays_an_error_where_it_ends_after_all(client, dataset):
    release = threading.Event()
    left = []

    def slow(inputs: dict) -> dict:
        if inputs["name"] == "ada":
            left.append(threading.current_thread())
            release.wait(30)
        return inputs

    results = client.evaluate(slow, data="names", timeout=0.2, target_concurrency=1)
    release.set()
    left[0].join(30)
    client.flush()

    kept = client.list_runs(project_name=results.experiment_name, is_root=True)
    errors = [run.error for run in kept if run.error]
    assert len(errors) == 1
    assert "TimeoutError" in errors[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_concurrency": 0}, "target_concurrency"),
        ({"target_concurrency": True}, "target_concurrency"),
        ({"evaluator_concurrency": -1}, "evaluator_concurrency"),
        ({"evaluator_concurrency": 1.5}, "evaluator_concurrency"),
        ({"rate_limit": 0}, "rate_limit"),
        ({"rate_limit": "5/s"}, "rate_limit"),
        ({"rate_limit": float("inf")}, "rate_limit"),
        ({"timeout": 0}, "timeout"),
    ],
)
def test_limits_that_are_none_are_refused_before_anything_runs(client, dataset, options, message):
    asked = []

    with pytest.raises(ValueError, match=message):
        client.evaluate(asked.append, data="names", **options)

    assert not asked
    assert not list(client.list_projects(reference_dataset_id=dataset.id))


def test_an_experiment_that_is_there_has_no_target_to_limit(client, dataset):
    with pytest.raises(ValueError, match="rate_limit cannot be given with an existing experiment"):
        client.evaluate("some-1", evaluators=[], rate_limit=1)
