"""Feedback, datasets, prompts and queues."""

from __future__ import annotations

import json
import uuid

import pytest

from smithkit.server.store import (
    CommitSelection,
    DatasetSelection,
    ExampleFile,
    ExampleSelection,
    ExperimentSelection,
    FeedbackRefusedError,
    FeedbackSelection,
    FileOperations,
    Likeness,
    MismatchError,
    MissingError,
    NewCommit,
    QueueSelection,
    RepoSelection,
    TakenError,
)


def figures(bench, run_id):
    project = bench.run(run_id)["session_id"]
    return bench(bench.store.session_stats([project]))[project]["feedback_stats"]


def test_figures_follow_every_change_of_feedback(bench, make):
    store, run_id = bench.store.feedback, bench.new_run()
    item, words = make.feedback(run_id, score=1.0), make.feedback(run_id, "kind", None, "good")
    bench(store.put([item, words]))
    assert figures(bench, run_id)["good"]["n"] == 1
    assert figures(bench, run_id)["kind"]["values"] == {"good": 1}
    bench(store.change(item.id, {"score": 0.25}))
    assert figures(bench, run_id)["good"]["avg"] == 0.25
    assert [row["id"] for row in bench(store.find(FeedbackSelection(runs=[run_id], keys=["good"])))] == [
        item.id
    ]
    assert bench(store.delete(item.id))
    assert not bench(store.delete(item.id))
    assert "good" not in figures(bench, run_id)


def test_feedback_waits_for_its_run(bench, make):
    run_id = uuid.uuid4()
    bench(bench.store.feedback.put([make.feedback(run_id, score=0.5)]))
    bench.new_run(id=str(run_id))
    assert figures(bench, run_id)["good"]["n"] == 1
    project = bench.project("elsewhere")
    bench.write(("patch", {"id": str(run_id), "session_id": str(project)}))
    assert bench(bench.store.session_stats([project]))[project]["feedback_stats"]["good"]["n"] == 1


def test_an_id_of_other_feedback_is_refused(bench, make):
    run_id, own = bench.new_run(), uuid.uuid4()
    bench(bench.store.feedback.put([make.feedback(run_id, feedback_id=own)]))
    with pytest.raises(FeedbackRefusedError):
        bench(bench.store.feedback.put([make.feedback(run_id, "other key", feedback_id=own)]))
    row = bench(bench.store.directory.create_workspace("Other", "other", b"s" * 32))
    other = bench.of(bench.store.in_workspace(row["id"]))
    with pytest.raises(FeedbackRefusedError):
        bench(other.store.feedback.put([make.feedback(run_id, feedback_id=own)]))
    assert bench(other.store.feedback.read(own)) is None


def test_configs_and_formulas_rule_feedback(bench, make):
    store, run_id = bench.store.feedback, bench.new_run()
    config = {"type": "continuous", "min": 0, "max": 1}
    assert bench(store.create_config("good", config, is_lower_better=False))["key"] == "good"
    assert bench(store.create_config("good", {"type": "freeform"}, is_lower_better=False)) is None
    with pytest.raises(FeedbackRefusedError):
        bench(store.put([make.feedback(run_id, score=7.0)]))
    bench(store.put([make.feedback(run_id, score=0.5)]))
    parts = json.dumps([{"part_type": "weighted_key", "weight": 2.0, "key": "good"}])
    formula = {
        "feedback_key": "twice",
        "aggregation_type": "sum",
        "formula_parts": parts,
        "session_id": bench.run(run_id)["session_id"],
    }
    made = bench(store.put_formula(formula))
    assert figures(bench, run_id)["twice"]["avg"] == 1.0
    assert bench(store.delete_formula(made["id"]))
    assert "twice" not in figures(bench, run_id)
    assert [row["key"] for row in bench(store.find_configs(None, "OO", 10, 0))] == ["good"]
    assert bench(store.delete_config("good"))
    assert bench(store.create_config("good", {"type": "freeform"}, is_lower_better=None)) is not None


def test_feedback_tokens_are_found_by_their_handle(bench):
    run_id, handle = bench.new_run(), b"h" * 32
    row = {
        "handle": handle,
        "run_id": run_id,
        "key": "k",
        "feedback_id": uuid.uuid4(),
        "config": None,
        "expires_at": 2**60,
        "created_at": 1,
    }
    bench(bench.store.feedback.add_tokens([row]))
    assert bench(bench.store.feedback.find_token(handle))["run_id"] == run_id
    assert len(bench(bench.store.feedback.find_tokens(run_id, 10, 0))) == 1
    assert bench(bench.store.directory.owner_of_feedback_token(handle)) == bench.store.workspace.id


def read(bench, dataset_id, **selection):
    rows = bench(bench.store.datasets.read_examples(ExampleSelection(dataset_id, **selection)))
    return [json.loads(row["inputs"]) for row in rows]


