"""Rows of experiments are filtered by the whole language, whatever the store."""

from __future__ import annotations

import json
import uuid

import pytest

FILTERS = {
    'eq(feedback_key, "exact")': [0, 1, 2, 3],
    'and(eq(feedback_key, "exact"), gte(feedback_score, 0.25), lt(feedback_score, 0.75))': [1, 2],
    'and(or(lt(feedback_score, 0.25), gt(feedback_score, 0.5)), eq(feedback_key, "exact"))': [0, 3],
    'not(eq(feedback_key, "note"))': [0, 2],
    'and(eq(feedback_key, "exact"), eq(feedback_key, "note"))': [1, 3],
    'and(eq(feedback_key, "note"), eq(feedback_value, "odd"))': [1, 3],
    'like(feedback_key, "no%")': [1, 3],
    "gt(feedback_score, 0.5)": [3],
    "gt(latency, 2.5)": [2, 3],
    'eq(run_type, "llm")': [0, 2],
    'in(name, ["run 1", "run 2"])': [1, 2],
    'and(eq(metadata_key, "model"), eq(metadata_value, "m3"))': [3],
    'eq(outputs.answer, "answer 2")': [2],
    'search(outputs, "answer")': [0, 1, 2, 3],
    'or(search("3"), eq(feedback_score, 0))': [0, 3],
    'not(has(tags, "even"))': [1, 3],
    "exists(error)": [1],
    'and(eq(session_name, "first"), lt(total_tokens, 2))': [0, 1],
    'eq(name, "\'; DROP TABLE runs; --")': [],
    "  ": [0, 1, 2, 3],
}


@pytest.fixture(scope="module")
def lab(store_api):
    """Two experiments on five examples, of which the first answered four, and the second all in the same way."""
    dataset = store_api.new_dataset()
    bodies = [{"id": str(uuid.uuid4()), "dataset_id": dataset, "inputs": {"n": n}} for n in range(5)]
    assert store_api.post("/examples/bulk", bodies).status == 200
    examples = [body["id"] for body in bodies]
    experiments = []
    for name, answered in (("first", 4), ("second", 5)):
        body = {"name": name, "reference_dataset_id": dataset}
        experiments.append(store_api.post("/sessions", body).json["id"])
        for n in range(answered):
            answer(store_api, experiments[-1], examples[n], n if name == "first" else 0)
    return store_api, dataset, experiments, examples


def answer(api, experiment, example, n):
    run = api.new_run(
        session_id=experiment,
        reference_example_id=example,
        name=f"run {n}",
        run_type="tool" if n % 2 else "llm",
        end_time=f"2024-01-01T00:00:0{n + 1}",
        tags=["odd" if n % 2 else "even"],
        error="broken" if n == 1 else None,
        extra={"metadata": {"model": f"m{n}"}},
        outputs={"answer": f"answer {n}", "usage_metadata": {"input_tokens": n, "output_tokens": 0}},
    )
    given = [{"key": "exact", "score": n / 4}, {"key": "note", "value": "odd"}][: 1 + n % 2]
    for body in given:
        assert api.post("/feedback", {"run_id": run, **body}).status == 200
    return run


def places(lab, filters, sessions=None):
    api, dataset, experiments, examples = lab
    body = {"session_ids": sessions or experiments, "filters": filters, "limit": 100}
    rows = api.post(f"/datasets/{dataset}/runs", body)
    assert rows.status == 200, rows.body
    return [examples.index(row["id"]) for row in rows.json]


@pytest.mark.parametrize("text", FILTERS)
def test_a_row_is_kept_when_a_run_is_as_the_filter_says(lab, text):
    first = lab[2][0]
    assert places(lab, {first: [text]}, [first]) == FILTERS[text]


def test_one_run_has_to_be_as_all_filters_of_its_experiment_say(lab):
    first, second = lab[2]
    assert places(lab, {first: ['eq(run_type, "llm")', "gt(latency, 2.5)"]}) == [2]
    assert places(lab, {first: ['eq(run_type, "llm")'], second: ["exists(error)"]}) == []
    assert places(lab, {first: [], second: ['eq(name, "run 0")']}) == [0, 1, 2, 3, 4]


def test_a_change_of_what_is_asked_for_is_seen_at_once(lab):
    api, _, (first, _), examples = lab
    wanted = {first: ['and(eq(name, "late"), gt(latency, 60))']}
    assert places(lab, wanted) == []
    run = answer(api, first, examples[4], 0)
    api.patch(f"/runs/{run}", {"name": "late"})
    assert places(lab, wanted) == []
    api.patch(f"/runs/{run}", {"end_time": "2024-01-01T00:05:00"})
    assert places(lab, wanted) == [4]
    named = {first: ['and(eq(session_name, "renamed"), eq(name, "late"))']}
    assert places(lab, named) == []
    assert api.patch(f"/sessions/{first}", {"name": "renamed"}).status == 200
    assert places(lab, named) == [4]
    assert api.patch(f"/sessions/{first}", {"name": "first"}).status == 200


def test_many_filters_are_no_larger_than_one_may_be(lab):
    api, dataset, (first, second), _ = lab
    each = [f"or({', '.join(f'eq(name, {json.dumps(str(n))})' for n in range(140))})" for _ in range(3)]
    body = {"session_ids": [first, second], "filters": {first: each[:2], second: each[2:]}}
    answer = api.post(f"/datasets/{dataset}/runs", body)
    assert (answer.status, "filters: taken together" in answer.detail) == (422, True)
    assert places(lab, {first: each[:2]}) == []
