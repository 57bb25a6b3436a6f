"""Annotation queues and the runs in them."""

from __future__ import annotations

import uuid

import pytest


def make(api, **fields):
    answer = api.post("/annotation-queues", {"name": "q", **fields})
    assert answer.status == 200, answer.body
    return answer.json


def fill(api, queue, count):
    runs = [api.new_run(name=f"r{number}", inputs={"n": number}) for number in range(count)]
    assert api.post(f"/annotation-queues/{queue['id']}/runs", runs).status == 200
    return runs


def at(api, queue, index, query=""):
    return api.get(f"/annotation-queues/{queue['id']}/run/{index}{query}")


def review(api, queue, run_id, **fields):
    return api.patch(f"/annotation-queues/{queue['id']}/runs/{run_id}", fields)


def test_queues_are_made_read_changed_listed_and_removed(api):
    rubric = [{"feedback_key": "tone", "description": "kind?", "is_required": True}]
    own = str(uuid.uuid4())
    made = make(api, id=own, description="d", rubric_instructions="be fair", rubric_items=rubric)
    assert (made["id"], made["rubric_items"], made["rubric_instructions"]) == (own, rubric, "be fair")
    assert api.get(f"/annotation-queues/{own}").json == made
    assert api.post("/annotation-queues", {"name": "again", "id": own}).status == 409

    api.patch(f"/annotation-queues/{own}", {"name": "better"})
    make(api, name="other")
    changed = api.get(f"/annotation-queues/{own}").json
    assert (changed["name"], changed["description"], changed["rubric_items"]) == ("better", "d", rubric)
    for query, names in (
        (f"ids={own}", ["better"]),
        ("name=other", ["other"]),
        ("name_contains=E", ["better", "other"]),
        ("limit=1&offset=1", ["other"]),
    ):
        assert [one["name"] for one in api.get(f"/annotation-queues?{query}").json] == names

    assert api.delete(f"/annotation-queues/{own}").status == 200
    for answer in (
        api.get(f"/annotation-queues/{own}"),
        api.delete(f"/annotation-queues/{own}"),
        api.patch(f"/annotation-queues/{own}", {}),
        api.post(f"/annotation-queues/{own}/runs", []),
        api.get(f"/annotation-queues/{own}/runs"),
        api.get(f"/annotation-queues/{own}/run/0"),
    ):
        assert answer.status == 404


def test_runs_are_read_by_their_place(api):
    queue = make(api)
    runs = fill(api, queue, 3)
    api.post(f"/annotation-queues/{queue['id']}/runs", [runs[0]])

    found = [at(api, queue, index).json for index in range(3)]
    assert [run["id"] for run in found] == runs
    assert (found[1]["inputs"], found[1]["last_reviewed_time"], bool(found[1]["added_at"])) == (
        {"n": 1},
        None,
        True,
    )
    assert at(api, queue, 3).status == 404
    assert at(api, queue, "x").status == 422

    assert api.delete(f"/annotation-queues/{queue['id']}/runs/{runs[0]}").status == 200
    assert api.delete(f"/annotation-queues/{queue['id']}/runs/{runs[0]}").status == 404
    assert at(api, queue, 0).json["id"] == runs[1]


def test_a_run_that_is_on_its_way_shows_when_it_arrives(api):
    queue, run_id = make(api), str(uuid.uuid4())
    api.post(f"/annotation-queues/{queue['id']}/runs", [run_id])
    assert at(api, queue, 0).status == 404
    api.new_run(id=run_id)
    assert at(api, queue, 0).json["id"] == run_id


def test_reserved_runs_are_one_reviewers_until_they_are_done(api):
    queue = make(api)
    first, second = fill(api, queue, 2)

    assert review(api, queue, first, status="reserved", reviewer="ann").json["queue_status"] == "reserved"
    assert review(api, queue, first, status="reserved", reviewer="bob").status == 409
    assert review(api, queue, first, status="completed", reviewer="bob").status == 409
    assert at(api, queue, 0, "?reviewer=bob").json["id"] == second
    assert at(api, queue, 0, "?reviewer=ann").json["id"] == first

    done = review(api, queue, first, status="completed", reviewer="ann").json
    assert (done["queue_status"], done["last_reviewed_time"] is None) == ("completed", False)
    assert at(api, queue, 0).json["id"] == second
    runs = f"/annotation-queues/{queue['id']}/runs"
    for status, expected in (("completed", [first]), ("needs_review", [second]), ("reserved", [])):
        assert [run["id"] for run in api.get(f"{runs}?status={status}").json] == expected
    assert [run["id"] for run in api.get(f"{runs}?limit=1&offset=1").json] == [second]
    assert api.get(f"{runs}?status=lost").status == 422


def test_a_reservation_ends(api, monkeypatch):
    from smithkit.server.store import sql_queues

    queue = make(api)
    (run_id,) = fill(api, queue, 1)
    review(api, queue, run_id, status="reserved", reviewer="ann", minutes=1)
    now = sql_queues.now
    monkeypatch.setattr(sql_queues, "now", lambda: now() + 61_000_000)

    assert at(api, queue, 0, "?reviewer=bob").json["id"] == run_id
    assert review(api, queue, run_id, status="reserved", reviewer="bob").status == 200


def test_a_run_is_done_when_it_has_the_feedback_that_is_required(api):
    queue = make(api, rubric_items=[{"feedback_key": "tone", "is_required": True}, {"feedback_key": "style"}])
    (run_id,) = fill(api, queue, 1)
    refused = review(api, queue, run_id, status="completed")
    assert (refused.status, "tone" in refused.detail, "style" in refused.detail) == (422, True, False)

    api.post("/feedback", {"run_id": run_id, "key": "tone", "score": 1})
    assert review(api, queue, run_id, status="completed").status == 200


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("name", {}),
        ("name", {"name": ""}),
        ("id", {"name": "q", "id": "x"}),
        ("rubric_items.0.feedback_key", {"name": "q", "rubric_items": [{}]}),
    ],
)
def test_wrong_queues_are_refused_by_field(api, field, body):
    answer = api.post("/annotation-queues", body)
    assert (answer.status, answer.detail.split(":")[0]) == (422, field)


def test_unknown_runs_and_statuses_are_refused(api):
    queue = make(api)
    assert review(api, queue, uuid.uuid4(), status="completed").status == 404
    assert review(api, queue, uuid.uuid4(), status="lost").status == 422
    assert api.post(f"/annotation-queues/{queue['id']}/runs", ["x"]).status == 422
