"""Comparing experiments: what is paired, what the interval says, and what is not claimed."""

from __future__ import annotations

import asyncio
import math
import sys
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smithkit import AsyncClient
from smithkit.errors import LangSmithNotFoundError, MissingPackageError
from smithkit.evaluation import compare
from smithkit.evaluation._compare import CompareOptions, compared
from smithkit.evaluation._measures import Measures

FEW = {"resamples": 500}
NUMBERS = st.integers(-100_000, 100_000).map(lambda number: number / 1_000)
SCORES = st.lists(NUMBERS, min_size=6, max_size=40)


def measures(scores, name="new", key="score"):
    ids = [UUID(int=number) for number in range(len(scores))]
    same = dict.fromkeys(ids, 0.0)
    return Measures(name, {key: dict(zip(ids, scores, strict=True))}, same, same)


def difference(scores, baseline, **options):
    options = CompareOptions(**FEW | options)
    return compared(measures(scores), measures(baseline, "old"), options).feedback["score"]


@settings(max_examples=25)
@given(SCORES)
def test_identical_experiments_show_no_difference(scores):
    found = difference(scores, scores)

    assert found.verdict == "no difference shown"
    assert (found.difference, found.low, found.high) == (0, 0, 0)
    assert (found.wins, found.ties, found.losses) == (0, len(scores), 0)


@settings(max_examples=25)
@given(SCORES, NUMBERS)
def test_a_shift_of_every_score_lies_in_the_interval(scores, shift):
    found = difference([score + shift for score in scores], scores)

    assert found.low - 1e-9 <= shift <= found.high + 1e-9
    if shift:
        assert found.verdict == ("better" if shift > 0 else "worse")


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=2, max_size=40))
def test_the_other_way_round_is_the_mirror_image(pairs):
    one, other = zip(*pairs, strict=True)
    there, back = difference(one, other), difference(other, one)

    mirrored = {"better": "worse", "worse": "better"}
    assert back.verdict == mirrored.get(there.verdict, there.verdict)
    assert (back.wins, back.ties, back.losses) == (there.losses, there.ties, there.wins)
    for end, opposite in ((there.low, back.high), (there.high, back.low)):
        assert math.isclose(end, -opposite, rel_tol=1e-6, abs_tol=1e-9)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=2, max_size=40))
def test_the_interval_is_ordered_and_the_same_again(pairs):
    one, other = zip(*pairs, strict=True)
    found = difference(one, other)

    assert found.low <= found.high
    assert found == difference(one, other)


def test_a_clear_gain_is_better_and_where_less_is_better_worse():
    new, old = [0.8, 0.9, 0.7, 0.95, 0.85, 0.9, 0.75, 0.8], [0.5, 0.6, 0.55, 0.6, 0.5, 0.7, 0.4, 0.6]

    assert difference(new, old).verdict == "better"
    assert "above 0" in difference(new, old).reason
    assert difference(new, old, lower_is_better=["score"]).verdict == "worse"


def test_few_pairs_are_too_few_and_the_more_so_the_more_confidence_is_asked():
    new = [1.0] * 6

    assert difference(new[:5], [0.0] * 5).verdict == "too few rows"
    assert difference(new, [0.0] * 6).verdict == "better"
    assert difference(new, [0.0] * 6, confidence=0.99).verdict == "too few rows"
    assert difference(new[:1], [0.0]).low is None


def test_a_handful_of_wins_among_ties_is_not_called_better():
    found = difference([1] * 5 + [0] * 15, [0] * 20)

    assert found.low > 0
    assert found.verdict == "no difference shown"
    assert "5 of 20 pairs" in found.reason


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    import numpy as np

    chance = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        found = difference(chance.normal(0.3, 1, 40), np.zeros(40), resamples=400)
        held += found.low <= 0.3 <= found.high
    assert 180 <= held <= 199


def test_many_pairs_are_compared_without_quadratic_work():
    import numpy as np

    chance = np.random.default_rng(7)
    found = difference(chance.normal(0.1, 1, 20_000), np.zeros(20_000), resamples=200)

    assert found.verdict == "better"


def length(outputs: dict) -> int:
    return len(outputs.get("answer") or "")


def right(outputs: dict, reference_outputs: dict) -> dict:
    return {"score": outputs == reference_outputs, "value": "a text beside it"}


def upper(inputs: dict) -> dict:
    return {"answer": inputs["name"].upper()}


def fails_on_bob(inputs: dict) -> dict:
    if inputs["name"] == "bob":
        raise ValueError("no bob")
    return {"answer": inputs["name"]}


