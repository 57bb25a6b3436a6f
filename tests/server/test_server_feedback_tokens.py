"""Feedback tokens: what they allow, and everything that they do not."""

from __future__ import annotations

import sqlite3
import uuid
from datetime import UTC, datetime, timedelta

import pytest


def make(api, run_id, **fields):
    answer = api.post("/feedback/tokens", {"run_id": run_id, "feedback_key": "thumbs", **fields})
    assert answer.status == 200, answer.body
    return answer.json


def path_of(token):
    return f"/feedback/tokens/{token['id']}"


def test_a_token_gives_its_run_feedback_with_its_key(api):
    run_id = api.new_run()
    token = make(api, run_id)
    assert token["url"].endswith(path_of(token))

    said = {"score": 1, "comment": "good", "metadata": {"page": "home"}, "correction": None, "value": "up"}
    assert api.post(path_of(token), said).status == 200

    (found,) = api.get(f"/feedback?run={run_id}").json
    assert {name: found[name] for name in ("key", "score", "comment", "value")} == {
        "key": "thumbs",
        "score": 1,
        "comment": "good",
        "value": "up",
    }
    assert found["feedback_source"]["metadata"] == {"page": "home"}


def test_used_again_it_changes_what_it_gave(api):
    run_id, feedback_id = api.new_run(), str(uuid.uuid4())
    token = make(api, run_id, id=feedback_id)
    for score in (1, 0):
        api.post(path_of(token), {"score": score})

    (found,) = api.get(f"/feedback?run={run_id}").json
    assert (found["id"], found["score"]) == (feedback_id, 0)


def test_a_link_gives_feedback(api):
    run_id = api.new_run()
    token = make(api, run_id)
    answer = api.get(f'{path_of(token)}?score=0.5&value=up&comment=a%20b&correction={{"a":1}}')

    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    (found,) = api.get(f"/feedback?run={run_id}").json
    assert (found["score"], found["value"], found["comment"], found["correction"]) == (
        0.5,
        "up",
        "a b",
        {"a": 1},
    )
    assert api.get(f"{path_of(token)}?score=high").status == 422


def test_many_are_made_at_once_and_listed(api):
    run_id = api.new_run()
    both = [{"run_id": run_id, "feedback_key": key, "expires_in": {"hours": 1}} for key in ("a", "b")]
    made = api.post("/feedback/tokens", both).json

    assert len({token["id"] for token in made}) == 2
    listed = api.get(f"/feedback/tokens?run_id={run_id}").json
    assert sorted(one["id"] for one in listed) == sorted(one["id"] for one in made)
    assert len(api.get(f"/feedback/tokens?run_id={run_id}&limit=1&offset=1").json) == 1
    assert api.get(f"/feedback/tokens?run_id={uuid.uuid4()}").json == []


def test_forged_and_altered_tokens_are_refused(api, database):
    token = make(api, api.new_run())
    altered = uuid.UUID(int=uuid.UUID(token["id"]).int ^ 1)
    for wrong in (altered, uuid.uuid4(), "x", "..%2f..%2fruns"):
        assert api.post(f"/feedback/tokens/{wrong}", {"score": 1}).status in {403, 404}

    connection = sqlite3.connect(database)
    connection.execute("UPDATE feedback_tokens SET key = 'other'")
    connection.commit()
    connection.close()
    assert api.post(path_of(token), {"score": 1}).status == 403
    assert api.get("/feedback").json == []


def test_the_database_does_not_hold_the_token(api, database):
    token = uuid.UUID(make(api, api.new_run())["id"])
    api.server.close()
    for path in database.parent.glob("*.db*"):
        if path.is_file():
            content = path.read_bytes()
            assert token.bytes not in content
            assert str(token).encode() not in content