def test_versions_of_a_dataset_stay_readable(bench, make):
    store = bench.store.datasets
    first = [make.example(inputs={"n": n}) for n in range(3)]
    dataset = bench.dataset(examples=())
    for change in first:
        change.dataset_id = dataset
    before = bench(store.write_examples(first, "create"))
    with pytest.raises(TakenError):
        bench(store.write_examples(first[:1], "create"))
    bench(store.tag(dataset, before, "v1"))
    changed = make.example(dataset, {"n": 10}, split=["test"])
    changed.id = first[0].id
    bench(store.write_examples([changed], "update"))
    assert bench(store.delete_examples([first[1].id], hard=False)) == 1
    assert read(bench, dataset) == [{"n": 10}, {"n": 2}]
    assert read(bench, dataset, as_of="v1") == [{"n": 0}, {"n": 1}, {"n": 2}]
    diff = bench(store.diff(dataset, "v1", "latest"))
    assert (diff.modified, diff.removed, diff.added) == ([first[0].id], [first[1].id], [])
    assert bench(store.splits(dataset, None)) == ["base", "test"]
    bench(store.change_split(dataset, "test", [first[2].id], remove=False))
    assert len(bench(store.versions(dataset, 10, 0))) == 4
    assert [row["tags"] for row in bench(store.versions(dataset, 10, 0, "v1"))] == [["v1"]]
    assert bench(store.delete_examples([first[0].id], hard=True)) == 1
    assert read(bench, dataset, as_of="v1") == [{"n": 1}, {"n": 2}]
    copy = bench.dataset("copy")
    assert len(bench(store.clone(dataset, copy, "v1", None))) == 2
    assert read(bench, copy) == [{"n": 1}, {"n": 2}]
    assert read(bench, copy, order="random", seed="x") in ([{"n": 1}, {"n": 2}], [{"n": 2}, {"n": 1}])


def test_files_of_examples_are_kept_renamed_and_dropped(bench, make):
    dataset = bench.dataset()
    change = make.example(dataset, {})
    change.files = [ExampleFile(name, "text/plain", bench.blob(name.encode())) for name in ("a", "b")]
    bench(bench.store.datasets.write_examples([change], "create"))
    update = make.example(dataset)
    update.id, update.operations = change.id, FileOperations(["a"], {"b": "c"})
    bench(bench.store.datasets.write_examples([update], "update"))
    (row,) = bench(bench.store.datasets.read_examples(ExampleSelection(dataset)))
    files = bench(bench.store.datasets.read_files([row["row"]]))[row["row"]]
    assert [file["name"] for file in files] == ["a", "c"]


def test_datasets_are_found_shared_and_removed(bench, make):
    store = bench.store.datasets
    dataset, token = bench.dataset("One_%"), uuid.uuid4()
    with pytest.raises(TakenError):
        bench.dataset("One_%")
    bench(store.write_examples([make.example(dataset, {"n": 1})], "create"))
    bench(store.update(dataset, {"metadata": json.dumps({"a": {"b": 1}})}))
    for selection in ({"name": "One_%"}, {"name_contains": "e_"}, {"metadata": {"a": {"b": 1}}}):
        assert [row["id"] for row in bench(store.find(DatasetSelection(**selection)))] == [dataset]
    assert bench(store.share(dataset, token)) == token
    assert bench(store.find_shared(token)) == dataset
    assert bench(bench.store.directory.owner_of_link(token)) == bench.store.workspace.id
    bench(store.delete(dataset))
    assert bench(store.find(DatasetSelection())) == []
    with pytest.raises(MissingError):
        bench(store.read_examples(ExampleSelection(dataset)))


def test_examples_are_searched_by_their_words(bench, make):
    store = bench.store.datasets
    dataset = bench.dataset()
    texts = ["the red fox", "a green fox, a fox and a fox", "nothing in common"]
    bench(store.write_examples([make.example(dataset, {"q": text}) for text in texts], "create"))
    like = Likeness(["green", "fox"])
    assert bench(store.search(dataset, like, ExampleSelection(dataset, limit=2))) is None
    assert bench(store.index(dataset, must_exist=False))
    found = bench(store.search(dataset, like, ExampleSelection(dataset, limit=3)))
    assert [json.loads(row["inputs"])["q"] for row in found] == [texts[1], texts[0], texts[2]]
    bench(store.drop_index(dataset))
    assert not bench(store.index(dataset, must_exist=True))


def test_experiments_are_read_beside_their_examples(bench, make):
    store = bench.store
    dataset = bench.dataset()
    examples = [make.example(dataset, {"n": n}) for n in range(3)]
    bench(store.datasets.write_examples(examples, "create"))
    values = {"id": uuid.uuid4(), "name": "e", "reference_dataset_id": dataset}
    experiment = bench(store.create_session(values, upsert=False))["id"]
    for one in examples[:2]:
        bench.new_run(session_id=str(experiment), reference_example_id=str(one.id))
    rows = bench(store.datasets.experiment_rows(ExperimentSelection(dataset, (experiment,))))
    assert [row["example_id"] for row in rows] == [one.id for one in examples[:2]]
    with pytest.raises(MismatchError):
        bench(store.datasets.experiment_rows(ExperimentSelection(dataset, (bench.project("p"),))))


