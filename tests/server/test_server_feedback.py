"""Feedback, its figures, configs and formulas."""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def new_id():
    return str(uuid.uuid4())


def give(api, **fields):
    answer = api.post("/feedback", {"key": "k", **fields})
    assert answer.status == 200, answer.body
    return answer.json


def stats(api, name="default"):
    (found,) = api.get(f"/sessions?name={name}&include_stats=true").json
    return found["feedback_stats"], found["session_feedback_stats"]


def put(api, path, value):
    return api.call("PUT", path, json.dumps(value).encode(), {"content-type": "application/json"})


def test_everything_that_is_said_comes_back(api):
    run_id = api.new_run()
    said = {
        "id": new_id(),
        "run_id": run_id,
        "trace_id": run_id,
        "key": "quality",
        "score": True,
        "value": {"a": 1},
        "comment": "ok",
        "correction": {"answer": "B"},
        "feedback_source": {"type": "model", "metadata": {"__run": {"run_id": new_id()}}},
        "feedback_group_id": new_id(),
        "comparative_experiment_id": new_id(),
        "extra": {"x": [1]},
    }
    given_back = give(api, **said)
    read = api.get(f"/feedback/{said['id']}").json

    assert read == given_back
    source = read.pop("feedback_source")
    assert {"user_id": None, "user_name": None, **said.pop("feedback_source")} == source
    assert {name: read[name] for name in said} == said
    assert read["score"] is True
    assert read["session_id"] == api.run(run_id)["session_id"]


def test_feedback_may_come_before_its_run_and_follow_it(api):
    run_id = new_id()
    early = give(api, run_id=run_id, score=0.5)
    assert early["session_id"] is None
    assert stats(api)[0] == {}

    api.new_run(id=run_id, session_name="p")
    assert stats(api, "p")[0]["k"] == {"n": 1, "avg": 0.5, "values": {}}
    assert api.get(f"/feedback/{early['id']}").json["session_id"] == api.project("p")["id"]

    api.patch(f"/runs/{run_id}", {"session_name": "q"})
    moved = api.run(run_id)["session_id"]
    assert api.get(f"/feedback/{early['id']}").json["session_id"] == moved


def test_feedback_on_a_project_is_kept_apart_from_that_on_its_runs(api):
    run_id = api.new_run()
    project = api.project("default")["id"]
    give(api, run_id=run_id, score=1)
    give(api, session_id=project, score=0, value="poor")

    assert stats(api) == (
        {"k": {"n": 1, "avg": 1.0, "values": {}}},
        {"k": {"n": 1, "avg": 0.0, "values": {"poor": 1}}},
    )
    found = api.get(f"/feedback?session={project}&level=session").json
    assert [one["run_id"] for one in found] == [None]


def test_the_same_id_replaces_and_another_run_is_refused(api):
    own = {"id": new_id(), "run_id": api.new_run()}
    give(api, **own, score=1, value="yes")
    give(api, **own, score=0, value="no")

    assert stats(api)[0] == {"k": {"n": 1, "avg": 0.0, "values": {"no": 1}}}
    answer = api.post("/feedback", {"id": own["id"], "run_id": new_id(), "key": "k"})
    assert (answer.status, answer.detail.split(":")[0]) == (409, "id")


def test_changes_and_removal_are_counted(api):
    one = give(api, run_id=api.new_run(), score=1, value="yes", comment="c")
    changed = api.patch(f"/feedback/{one['id']}", {"score": 0.25, "value": "no"}).json

    assert (changed["score"], changed["value"], changed["comment"]) == (0.25, "no", "c")
    assert stats(api)[0] == {"k": {"n": 1, "avg": 0.25, "values": {"no": 1}}}
    assert api.delete(f"/feedback/{one['id']}").status == 200
    assert stats(api)[0] == {}
    for method in ("GET", "PATCH", "DELETE"):
        answer = api.call(method, f"/feedback/{one['id']}", b"{}", {"content-type": "application/json"})
        assert answer.status == 404