@pytest.fixture
def experiments(client, dataset):
    names = [{"inputs": {"name": f"n{number}"}, "outputs": {"answer": f"N{number}"}} for number in range(6)]
    client.create_examples(dataset_id=dataset.id, examples=names)
    return [
        client.evaluate(target, data="names", evaluators=[length, right], num_repetitions=times)
        for target, times in ((upper, 2), (fails_on_bob, 1))
    ]


def test_results_are_paired_by_example_with_repetitions_averaged(experiments):
    better, worse = experiments

    found = better.compare(worse)

    assert (found.experiment_name, found.baseline_name) == (better.experiment_name, worse.experiment_name)
    assert list(found.feedback) == ["length", "right"]
    right = found.feedback["right"]
    assert (right.n, right.mean, right.baseline_mean, right.verdict) == (10, 1.0, 0.0, "better")
    assert (right.wins, right.ties, right.losses) == (10, 0, 0)
    assert (found.feedback["length"].wins, found.feedback["length"].verdict) == (1, "no difference shown")
    assert (found.error_rate.n, found.error_rate.difference) == (10, pytest.approx(-0.1))
    assert found.error_rate.wins == 1
    assert found.latency.n == 9


def test_what_the_server_kept_compares_like_the_results(client, experiments, tmp_path):
    better, worse = experiments
    here = better.compare(worse)

    by_name = client.compare_experiments(better.experiment_name, worse.experiment_name)
    mixed = compare(better, worse.experiment_name, client=client)

    async def later():
        async with AsyncClient(f"sqlite:///{tmp_path}/evaluation.db") as other:
            return await other.compare_experiments(better.experiment_name, worse)

    for found in (by_name, mixed, asyncio.run(later())):
        assert dict(found.feedback) == dict(here.feedback)
        assert found.error_rate == here.error_rate
        assert found.latency.n == here.latency.n


def test_a_comparison_is_shown_as_text_and_escaped(experiments):
    first, second = experiments
    found = first.compare(second)

    markdown = found.to_markdown()
    assert "| right | 10 | 1 | 0 | +1 | [+1, +1] | 10/0/0 | better |" in markdown
    assert str(found) == markdown
    table = found.to_pandas().set_index("metric")
    assert table.loc["right", "verdict"] == "better"
    assert set(table.index) == {"length", "right", "latency (s)", "error rate"}
    script = compared(
        measures([1.0] * 6, "<script>", "<b>|"), measures([0.0] * 6, "old", "<b>|"), CompareOptions()
    )
    assert "<script>" not in script._repr_html_()
    assert "<b>|" not in script._repr_html_()
    assert "<" not in script.to_markdown()
    assert repr(found).startswith(f"<ExperimentComparison {first.experiment_name} against")


def test_examples_of_one_experiment_alone_are_left_out_and_counted(client, experiments):
    first, _ = experiments
    some = list(client.list_examples(dataset_name="names", limit=7))
    found = client.evaluate(upper, data=some, evaluators=[length]).compare(first)

    assert (found.feedback["length"].n, found.unpaired) == (7, 3)
    assert "left out: 3" in found.to_markdown()
    assert (found.feedback["right"].n, found.feedback["right"].verdict) == (0, "too few rows")


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"confidence": 1}, ValueError, "confidence"),
            ({"confidence": 95}, ValueError, "confidence"),
            ({"resamples": 5}, ValueError, "resamples"),
            ({"lower_is_better": "score"}, TypeError, "list"),
            ({"lower_is_better": ["other"]}, ValueError, "there is score"),
        ],
    )
    def test_options(self, options, error, message):
        with pytest.raises(error, match=message):
            difference([1.0], [1.0], **options)

    def test_experiments_without_a_common_example(self):
        other = Measures("old", {}, {}, {UUID(int=99): 0.0})
        with pytest.raises(ValueError, match="no example in common"):
            compared(measures([1.0]), other, CompareOptions())

    def test_an_experiment_that_still_runs(self, client, dataset, experiments):
        import threading

        go_on = threading.Event()
        running = client.evaluate(lambda inputs: go_on.wait(30) and {}, data="names", blocking=False)
        with pytest.raises(ValueError, match="still runs"):
            running.compare(experiments[0])
        go_on.set()
        running.wait()

    def test_an_experiment_that_is_not_there(self, client, experiments):
        with pytest.raises(LangSmithNotFoundError):
            client.compare_experiments(experiments[0], "nothing")

    def test_a_project_that_is_no_experiment(self, client, experiments):
        client.create_project("plain")
        with pytest.raises(ValueError, match="no experiment"):
            client.compare_experiments(experiments[0], "plain")

    def test_scipy_is_asked_for_where_it_is_missing(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "scipy", None)
        with pytest.raises(MissingPackageError, match=r"smithkit-evaluation\[compare\]"):
            difference([1.0], [1.0])