def test_expired_tokens_are_refused(api, monkeypatch):
    token = make(api, api.new_run(), expires_in={"minutes": 1})
    from smithkit.server.services import feedback_tokens

    now = feedback_tokens.now
    monkeypatch.setattr(feedback_tokens, "now", lambda: now() + 61_000_000)
    answer = api.post(path_of(token), {"score": 1})
    assert (answer.status, "expired" in answer.detail) == (403, True)


@pytest.mark.parametrize("shift", [timedelta(days=-1), timedelta(days=400)])
def test_ends_in_the_past_or_the_far_future_are_refused(api, shift):
    end = (datetime.now(UTC) + shift).isoformat()
    answer = api.post("/feedback/tokens", {"run_id": api.new_run(), "feedback_key": "k", "expires_at": end})
    assert (answer.status, answer.detail.split(":")[0]) == (422, "expires_at")


@pytest.mark.parametrize(
    ("field", "value"),
    [("run_id", "27f7fe08-ec46-49c8-af56-6cba263d57a4"), ("key", "other"), ("feedback_key", "o")],
)
def test_a_token_serves_no_other_run_or_key(api, field, value):
    answer = api.post(path_of(make(api, api.new_run())), {"score": 1, field: value})
    assert (answer.status, answer.detail.split(":")[0]) == (403, field)
    assert api.get("/feedback").json == []


def test_its_config_holds(api):
    config = {"type": "continuous", "min": 0, "max": 1}
    token = make(api, api.new_run(), feedback_config=config)
    answer = api.post(path_of(token), {"score": 2})
    assert (answer.status, answer.detail.split(":")[0]) == (422, "score")
    assert api.post(path_of(token), {"score": 1}).status == 200


def test_too_many_uses_must_wait(api):
    token, other = make(api, api.new_run()), make(api, api.new_run())
    # Uses come back while they are made, on a slow machine more of them.
    answers = (api.post(path_of(token), {"score": 1}) for _ in range(1000))
    limited = next(answer for answer in answers if answer.status == 429)
    assert int(limited.headers["retry-after"]) >= 1
    assert api.post(path_of(other), {"score": 1}).status == 200


def test_large_bodies_are_refused(api):
    assert api.post(path_of(make(api, api.new_run())), {"comment": "x" * 70_000}).status == 413


def test_pages_of_other_origins_may_use_tokens_and_nothing_else(api):
    token = make(api, api.new_run())
    page = {"origin": "https://shop.example", "content-type": "application/json"}
    asked = {"origin": page["origin"], "access-control-request-method": "POST"}
    asked["access-control-request-headers"] = "content-type"

    preflight = api.call("OPTIONS", path_of(token), headers=asked)
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (200, "*")
    for prefix in ("", "/api/v1"):
        answer = api.call("POST", prefix + path_of(token), b'{"score": 1}', page)
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")
    refused = api.call("POST", f"/feedback/tokens/{uuid.uuid4()}", b"{}", page)
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (403, "*")
    for path in ("/feedback", "/feedback/tokens", "/runs/feedback/tokens/x"):
        answer = api.call("POST", path, b"{}", page)
        assert (answer.status, "access-control-allow-origin" in answer.headers) == (403, False)


@pytest.mark.slow
def test_a_token_needs_no_key_and_gives_no_other_right(serve):
    import requests

    with serve("--api-key", "sesame") as served:
        key = {"x-api-key": "sesame"}
        run_id = str(uuid.uuid4())
        body = {"run_id": run_id, "feedback_key": "thumbs"}
        token = requests.post(f"{served.url}/feedback/tokens", json=body, headers=key, timeout=30).json()
        assert token["url"].startswith(served.url)

        assert requests.post(token["url"], json={"score": 1}, timeout=30).status_code == 200
        for path in ("/feedback", "/feedback/tokens", f"/feedback/tokens?run_id={run_id}", f"/runs/{run_id}"):
            answer = requests.get(served.url + path, headers={"x-api-key": token["id"]}, timeout=30)
            assert answer.status_code == 401
        found = requests.get(f"{served.url}/feedback", headers=key, timeout=30).json()
        assert [one["score"] for one in found] == [1]