def test_lists_are_narrowed_and_paged(api):
    first, second = api.new_run(), api.new_run()
    for number in range(5):
        kind = {"type": "model" if number % 2 else "api"}
        give(api, run_id=first, key=f"k{number % 2}", score=number, feedback_source=kind)
    give(api, run_id=second, key="other")

    def found(query):
        return [one["score"] for one in api.get(f"/feedback?{query}").json]

    assert found(f"run={first}") == [0, 1, 2, 3, 4]
    assert found(f"run={first}&limit=2&offset=3") == [3, 4]
    assert found(f"run={first}&key=k1") == [1, 3]
    assert found("key=k0&key=other") == [0, 2, 4, None]
    assert found("source=model") == found("source=FeedbackSourceType.MODEL") == [1, 3]
    assert found("has_score=false") == [None]
    assert found(f"run={first}&run={second}&limit=100") == [0, 1, 2, 3, 4, None]


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("run_id", {}),
        ("run_id", {"run_id": "x"}),
        ("session_id", {"session_id": "50000000-0000-4000-8000-000000000000"}),
        ("score", {"score": "high"}),
        ("score", {"score": 1e301}),
        ("comment", {"comment": 1}),
        ("key", {"key": ""}),
        ("feedback_source", {"feedback_source": {"type": 1}}),
        ("feedback_config", {"feedback_config": {"type": "stars"}}),
        ("feedback_config", {"feedback_config": {"type": "continuous", "min": 2, "max": 1}}),
        ("feedback_config", {"feedback_config": {"type": "categorical"}}),
    ],
)
def test_wrong_feedback_is_refused_by_field(api, field, fields):
    run = {} if field in {"run_id", "session_id"} else {"run_id": new_id()}
    answer = api.post("/feedback", {"key": "k", **run, **fields})

    assert answer.status == 422
    assert answer.detail.startswith(f"{field}:")


CONTINUOUS = {"type": "continuous", "min": 0, "max": 1}
TONE = {"type": "categorical", "categories": [{"value": 0, "label": "rude"}, {"value": 1, "label": "kind"}]}


@pytest.mark.parametrize(
    ("config", "good", "bad"),
    [
        (CONTINUOUS, {"score": 1}, {"score": 1.01}),
        (CONTINUOUS, {"score": False}, {"score": -1}),
        (TONE, {"score": 1}, {"score": 0.5}),
        (TONE, {"value": "kind"}, {"value": "polite"}),
    ],
)
def test_feedback_is_held_to_the_config_of_its_key(api, config, good, bad):
    api.post("/feedback-configs", {"feedback_key": "k", "feedback_config": config})
    one = give(api, run_id=new_id(), **good)
    (field,) = bad

    for answer in (
        api.post("/feedback", {"key": "k", "run_id": new_id(), **bad}),
        api.patch(f"/feedback/{one['id']}", bad),
        api.multipart({f"feedback.{new_id()}": {"key": "k", "run_id": new_id(), **bad}}),
    ):
        assert answer.status == 422
        assert f"{field}: " in answer.detail
    assert len(api.get("/feedback").json) == 1


def test_configs_are_made_once_changed_and_removed_softly(api, database):
    body = {"feedback_key": "tone", "feedback_config": TONE, "is_lower_score_better": False}
    made = api.post("/feedback-configs", body).json
    assert api.post("/feedback-configs", body).json == made
    other = {**body, "feedback_config": CONTINUOUS}
    assert api.post("/feedback-configs", other).status == 409

    changed = api.patch("/feedback-configs", {"feedback_key": "tone", "is_lower_score_better": True}).json
    assert (changed["is_lower_score_better"], changed["feedback_config"]) == (True, made["feedback_config"])
    assert [one["feedback_key"] for one in api.get("/feedback-configs?key=tone&key=x").json] == ["tone"]
    assert api.get("/feedback-configs?name_contains=TON").json == [changed]

    assert api.delete("/feedback-configs?feedback_key=tone").status == 200
    assert api.delete("/feedback-configs?feedback_key=tone").status == 404
    assert api.patch("/feedback-configs", {"feedback_key": "tone"}).status == 404
    assert api.get("/feedback-configs").json == []
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM feedback_configs").fetchone() == (1,)
    connection.close()
    assert api.post("/feedback-configs", other).status == 200


