"""Rows of experiments: examples with the runs that answered them."""

from __future__ import annotations

import json
import uuid

import pytest

from smithkit.server import store


@pytest.fixture(scope="module")
def api(shared_api):
    return shared_api


class Lab:
    """A dataset with experiments on it."""

    def __init__(self, api, size) -> None:
        self.api = api
        self.dataset = api.new_dataset()
        bodies = [{"dataset_id": self.dataset, "inputs": {"n": n}, "outputs": {"n": n}} for n in range(size)]
        self.examples = [one["id"] for one in api.post("/examples/bulk", bodies).json]

    def experiment(self, name=None, dataset=None):
        body = {"name": name or str(uuid.uuid4()), "reference_dataset_id": dataset or self.dataset}
        answer = self.api.post("/sessions", body)
        assert answer.status == 200, answer.body
        return answer.json["id"]

    def answer(self, experiment, example, **fields):
        run = str(uuid.uuid4())
        body = {
            "id": run,
            "trace_id": run,
            "dotted_order": f"20240506T070809{len(fields):06}Z{run}",
            "name": "Target",
            "run_type": "chain",
            "start_time": "2024-05-06T07:08:09+00:00",
            "end_time": "2024-05-06T07:08:10+00:00",
            "inputs": {},
            "outputs": {"answer": 1},
            "session_id": experiment,
            "reference_example_id": example,
            **fields,
        }
        assert self.api.post("/runs/batch", {"post": [body], "patch": []}).status == 202
        return run

    def judge(self, run, key, score, **fields):
        body = {"run_id": run, "key": key, "score": score, **fields}
        assert self.api.post("/feedback", body).status == 200

    def call(self, *experiments, **fields):
        return self.api.post(f"/datasets/{self.dataset}/runs", {"session_ids": experiments, **fields})

    def rows(self, *experiments, **fields):
        answer = self.call(*experiments, **fields)
        assert answer.status == 200, answer.body
        return answer.json

    def places(self, *experiments, **fields):
        return [self.examples.index(row["id"]) for row in self.rows(*experiments, **fields)]


def test_rows_are_the_answered_examples_with_all_runs_of_each(api):
    lab = Lab(api, 4)
    one, other = lab.experiment(), lab.experiment()
    second = lab.answer(other, lab.examples[2], outputs={"answer": "b"}, start_time="2024-01-01T00:00:00Z")
    first = [lab.answer(one, lab.examples[2], start_time=f"2024-05-0{day}T00:00:00Z") for day in (2, 1)]
    lab.answer(one, lab.examples[0])
    lab.judge(first[0], "exact", 1)
    unanswered, answered = lab.rows(one, other)
    assert [row["id"] for row in (unanswered, answered)] == [lab.examples[0], lab.examples[2]]
    assert [run["id"] for run in answered["runs"]] == [first[1], first[0], second]
    assert [run["session_id"] for run in answered["runs"]] == [one, one, other]
    assert answered["inputs"] == answered["outputs"] == {"n": 2}
    assert answered["dataset_id"] == lab.dataset
    assert answered["runs"][1]["feedback_stats"] == {"exact": {"n": 1, "avg": 1.0, "values": {}}}
    assert answered["runs"][2]["outputs"] == {"answer": "b"}
    assert lab.places(other) == [2]


def test_a_run_below_another_one_is_no_answer(api):
    lab = Lab(api, 1)
    experiment = lab.experiment()
    root = lab.answer(experiment, lab.examples[0])
    lab.answer(
        experiment,
        lab.examples[0],
        parent_run_id=root,
        trace_id=root,
        dotted_order=f"20240506T070809000000Z{root}.20240506T070809000001Z{uuid.uuid4()}",
    )
    [row] = lab.rows(experiment)
    assert [run["id"] for run in row["runs"]] == [root]


def test_pages_join_to_the_whole_also_while_runs_arrive(api):
    lab = Lab(api, 65)
    experiment = lab.experiment()
    for place in range(64, 0, -2):
        lab.answer(experiment, lab.examples[place])
    even = list(range(2, 65, 2))
    assert lab.places(experiment, limit=100) == even
    assert lab.places(experiment, limit=10, offset=10) == even[10:20]
    assert lab.places(experiment, limit=30, offset=5) == even[5:]
    assert lab.places(experiment, offset=32) == []
    lab.answer(experiment, lab.examples[0])
    assert lab.places(experiment, limit=10, offset=10) == [0, *even][10:20]


def test_an_example_stays_a_row_when_it_is_changed_or_removed_later(api):
    lab = Lab(api, 3)
    experiment = lab.experiment()
    for example in lab.examples:
        lab.answer(experiment, example)
    api.patch(f"/examples/{lab.examples[1]}", {"outputs": {"n": "new"}})
    api.delete(f"/examples/{lab.examples[0]}")
    assert [row["outputs"]["n"] for row in lab.rows(experiment)] == [0, "new", 2]
    api.post("/v1/platform/datasets/examples/delete", {"example_ids": lab.examples[:1], "hard_delete": True})
    assert lab.places(experiment) == [1, 2]


