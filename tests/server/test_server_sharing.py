"""Runs shared by link: who has the link reads that run and what is below it, and nobody else does."""

from __future__ import annotations

import uuid

import pytest

from smithkit.server import create_app


@pytest.fixture
def traces(api):
    """A trace a > b > c, with a sibling d of b, and a second trace e."""
    ids = {name: str(uuid.uuid4()) for name in "abcde"}
    place = {}
    for name, parent in (("a", ""), ("b", "a"), ("c", "b"), ("d", "a"), ("e", "")):
        above = f"{place[parent]}." if parent else ""
        place[name] = f"{above}20240101T000000000000Z{ids[name]}"
    runs = [
        {
            "id": ids[name],
            "trace_id": place[name].split(".")[0][-36:],
            "dotted_order": place[name],
            "name": name,
            "run_type": "chain",
            "start_time": "2024-01-01T00:00:00",
            "inputs": {"of": name},
        }
        for name in ids
    ]
    assert api.post("/runs/batch", {"post": runs}).status == 202
    return ids


def put(api, run_id, **body):
    import json

    return api.call(
        "PUT", f"/runs/{run_id}/share", json.dumps(body).encode(), {"content-type": "application/json"}
    )


def shared(api, run_id):
    return put(api, run_id).json["share_token"]


def names(api, token, **body):
    answer = api.post(f"/public/{token}/runs/query", body)
    assert answer.status == 200, answer.body
    return sorted(run["name"] for run in answer.json["runs"])


def test_a_link_gives_its_trace_alone(api, traces):
    token = shared(api, traces["a"])

    assert api.get(f"/public/{token}/run").json["inputs"] == {"of": "a"}
    assert names(api, token) == ["a", "b", "c", "d"]
    assert api.get(f"/public/{token}/run/{traces['c']}").json["name"] == "c"
    assert api.get(f"/public/{token}/run/{traces['e']}").status == 404
    assert names(api, token, id=[traces["e"]]) == []
    assert names(api, token, trace=traces["e"]) == []


def test_the_link_of_a_part_gives_what_is_below_it(api, traces):
    token = shared(api, traces["b"])

    assert api.get(f"/public/{token}/run").json["name"] == "b"
    assert names(api, token) == ["b", "c"]
    for outside in "ade":
        assert api.get(f"/public/{token}/run/{traces[outside]}").status == 404


def test_a_run_keeps_its_first_link(api, traces):
    first = str(uuid.uuid4())
    answers = [put(api, traces["a"], share_token=token) for token in (first, str(uuid.uuid4()), None)]
    assert [answer.json["share_token"] for answer in answers] == [first] * 3
    assert api.get(f"/runs/{traces['a']}/share").json == {"run_id": traces["a"], "share_token": first}


def test_a_token_belongs_to_one_run(api, traces):
    token = shared(api, traces["a"])
    assert put(api, traces["e"], share_token=token).status == 409
    assert api.get(f"/runs/{traces['e']}/share").json is None


@pytest.mark.parametrize("token", [str(uuid.UUID(int=1)), "1643a6f0-e662-11f1-a039-02fc00000001", "x", 7])
def test_a_token_that_can_be_guessed_is_refused(api, traces, token):
    answer = put(api, traces["a"], share_token=token)
    assert answer.status == 422
    assert "share_token" in answer.detail


def test_unsharing_kills_the_link(api, traces):
    token = shared(api, traces["a"])
    for _ in range(2):
        assert api.delete(f"/runs/{traces['a']}/share").status == 200
    assert api.get(f"/runs/{traces['a']}/share").json is None
    assert api.get(f"/public/{token}/run").status == 404
    assert api.post(f"/public/{token}/runs/query", {}).status == 404
    assert shared(api, traces["a"]) != token


def test_nothing_is_shared_by_a_token_that_nobody_gave(api, traces):
    assert api.get(f"/public/{uuid.uuid4()}/run").status == 404
    assert api.get("/public/x/run").status == 422


def test_runs_that_are_not_there_cannot_be_shared(api):
    unknown = uuid.uuid4()
    assert put(api, unknown).status == 404
    assert api.get(f"/runs/{unknown}/share").status == 404
    assert api.delete(f"/runs/{unknown}/share").status == 404


def test_deleting_the_project_deletes_the_link(api, traces):
    token = shared(api, traces["a"])
    assert api.delete(f"/sessions/{api.project('default')['id']}").status == 200
    assert api.get(f"/public/{token}/run").status == 404


def test_links_need_no_key_and_sharing_does(tmp_path):
    from starlette.testclient import TestClient

    run_id = str(uuid.uuid4())
    key = {"x-api-key": "sesame"}
    with TestClient(create_app(str(tmp_path / "x.db"), api_key="sesame")) as http:
        run = {"id": run_id, "name": "n", "run_type": "tool", "start_time": "2024-01-01T00:00:00"}
        assert http.post("/runs", json=run, headers=key).status_code == 202
        assert http.put(f"/runs/{run_id}/share", json={}).status_code == 401
        token = http.put(f"/runs/{run_id}/share", json={}, headers=key).json()["share_token"]
        answer = http.get(f"/api/v1/public/{token}/run")
        assert (answer.status_code, answer.json()["name"]) == (200, "n")
        assert answer.headers["cache-control"] == "no-store"
        assert http.post(f"/public/{token}/runs/query", json={}).status_code == 200
        assert http.get(f"/runs/{run_id}/share").status_code == 401
        for way_round in (f"/public/../runs/{run_id}", f"/public/%2e%2e/runs/{run_id}"):
            assert http.get(way_round).status_code in {401, 404}