def test_a_config_that_comes_with_feedback_is_registered(api):
    give(api, run_id=new_id(), score=1, feedback_config=CONTINUOUS)
    (config,) = api.get("/feedback-configs").json
    assert config["feedback_config"] == {**CONTINUOUS, "categories": None}

    answer = api.post("/feedback", {"key": "k", "run_id": new_id(), "feedback_config": {"type": "freeform"}})
    assert (answer.status, answer.detail.split(":")[0]) == (422, "feedback_config")


def test_parts_that_are_refused_take_nothing_with_them(api):
    run_id = new_id()
    run = {"id": run_id, "name": "r", "run_type": "chain", "start_time": "2024-01-01T00:00:00"}
    answer = api.multipart(
        {f"post.{run_id}": run, f"feedback.{new_id()}": {"key": "k", "session_id": new_id()}}
    )

    assert answer.status == 422
    assert "session_id" in answer.detail
    assert api.get(f"/runs/{run_id}").status == 404


def formula(api, **fields):
    parts = [
        {"part_type": "weighted_key", "weight": weight, "key": key} for weight, key in ((3, "a"), (1, "b"))
    ]
    body = {"feedback_key": "overall", "aggregation_type": "avg", "formula_parts": parts, **fields}
    answer = api.post("/feedback/formulas", body)
    assert answer.status == 200, answer.body
    return answer.json


def overall(api, run_id):
    return (api.run(run_id)["feedback_stats"] or {}).get("overall", {}).get("avg")


def test_formulas_follow_the_feedback_of_their_runs(api):
    run_id, before = api.new_run(), api.new_run()
    for key, score in (("a", 0), ("b", 1)):
        give(api, run_id=before, key=key, score=score)
    made = formula(api)
    assert overall(api, before) == 0.25

    one = give(api, run_id=run_id, key="a", score=1)
    assert overall(api, run_id) is None
    give(api, run_id=run_id, key="b", score=0)
    assert overall(api, run_id) == 0.75
    assert stats(api)[0]["overall"] == {"n": 2, "avg": 0.5, "values": {}}
    api.patch(f"/feedback/{one['id']}", {"score": 0})
    assert overall(api, run_id) == 0.0

    changed = {name: made[name] for name in ("feedback_key", "formula_parts")}
    assert put(api, f"/feedback/formulas/{made['id']}", {**changed, "aggregation_type": "sum"}).status == 200
    assert overall(api, before) == 1.0
    api.delete(f"/feedback/{one['id']}")
    assert overall(api, run_id) is None

    assert api.delete(f"/feedback/formulas/{made['id']}").status == 200
    assert overall(api, before) is None
    assert sorted(stats(api)[0]) == ["a", "b"]


def test_what_a_formula_gives_is_not_changed_by_hand(api):
    run_id = api.new_run()
    formula(api)
    for key in ("a", "b"):
        give(api, run_id=run_id, key=key, score=1)
    (derived,) = api.get("/feedback?key=overall").json

    assert derived["feedback_source"]["type"] == "formula"
    assert api.patch(f"/feedback/{derived['id']}", {"score": 0}).status == 409
    assert api.delete(f"/feedback/{derived['id']}").status == 409
    assert api.post("/feedback", {"id": derived["id"], "run_id": run_id, "key": "overall"}).status == 409


def test_formulas_of_one_project_leave_others_alone(api):
    here, there = api.new_run(session_name="here"), api.new_run(session_name="there")
    formula(api, session_id=api.project("here")["id"])
    formula(api, dataset_id=new_id())
    for run_id in (here, there):
        for key in ("a", "b"):
            give(api, run_id=run_id, key=key, score=1)

    assert (overall(api, here), overall(api, there)) == (1.0, None)
    assert len(api.get("/feedback/formulas").json) == 2
    assert len(api.get(f"/feedback/formulas?session_id={api.project('here')['id']}").json) == 1
    assert len(api.get("/feedback/formulas?limit=1&offset=1").json) == 1