def test_feedback_filters_rows(api):
    lab = Lab(api, 4)
    one, other = lab.experiment(), lab.experiment()
    for place, example in enumerate(lab.examples):
        run = lab.answer(one, example)
        lab.judge(run, "exact", place / 4)
        if place % 2:
            lab.judge(run, "note", None, value="odd")
        lab.judge(lab.answer(other, example), "exact", 1)

    def kept(*texts, experiment=one):
        return lab.places(one, other, filters={experiment: texts})

    assert kept('eq(feedback_key, "note")') == [1, 3]
    assert kept('and(eq(feedback_key, "exact"), gte(feedback_score, 0.25), lt(feedback_score, 0.75))') == [
        1,
        2,
    ]
    assert kept('and(neq(feedback_score, 0.5), eq("feedback_key","exact"))') == [0, 1, 3]
    assert kept('and(eq(feedback_key, "exact"), gt(feedback_score, 0.25))', 'eq(feedback_key, "note")') == [3]
    assert kept('and(eq(feedback_key, "exact"), lte(feedback_score, 0))', experiment=other) == []
    assert kept('eq(feedback_key, "absent")') == []
    lab.judge(lab.answer(one, lab.examples[0]), "note", 1)
    assert kept('eq(feedback_key, "note")') == [0, 1, 3]


def test_a_preview_cuts_what_is_long(api):
    lab = Lab(api, 1)
    experiment = lab.experiment()
    long = {"text": "x" * 1000, "turns": [{"content": "y" * 1000}], "n": 7}
    lab.answer(experiment, lab.examples[0], outputs=long, extra={"metadata": {"k": 1}})
    [row] = lab.rows(experiment, preview=True)
    [run] = row["runs"]
    assert (len(run["outputs"]["text"]), len(run["outputs"]["turns"]), run["outputs"]["n"]) == (257, 257, 7)
    assert (row["inputs"], "extra" in run) == ({"n": 0}, False)
    assert lab.rows(experiment)[0]["runs"][0]["outputs"] == long


def test_a_comparison_names_its_experiments_and_leaves_out_what_others_say(api):
    lab = Lab(api, 2)
    experiments = [lab.experiment(), lab.experiment()]
    run = lab.answer(experiments[1], lab.examples[1])
    comparisons = []
    for name in ("a", "b"):
        body = {"name": name, "experiment_ids": experiments, "reference_dataset_id": lab.dataset}
        comparisons.append(api.post("/datasets/comparative", body).json["id"])
        lab.judge(run, "preferred", len(comparisons), comparative_experiment_id=comparisons[-1])
    lab.judge(run, "exact", 1)
    [row] = lab.rows(comparative_experiment_id=comparisons[1])
    stats = row["runs"][0]["feedback_stats"]
    assert {key: own["avg"] for key, own in stats.items()} == {"preferred": 2.0, "exact": 1.0}
    assert lab.rows(*experiments)[0]["runs"][0]["feedback_stats"]["preferred"]["n"] == 2
    assert lab.call(comparative_experiment_id=str(uuid.uuid4())).status == 404


def test_wrong_requests_for_rows_are_refused(api):
    lab, other = Lab(api, 1), Lab(api, 1)
    experiment, strange = lab.experiment(), other.experiment()
    assert lab.call().status == 422
    assert lab.call(experiment, str(uuid.uuid4())).status == 404
    assert lab.call(strange).status == 409
    assert api.post(f"/datasets/{uuid.uuid4()}/runs", {"session_ids": [experiment]}).status == 404
    for fields in ({"limit": 0}, {"limit": 101}, {"offset": -1}, {"filters": {strange: []}}):
        assert lab.call(experiment, **fields).status == 422
    for text in ("nonsense", 'eq(feedback_key, "a"', 'gt(feedback_score, "much")', 'eq(nmae, "a")'):
        answer = lab.call(experiment, filters={experiment: [text]})
        assert (answer.status, "filter" in answer.detail) == (422, True), text


def test_the_number_of_queries_does_not_grow_with_the_rows(api, monkeypatch):
    lab = Lab(api, 25)
    experiment = lab.experiment()
    for example in lab.examples:
        lab.judge(lab.answer(experiment, example), "exact", 1)
    asked = []
    read = store.access.Access.read

    async def counted(self, function, *args, **kwargs):
        asked.append(function)
        return await read(self, function, *args, **kwargs)

    monkeypatch.setattr(store.access.Access, "read", counted)
    counts = []
    for limit in (2, 25):
        lab.rows(experiment, limit=limit)
        counts.append(len(asked))
        asked.clear()
    assert counts[0] == counts[1] < 10


def test_an_experiment_sums_up_its_runs_and_what_is_said_of_them(api):
    lab = Lab(api, 2)
    experiment = lab.experiment("summed up")
    for score, example in enumerate(lab.examples):
        lab.judge(lab.answer(experiment, example), "exact", score)
    api.post("/feedback", {"session_id": experiment, "key": "share", "score": 0.5})
    shown = api.get(f"/sessions/{experiment}?include_stats=true").json
    assert (shown["run_count"], shown["error_rate"], shown["latency_p50"]) == (2, 0.0, 1.0)
    assert shown["feedback_stats"] == {"exact": {"n": 2, "avg": 0.5, "values": {}}}
    assert shown["session_feedback_stats"] == {"share": {"n": 1, "avg": 0.5, "values": {}}}
    body = {"name": "summed up", "reference_dataset_id": lab.dataset}
    assert api.post("/sessions", body).status == 409
    assert json.loads(api.get(f"/datasets/{lab.dataset}").body)["session_count"] == 1