def test_prompts_and_their_commits(bench):
    store = bench.store.prompts
    repo = bench(store.create_repo({"name": "p", "description": "A Prompt"}, ["x", "y"]))
    assert bench(store.create_repo({"name": "p"}, [])) is None
    first = bench(store.add_commit(repo["id"], NewCommit(None, "aa11", uuid.uuid4(), b'{"a":1}', "[]")))
    assert bench(store.add_commit(repo["id"], NewCommit(None, "bb", uuid.uuid4(), b"{}", "[]"))) is None
    second = bench(store.add_commit(repo["id"], NewCommit(first["id"], "ab22", uuid.uuid4(), b"{}", "[]")))
    assert second["parent_hash"] == "aa11"
    assert bench(store.read_manifest(first["id"])) == b'{"a":1}'
    bench(store.count_pull(first["id"]))
    assert bench(store.set_tag(repo["id"], "prod", first["id"]))["commit_hash"] == "aa11"
    assert bench(store.set_tag(repo["id"], "prod", second["id"]))["commit_hash"] == "ab22"
    found = bench(store.find_commits(repo["id"], CommitSelection(tag="prod")))
    assert [row["hash"] for row in found] == ["ab22"]
    found = bench(store.find_commits(repo["id"], CommitSelection(prefix="aa")))
    assert [row["hash"] for row in found] == ["aa11"]
    assert bench(store.like(repo["id"], like=True)) == bench(store.like(repo["id"], like=True)) == 1
    (row,), total = bench(store.find_repos(RepoSelection(query="PROMPT", labels=["x"])))
    assert (row["labels"], row["num_commits"], row["pulls"], total) == (["x", "y"], 2, 1, 1)
    assert bench(store.delete_repo(repo["id"]))
    assert bench(store.read_repo(None, "p")) is None


def test_a_queue_is_read_to_its_end_past_runs_that_have_not_arrived(bench, monkeypatch):
    monkeypatch.setattr("smithkit.server.store.clickhouse.parts._STEP", 3)
    store = bench.store.queues
    queue = bench(store.create({"id": uuid.uuid4(), "name": "long"}))["id"]
    arrived = [bench.new_run() for _ in range(5)]
    ids = [run for one in arrived for run in (uuid.uuid4(), uuid.uuid4(), one)]
    bench(store.add_runs(queue, ids))

    def read(**page):
        return [row["run_id"] for row in bench(store.find_runs(queue, **page))]

    assert read() == arrived
    for offset in range(7):
        assert read(limit=1, offset=offset) == arrived[offset : offset + 1]
    assert read(limit=3, offset=1) == arrived[1:4]


def test_queues_hand_out_runs_in_order(bench):
    store = bench.store.queues
    queue = bench(store.create({"id": uuid.uuid4(), "name": "Queue_1"}))
    ids = [bench.new_run() for _ in range(3)]
    bench(store.add_runs(queue["id"], ids))
    bench(store.add_runs(queue["id"], ids))
    found = bench(store.find_runs(queue["id"]))
    assert [row["run_id"] for row in found] == ids
    change = {"completed": True, "reviewer": "me", "last_reviewed_time": 5, "reserved_until": None}
    assert bench(store.update_run(queue["id"], ids[0], change))["completed"]
    assert [row["run_id"] for row in bench(store.find_runs(queue["id"], open_only=True))] == ids[1:]
    assert [row["run_id"] for row in bench(store.find_runs(queue["id"], status="completed"))] == ids[:1]
    assert bench(store.remove_run(queue["id"], ids[1]))
    assert [row["id"] for row in bench(store.find(QueueSelection(name_contains="E_1")))] == [queue["id"]]
    assert bench(store.delete(queue["id"]))


def test_files_of_another_workspaces_run_are_not_given_away(bench, make):
    row = bench(bench.store.directory.create_workspace("Other", "other", b"s" * 32))
    other = bench.of(bench.store.in_workspace(row["id"]))
    run_id = bench.new_run()
    bench.write(("patch", {"id": str(run_id)}), files=[(run_id, "f", b"secret")])
    copied = {"source_run_id": run_id, "run_files": ["f"]}
    theirs, mine = other.dataset("theirs"), bench.dataset("mine")
    with pytest.raises(MissingError, match=str(run_id)):
        other(other.store.datasets.write_examples([make.example(theirs, {}, **copied)], "create"))
    assert bench(bench.store.datasets.write_examples([make.example(mine, {}, **copied)], "create"))