@pytest.mark.parametrize(
    "fields",
    [{"feedback_key": "a"}, {"formula_parts": []}, {"aggregation_type": "max"}, {"feedback_key": ""}],
)
def test_wrong_formulas_are_refused_by_field(api, fields):
    parts = [{"part_type": "weighted_key", "weight": 1, "key": "a"}]
    body = {"feedback_key": "o", "aggregation_type": "sum", "formula_parts": parts, **fields}
    answer = api.post("/feedback/formulas", body)
    assert answer.status == 422
    assert next(iter(fields)) in answer.detail


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_unknown_formulas_are_not_found(api, method):
    parts = [{"part_type": "weighted_key", "weight": 1, "key": "a"}]
    body = json.dumps({"feedback_key": "o", "aggregation_type": "sum", "formula_parts": parts}).encode()
    answer = api.call(method, f"/feedback/formulas/{new_id()}", body, {"content-type": "application/json"})
    assert answer.status == 404


def recomputed(api):
    """The figures, worked out from every feedback."""
    from smithkit.server.domain.feedback import FeedbackStats, category_of

    on_runs, on_projects = {}, {}
    rows = []
    while page := api.get(f"/feedback?limit=100&offset={len(rows)}").json:
        rows += page
    for row in rows:
        if row["session_id"] is not None:
            figures = on_projects if row["run_id"] is None else on_runs
            score = None if row["score"] is None else float(row["score"])
            figures.setdefault(row["session_id"], FeedbackStats()).add(
                row["key"], score, category_of(row["value"])
            )
    return on_runs, on_projects


def assert_figures_are_right(api):
    on_runs, on_projects = recomputed(api)
    for session in api.get("/sessions?include_stats=true").json:
        for name, expected in (("feedback_stats", on_runs), ("session_feedback_stats", on_projects)):
            own = expected.get(session["id"])
            assert session[name] == (own.by_key() if own else {}), (session["name"], name)


scores = (
    st.none() | st.booleans() | st.floats(-1e9, 1e9) | st.sampled_from([0.1, 0.2, 0.3, 1e-9, 1e300, -1e300])
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["give", "give", "change", "delete", "run", "move", "formula"]),
        st.integers(0, 3),
        st.sampled_from("abc"),
        scores,
        st.none() | st.sampled_from(["yes", "no"]),
    ),
    max_size=25,
)


def take(api, state, step):
    action, number, key, score, value = step
    run_id, project = state["runs"][number], f"p{number % 2}"
    if action == "give":
        item = api.post("/feedback", {"run_id": run_id, "key": key, "score": score, "value": value})
        state["given"].append(item.json["id"])
    elif action in {"change", "delete"} and state["given"]:
        own = state["given"][number % len(state["given"])]
        if action == "change":
            api.patch(f"/feedback/{own}", {"score": score, "value": value})
        else:
            api.delete(f"/feedback/{own}")
    elif action == "run":
        api.new_run(id=run_id, session_name=project)
    elif action == "move":
        api.patch(f"/runs/{run_id}", {"session_name": f"q{number}"})
    elif action == "formula":
        formula(api, feedback_key=f"overall {key}")


@pytest.mark.slow
@given(steps)
@settings(max_examples=15)
def test_figures_equal_a_recomputation_from_scratch(shared_api, taken):
    state = {"runs": [new_id() for _ in range(4)], "given": []}
    for step in taken:
        take(shared_api, state, step)
    assert_figures_are_right(shared_api)
    for one in shared_api.get("/feedback/formulas").json:
        shared_api.delete(f"/feedback/formulas/{one['id']}")


@pytest.mark.slow
def test_figures_are_right_after_concurrent_writers(api):
    runs = [new_id() for _ in range(8)]

    def write(seed):
        given_ids = []
        for number in range(25):
            run_id = runs[(seed * 3 + number) % len(runs)]
            if number % 6 == 0:
                api.new_run(id=run_id, session_name=f"p{number % 2}")
            given_ids.append(give(api, run_id=run_id, key="ab"[seed % 2], score=number / 7, value="v")["id"])
            if number % 5 == 4:
                api.delete(f"/feedback/{given_ids.pop(0)}")
            if number % 7 == 6:
                api.patch(f"/feedback/{given_ids[0]}", {"score": seed / 3})

    formula(api)
    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert len(api.get("/feedback?limit=1").json) == 1
    assert_figures_are_right(api)


