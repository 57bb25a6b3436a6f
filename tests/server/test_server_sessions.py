from __future__ import annotations

import json
import re
import uuid
from urllib.parse import quote

import pytest


def names(answer):
    assert answer.status == 200, answer.body
    return [project["name"] for project in answer.json]


def test_a_default_project_is_there_from_the_start(api):
    (project,) = api.get("/sessions?limit=1").json
    assert project["name"] == "default"
    assert uuid.UUID(project["tenant_id"])


def test_a_project_is_made_read_changed_and_removed(api):
    project_id = str(uuid.uuid4())
    body = {
        "id": project_id,
        "name": "p",
        "description": None,
        "extra": {"metadata": {"k": 1}},
        "reference_dataset_id": None,
    }
    made = api.post("/sessions", body)
    assert (made.status, made.json["id"], made.json["extra"]) == (200, project_id, {"metadata": {"k": 1}})
    assert api.get(f"/sessions/{project_id}").json == made.json
    change = {"name": None, "description": "d", "extra": None, "end_time": "2024-01-01T00:00:00"}
    changed = api.patch(f"/sessions/{project_id}", change).json
    assert (changed["name"], changed["description"], changed["extra"]) == ("p", "d", {"metadata": {"k": 1}})
    assert changed["end_time"] == "2024-01-01T00:00:00+00:00"
    assert api.delete(f"/sessions/{project_id}").status == 200
    for answer in (
        api.get(f"/sessions/{project_id}"),
        api.delete(f"/sessions/{project_id}"),
        api.patch(f"/sessions/{project_id}", {"name": "x"}),
    ):
        assert (answer.status, answer.detail) == (404, "Session not found")


def test_names_and_ids_are_unique(api):
    first = api.post("/sessions", {"name": "one"}).json
    assert api.post("/sessions", {"name": "one"}).status == 409
    assert api.post("/sessions", {"name": "two", "id": first["id"]}).status == 409
    second = api.post("/sessions", {"name": "two"}).json
    assert api.patch(f"/sessions/{second['id']}", {"name": "one"}).status == 409
    assert api.project("two")["id"] == second["id"]


@pytest.mark.parametrize("flag", ["true", "True"])
def test_upsert_updates_and_returns_the_present_one(api, flag):
    first = api.post(f"/sessions?upsert={flag}", {"name": "p", "description": "a"}).json
    again = api.post(
        f"/sessions?upsert={flag}", {"name": "p", "id": str(uuid.uuid4()), "extra": {"b": 1}}
    ).json
    assert (again["id"], again["description"], again["extra"]) == (first["id"], "a", {"b": 1})


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": 5}, {"name": "x", "id": "y"}, {"name": "x", "extra": 1}, []]
)
def test_wrong_bodies_are_refused(api, body):
    assert api.post("/sessions", body).status == 422


def test_lists_are_filtered(api):
    dataset = str(uuid.uuid4())
    ids = {}
    for name, extra, reference in (
        ("Alpha_1", {"a": {"b": 1, "c": [1, 2]}}, None),
        ("beta%", {"a": 1}, dataset),
    ):
        body = {"name": name, "extra": {"metadata": extra}, "reference_dataset_id": reference}
        ids[name] = api.post("/sessions", body).json["id"]

    def listed(query):
        return sorted(names(api.get(f"/sessions?{query}")))

    def metadata(value):
        return "metadata=" + quote(json.dumps(value))

    assert listed("") == ["Alpha_1", "beta%", "default"]
    assert listed("name=Alpha_1") == ["Alpha_1"]
    assert listed("name=alpha_1") == []
    assert listed("name_contains=ALPHA") == ["Alpha_1"]
    assert listed("name_contains=%25") == ["beta%"]
    assert listed("name_contains=_") == ["Alpha_1"]
    assert listed(f"id={ids['Alpha_1']}&id={ids['beta%']}") == ["Alpha_1", "beta%"]
    assert listed(f"reference_dataset={dataset}") == ["beta%"]
    assert listed("reference_free=true") == ["Alpha_1", "default"]
    assert listed(metadata({"a": {"c": [2]}})) == ["Alpha_1"]
    assert listed(metadata({"a": 1})) == ["beta%"]
    assert listed(metadata({"a": True})) == []


def test_lists_are_paged_newest_first(api):
    for place in range(5):
        api.post("/sessions", {"name": f"p{place}", "start_time": f"2030-01-0{place + 1}"})
    assert names(api.get("/sessions?limit=2")) == ["p4", "p3"]
    assert names(api.get("/sessions?limit=2&offset=4")) == ["p0", "default"]
    assert names(api.get("/sessions?offset=99")) == []


