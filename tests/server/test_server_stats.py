"""Figures of runs and projects, against sums made by hand."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

SECOND = "2024-01-01T00:00:{:06.3f}"


def make(api, runs, project):
    """Store runs given as dicts with seconds, tokens and so on, and give their ids."""
    ids = [str(uuid.uuid4()) for _ in runs]
    bodies = []
    for run_id, run in zip(ids, runs, strict=True):
        body = {
            "id": run_id,
            "name": "r",
            "run_type": run.get("run_type", "chain"),
            "start_time": SECOND.format(0),
            "end_time": None if run.get("seconds") is None else SECOND.format(run["seconds"]),
            "session_name": project,
            "error": "bad" if run.get("failed") else None,
            "parent_run_id": run.get("parent"),
        }
        if "usage" in run:
            body["outputs"] = {"usage_metadata": run["usage"]}
        if "first_token" in run:
            body["events"] = [{"name": "new_token", "time": SECOND.format(run["first_token"])}]
        bodies.append(body)
    assert api.post("/runs/batch", {"post": bodies}).status == 202
    return ids


def stats(api, **body):
    answer = api.post("/runs/stats", body)
    assert answer.status == 200, answer.body
    return answer.json


def test_stats_sum_up_what_is_selected(api):
    runs = [
        {
            "seconds": 1,
            "usage": {"input_tokens": 3, "output_tokens": 4, "input_cost": 0.1, "output_cost": 0.2},
        },
        {"seconds": 2, "usage": {"total_tokens": 10, "total_cost": 0.0000007}, "first_token": 0.5},
        {"seconds": 4, "failed": True},
        {"seconds": None, "run_type": "llm"},
    ]
    make(api, runs, "mine")
    make(api, [{"seconds": 50}], "other")

    found = stats(api, session=[api.project("mine")["id"]])

    assert found["run_count"] == 4
    assert found["error_rate"] == 0.25
    assert found["streaming_rate"] == 0.25
    assert (found["latency_p50"], found["latency_p99"]) == (2.0, 4.0)
    assert (found["first_token_p50"], found["first_token_p99"]) == (0.5, 0.5)
    assert (found["prompt_tokens"], found["completion_tokens"], found["total_tokens"]) == (3, 4, 17)
    assert (found["median_tokens"], found["tokens_p99"]) == (7, 10)
    assert (found["prompt_cost"], found["total_cost"]) == ("0.1", "0.3000007")
    assert found["cost_p99"] == "0.3"
    assert found["last_run_start_time"] == "2024-01-01T00:00:00+00:00"


def test_an_empty_list_of_projects_means_all(api):
    make(api, [{}], "mine")
    make(api, [{}, {}], "other")
    assert stats(api, session=[])["run_count"] == 3
    assert stats(api)["run_count"] == 3


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({"run_type": "llm"}, 1),
        ({"error": True}, 1),
        ({"is_root": True}, 2),
        ({"is_root": False}, 1),
        ({"start_time": "2024-01-02"}, 0),
        ({"id": [str(uuid.UUID(int=9))]}, 0),
        ({"data_source_type": "current", "query": None}, 3),
    ],
)
def test_stats_take_the_filters_of_queries(api, body, count):
    (root,) = make(api, [{"failed": True}], "p")
    make(api, [{"run_type": "llm"}, {"parent": root}], "p")
    assert stats(api, **body)["run_count"] == count


def test_stats_of_nothing(api):
    found = stats(api, run_type="tool")
    assert found["run_count"] == 0
    assert found["error_rate"] is found["latency_p50"] is found["total_cost"] is None
    assert found["feedback_stats"] == {}


def test_filters_that_cannot_be_answered_are_refused(api):
    answer = api.post("/runs/stats", {"tree_filter": "x"})
    assert (answer.status, "tree_filter" in answer.detail) == (422, True)


def test_feedback_is_counted_by_key(api):
    one, two = make(api, [{}, {}], "p")
    parts = {}
    for run_id, key, fields in (
        (one, "helpful", {"score": 1}),
        (two, "helpful", {"score": 0, "value": "no"}),
        (two, "tone", {"value": "kind"}),
    ):
        feedback_id = str(uuid.uuid4())
        parts[f"feedback.{feedback_id}"] = {"id": feedback_id, "run_id": run_id, "key": key, **fields}
    assert api.multipart(parts).status == 202

    expected = {
        "helpful": {"n": 2, "avg": 0.5, "values": {"no": 1}},
        "tone": {"n": 1, "avg": None, "values": {"kind": 1}},
    }
    assert stats(api)["feedback_stats"] == expected
    assert api.project("p")["id"]
    (project,) = api.get("/sessions?name=p&include_stats=true").json
    assert project["feedback_stats"] == expected
    assert api.run(two)["feedback_stats"]["tone"] == expected["tone"]


def nearest_rank(values, percent):
    """The smallest value that at least that share of all is not above."""
    if not values:
        return None
    return next(
        value
        for value in sorted(values)
        if sum(other <= value for other in values) * 100 >= percent * len(values)
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 59), st.booleans(), st.integers(0, 100)), max_size=12))
def test_figures_are_those_of_a_naive_reader(shared_api, drawn):
    project = str(uuid.uuid4())
    make(
        shared_api,
        [
            {"seconds": seconds, "failed": failed, "usage": {"total_tokens": tokens}}
            for seconds, failed, tokens in drawn
        ],
        project,
    )
    if not drawn:
        return
    session = shared_api.project(project)["id"]
    found = stats(shared_api, session=[session])
    assert found["run_count"] == len(drawn)
    assert found["error_rate"] == sum(failed for _, failed, _ in drawn) / len(drawn)
    assert found["total_tokens"] == sum(tokens for *_, tokens in drawn)
    for percent in (50, 99):
        expected = nearest_rank([seconds for seconds, *_ in drawn], percent)
        assert found[f"latency_p{percent}"] == expected
    of_project = shared_api.get(f"/sessions/{session}?include_stats=true").json
    same = {"run_count", "error_rate", "latency_p50", "latency_p99", "total_tokens", "total_cost"}
    assert {name: of_project[name] for name in same} == {name: found[name] for name in same}
