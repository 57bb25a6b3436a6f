"""Expectations, marks and log functions, without pytest around them."""

from __future__ import annotations

import contextlib
import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit import trace, tracing_context
from smithkit.errors import LangSmithUserError
from smithkit.evaluation.testing import Expect, expect, log_feedback, log_inputs, trace_feedback
from smithkit.evaluation.testing._naming import experiment_name, suite_name
from smithkit.evaluation.testing._options import Options

RUN = "aaaaaaaa-0000-4000-8000-00000000e001"


@pytest.fixture
def sent(api):
    """Calls a function inside of a trace; gives the feedback that it sends."""
    api.answer("POST", "/feedback", {"id": RUN})

    def run(body):
        mine = Expect(client=api.client())
        with tracing_context(enabled="local"), trace("t", run_id=RUN):
            try:
                body(mine)
            finally:
                mine.drain()
        return [request.json() for request in api.requests if request.path == "/feedback"]

    return run


@pytest.mark.parametrize(
    ("value", "matcher", "arguments", "holds"),
    [
        (1, "to_be_less_than", (2,), True),
        (2, "to_be_less_than", (2,), False),
        (3, "to_be_greater_than", (2,), True),
        (2, "to_be_greater_than", (2,), False),
        (2, "to_be_between", (1, 3), True),
        (3, "to_be_between", (1, 3), False),
        (1.004, "to_be_approximately", (1,), True),
        (1.006, "to_be_approximately", (1,), False),
        (1.04, "to_be_approximately", (1, 1), True),
        ([1], "to_equal", ([1],), True),
        ([1], "to_equal", ([2],), False),
        (None, "to_be_none", (), True),
        (0, "to_be_none", (), False),
        ("hello", "to_contain", ("ell",), True),
        ({"a": 1}, "to_contain", ("b",), False),
        ("42", "against", (str.isdigit,), True),
        ("x", "against", (str.isdigit,), False),
    ],
)
def test_a_matcher_asserts_and_gives_feedback(sent, value, matcher, arguments, holds):
    def body(mine):
        check = getattr(mine(value), matcher)
        if holds:
            check(*arguments)
        else:
            with pytest.raises(AssertionError, match="Expected value to"):
                check(*arguments)

    (feedback,) = sent(body)

    assert feedback["key"] == "expectation"
    assert feedback["run_id"] == RUN
    assert feedback["score"] == int(holds)
    assert (feedback["comment"] == f"Success: value.{matcher}") is holds


def test_a_score_is_feedback_of_its_own(sent):
    feedback = sent(lambda mine: mine.score(0.75, key="quality", comment="fine").to_be_greater_than(0.5))

    assert sorted((item["key"], item["score"]) for item in feedback) == [
        ("expectation", 1),
        ("quality", 0.75),
    ]


def test_distances_are_feedback_that_says_how_they_were_measured(sent):
    pytest.importorskip("rapidfuzz")

    def body(mine):
        mine.edit_distance("hallo", "hello").to_be_approximately(0.2)
        mine.edit_distance("hallo", "hello", config={"metric": "hamming", "normalize_score": False}).to_equal(
            1
        )

    measured = [item for item in sent(body) if item["key"] == "edit_distance"]

    assert sorted(item["score"] for item in measured) == [0.2, 1.0]
    metadata = [item["feedback_source"]["metadata"] for item in measured]
    assert {"metric": "damerau_levenshtein", "normalize": True} in metadata
    assert {"metric": "hamming", "normalize": False} in metadata


@pytest.mark.parametrize(
    ("metric", "distance"),
    [("cosine", 1.0), ("euclidean", math.sqrt(2)), ("manhattan", 2.0), ("chebyshev", 1.0), ("hamming", 1.0)],
)
def test_embeddings_are_compared_by_each_metric(metric, distance):
    vectors = {"x": [1, 0], "y": [0, 1]}
    config = {"encoder": lambda texts: [vectors[text] for text in texts], "metric": metric}

    expect.embedding_distance("x", "y", config=config).to_be_approximately(distance, 6)
    expect.embedding_distance("x", "x", config=config).to_be_approximately(0, 6)


def test_there_is_no_encoder_by_itself_and_one_may_be_set():
    mine = Expect()
    with pytest.raises(LangSmithUserError, match="needs an encoder"):
        mine.embedding_distance("a", "b")

    mine.encoder = lambda texts: [[1.0] for _ in texts]

    mine.embedding_distance("a", "b").to_be_approximately(0)


def test_metrics_and_vectors_that_cannot_be_are_refused():
    with pytest.raises(LangSmithUserError, match="metric must be one of cosine"):
        expect.embedding_distance("a", "b", config={"metric": "nearness"})
    with pytest.raises(LangSmithUserError, match="metric must be one of damerau"):
        expect.edit_distance("a", "b", config={"metric": "nearness"})
    with pytest.raises(LangSmithUserError, match="one vector a text"):
        expect.embedding_distance("a", "b", config={"encoder": lambda texts: [[1.0]]})


def test_outside_of_a_trace_expectations_are_plain_assertions(api):
    mine = Expect(client=api.client())

    with pytest.raises(AssertionError, match="Expected value to equal 2, but it is 1"):
        mine(1).to_equal(2)

    mine.drain()
    assert api.requests == []


@pytest.mark.parametrize(
    "call", [lambda: log_inputs({}), lambda: log_feedback(key="k"), lambda: trace_feedback().__enter__()]
)
def test_logging_outside_of_a_test_says_what_is_missing(call):
    with pytest.raises(ValueError, match=r"pytest\.mark\.langsmith"):
        call()


OPTIONS = st.sampled_from([*(field.name for field in dataclasses.fields(Options)), "other"])
VALUES = (
    st.none() | st.integers() | st.text() | st.lists(st.text()) | st.dictionaries(st.text(), st.integers())
)


@given(st.dictionaries(OPTIONS, VALUES))
def test_options_are_either_taken_or_refused_with_a_typed_error(given_options):
    taken = Options()
    with contextlib.suppress(LangSmithUserError):
        taken = Options.of(**given_options)

    assert taken.repetitions >= 1
    assert all(isinstance(key, str) for key in taken.output_keys)
    assert taken.client is None, "none of these values is a client"
    assert taken.metadata is None or isinstance(taken.metadata, dict)


def test_the_workers_of_one_run_of_xdist_name_one_experiment(monkeypatch):
    monkeypatch.setenv("LANGSMITH_EXPERIMENT", "nightly")
    monkeypatch.delenv("PYTEST_XDIST_TESTRUNUID", raising=False)
    alone = {experiment_name("suite") for _ in range(3)}
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "run-1")
    together = {experiment_name("suite") for _ in range(3)}

    assert len(alone) == 3
    assert len(together) == 1
    assert {name.partition(":")[0] for name in alone | together} == {"nightly"}


def test_a_suite_is_named_after_repository_and_module(tmp_path, monkeypatch):
    monkeypatch.delenv("LANGSMITH_TEST_SUITE", raising=False)
    monkeypatch.chdir(tmp_path)

    assert suite_name("tests.test_shop") == f"{tmp_path.name}.tests.test_shop"

    monkeypatch.setenv("LANGSMITH_TEST_SUITE", "shop")
    assert suite_name("tests.test_shop") == "shop"