@pytest.mark.parametrize(
    "query", ["limit=101", "limit=0", "limit=x", "offset=-1", "id=x", "metadata={", "metadata=[]"]
)
def test_wrong_arguments_are_refused(api, query):
    answer = api.get(f"/sessions?{query}")
    assert answer.status == 422
    assert re.match(rf"{query.split('=')[0]}(\.0)?: ", answer.detail)


def test_figures_are_worked_out_when_asked_for(api):
    def run(seconds, **fields):
        end = f"2024-01-01T00:00:{seconds:02}"
        return api.new_run(session_name="p", start_time="2024-01-01T00:00:00", end_time=end, **fields)

    root = run(1, outputs={"usage_metadata": {"input_tokens": 1, "output_tokens": 2, "total_cost": 0.5}})
    run(3, error="x")
    run(2, parent_run_id=root, outputs={"usage_metadata": {"input_tokens": 10}})
    project = api.project("p")
    assert "run_count" not in project
    figures = api.get(f"/sessions/{project['id']}?include_stats=True").json
    assert (figures["run_count"], figures["error_rate"]) == (2, 0.5)
    assert (figures["latency_p50"], figures["latency_p99"]) == (1.0, 3.0)
    assert (figures["prompt_tokens"], figures["completion_tokens"], figures["total_tokens"]) == (11, 2, 13)
    assert figures["total_cost"] == "0.5"
    assert figures["last_run_start_time"] == "2024-01-01T00:00:00+00:00"
    (empty,) = api.get("/sessions?name=default&include_stats=true").json
    assert (empty["run_count"], empty["latency_p50"], empty["error_rate"]) == (0, None, None)


def test_removing_a_project_removes_its_runs_files_and_feedback(api, database, make_form):
    keep, gone = str(uuid.uuid4()), str(uuid.uuid4())
    shared, own = ("text/plain", b"shared" * 1000), ("text/plain", b"own" * 1000)
    feedback = str(uuid.uuid4())
    parts = {
        f"post.{keep}": {"name": "k", "run_type": "tool", "session_name": "keep"},
        f"post.{gone}": {"name": "g", "run_type": "tool", "session_name": "gone"},
        f"attachment.{keep}.f": shared,
        f"attachment.{gone}.f": shared,
        f"attachment.{gone}.o": own,
        f"feedback.{feedback}": {"run_id": gone, "key": "k"},
    }
    assert api.multipart(parts).status == 202
    folder = database.with_name("runs.db.blobs")
    assert len(list(folder.glob("*/*"))) == 2
    assert api.delete(f"/sessions/{api.project('gone')['id']}").status == 200
    assert api.get(f"/runs/{gone}").status == 404
    assert api.run(keep)["name"] == "k"
    assert len(list(folder.glob("*/*"))) == 1
    url = api.run(keep)["s3_urls"]["attachment.f"]["presigned_url"]
    assert api.get(url).body == shared[1]


def test_removed_data_gives_its_space_back(api, database):
    import os

    api.get("/info")
    api.server.close()
    empty = database.stat().st_size
    for _ in range(4):
        runs = [
            {
                "id": str(uuid.uuid4()),
                "name": "n",
                "run_type": "tool",
                "session_name": "p",
                "inputs": {"t": os.urandom(20_000).hex()},
            }
            for _ in range(50)
        ]
        api.post("/runs/batch", {"post": runs})
    api.server.close()
    before = database.stat().st_size
    assert api.delete(f"/sessions/{api.project('p')['id']}").status == 200
    api.server.close()
    assert database.stat().st_size - empty < (before - empty) * 0.1


def test_paths_tolerate_prefix_and_slashes(api):
    for path in ("/sessions/", "/api/v1/sessions", "/api/v1/sessions/", "/sessions//"):
        assert names(api.get(path)) == ["default"]
    assert api.get("/api/v1").status == 200


def test_everything_else_is_not_found(api):
    for method, path, status in (
        ("GET", "/nope", 404),
        ("GET", "/api/v1/nope", 404),
        ("DELETE", "/runs", 405),
        ("GET", "/runs/x", 422),
        ("GET", "/sessions/x", 422),
        ("PATCH", "/runs/x", 422),
    ):
        answer = api.call(method, path)
        assert answer.status == status
        assert answer.detail