def test_removing_a_project_removes_its_figures(api, database):
    run_id = api.new_run(session_name="gone")
    project = api.project("gone")["id"]
    give(api, run_id=run_id, score=1, value="v")
    give(api, session_id=project, score=1)
    api.delete(f"/sessions/{project}")

    connection = sqlite3.connect(database)
    for table in ("feedback", "feedback_figures", "feedback_values"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # noqa: S608 - a name of ours
    connection.close()


def test_feedback_of_a_comparison_is_summed_up(api):
    import asyncio

    comparison = new_id()
    for number in range(2):
        give(api, run_id=api.new_run(), score=number, comparative_experiment_id=comparison)
    (listed, _) = api.get(f"/feedback?comparative_experiment_id={comparison}").json
    assert listed["comparative_experiment_id"] == comparison

    store = api.server.app.state.workspaces.default.store
    found = asyncio.run(store.feedback.comparison_stats([uuid.UUID(comparison)]))
    assert found == {uuid.UUID(comparison): {"k": {"n": 2, "avg": 0.5, "values": {}}}}


def test_comparisons_show_their_figures(api):
    dataset = api.post("/datasets", {"name": "d"}).json["id"]
    pair = [
        api.post("/sessions", {"name": name, "reference_dataset_id": dataset}).json["id"] for name in "ab"
    ]
    own = new_id()
    body = {"id": own, "name": "a against b", "experiment_ids": pair, "reference_dataset_id": dataset}
    assert api.post("/datasets/comparative", body).status == 200
    give(api, run_id=api.new_run(session_id=pair[0]), score=1, comparative_experiment_id=own)

    (found,) = api.get(f"/datasets/{dataset}/comparative").json
    assert found["feedback_stats"] == {"k": {"n": 1, "avg": 1.0, "values": {}}}


def test_feedback_of_an_older_release_is_summed_up(tmp_path, make_api):
    from importlib.resources import files

    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    from smithkit.server import EmbeddedServer

    path, run_id, session_id = tmp_path / "old.db", uuid.uuid4(), uuid.uuid4()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(files("smithkit.server.store") / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0008")
    engine.dispose()
    old = sqlite3.connect(path)
    workspace = uuid.uuid4().bytes
    old.execute(
        "INSERT INTO workspaces (id, display_name, secret, created_at) VALUES (?, 'w', ?, 0)",
        (workspace, b"s" * 32),
    )
    old.execute(
        "INSERT INTO sessions (id, workspace_id, name, start_time, created_at, modified_at) VALUES (?, ?, 'p', 0, 0, 0)",
        (session_id.bytes, workspace),
    )
    old.execute(
        "INSERT INTO runs (id, session_id, trace_id, dotted_order, linked, name, run_type, start_time, status,"
        " has_error, ranks, created_at, modified_at) VALUES (?, ?, ?, '', 1, 'r', 'chain', 0, 1, 0, 0, 0, 0)",
        (run_id.bytes, session_id.bytes, run_id.bytes),
    )
    for score in (0.1, 0.2):
        body = json.dumps({"score": score, "value": "v", "feedback_source": {"type": "model"}}).encode()
        row = (uuid.uuid4().bytes, run_id.bytes, "k", score, body)
        old.execute(
            "INSERT INTO feedback (id, run_id, key, score, body, created_at, modified_at) VALUES (?, ?, ?, ?, ?, 0, 0)",
            row,
        )
    old.commit()
    old.close()

    server = EmbeddedServer(str(path))
    api = make_api(server)
    assert stats(api, "p")[0]["k"]["values"] == {"v": 2}
    assert len(api.get("/feedback?source=model").json) == 2
    assert_figures_are_right(api)
    server.close()
