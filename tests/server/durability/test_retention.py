from __future__ import annotations

import os
import sqlite3
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import requests

from smithkit.server.domain.times import now
from smithkit.server.store import Duty

_DAY = 86_400_000_000


def expire(api):
    """Do now what a server does every hour."""
    service = api.server.app.state.workspaces.retention
    loop = api.server.start()
    return loop.call(service.run_once()).result(120)


def age(database, days, name="%"):
    """Let runs be as if they had come in some days earlier."""
    connection = sqlite3.connect(database, timeout=30)
    moment = now() - days * _DAY
    connection.execute(
        "UPDATE runs SET start_time = ?, created_at = ? WHERE name LIKE ?", (moment, moment, name)
    )
    connection.commit()
    connection.close()


def names(api):
    return sorted(run["name"] for run in api.query(limit=100)["runs"])


def tier(api, project, **body):
    answer = api.patch(f"/sessions/{api.project(project)['id']}", body)
    assert answer.status == 200, answer.body
    return answer.json


def new_trace(api, name, **fields):
    root = str(uuid.uuid4())
    moment = datetime.now(UTC).replace(tzinfo=None)
    order = f"{moment:%Y%m%dT%H%M%S%f}Z{root}"
    api.new_run(
        id=root, name=name, trace_id=root, dotted_order=order, start_time=moment.isoformat(), **fields
    )
    later = moment + timedelta(seconds=1)
    child = str(uuid.uuid4())
    below = {
        "trace_id": root,
        "parent_run_id": root,
        "dotted_order": f"{order}.{later:%Y%m%dT%H%M%S%f}Z{child}",
    }
    api.new_run(id=child, name=f"{name} child", start_time=later.isoformat(), **below, **fields)
    return root, child


def test_projects_keep_runs_for_as_long_as_they_say(api, database):
    for project in ("short", "long", "three"):
        for days in (2, 5, 20, 500):
            new_trace(api, f"{project} {days}", session_name=project)
    tier(api, "short", trace_tier="shortlived")
    assert tier(api, "three", extra={"retention_days": 3})["extra"] == {"retention_days": 3}
    for days in (2, 5, 20, 500):
        age(database, days, f"% {days}")
        age(database, days, f"% {days} child")
    assert expire(api) == 2 * 2 + 2 * 3
    kept = [f"long {days}" for days in (2, 20, 5, 500)] + ["short 2", "short 5", "three 2"]
    assert names(api) == sorted(kept + [f"{name} child" for name in kept])
    assert expire(api) == 0


def test_a_trace_goes_as_a_whole_and_takes_what_belongs_to_it(api, database):
    root, child = new_trace(api, "old", session_name="p", attachments={"f": ["text/plain", "aGVsbG8="]})
    for run_id in (root, child):
        body = {"id": str(uuid.uuid4()), "run_id": run_id, "key": "k", "score": 1}
        assert api.post("/feedback", body).status == 200
    tier(api, "p", trace_tier="shortlived")
    age(database, 20, "old")
    assert expire(api) == 2
    assert [path for path in database.with_name("runs.db.blobs").rglob("*") if path.is_file()] == []
    assert api.get(f"/feedback?run={child}").json == []
    assert api.get(f"/sessions/{api.project('p')['id']}?include_stats=true").json["feedback_stats"] == {}


def test_runs_whose_root_never_came_go_too(api, database):
    api.new_run(name="lost", session_name="p", parent_run_id=str(uuid.uuid4()))
    tier(api, "p", trace_tier="shortlived")
    age(database, 20)
    assert expire(api) == 1


def test_old_runs_that_have_just_come_in_are_kept(api):
    api.new_run(name="backfilled", session_name="p", start_time="2020-01-01T00:00:00")
    tier(api, "p", trace_tier="shortlived")
    assert expire(api) == 0
    assert names(api) == ["backfilled"]


@pytest.mark.parametrize(
    "body",
    [
        {"extra": {"retention_days": 0}},
        {"extra": {"retention_days": "3"}},
        {"extra": {"retention_days": True}},
        {"extra": {"retention_days": 10**9}},
        {"trace_tier": "eternal"},
    ],
)
def test_other_values_are_refused(api, body):
    answer = api.patch(f"/sessions/{api.project('default')['id']}", body)
    assert answer.status == 422
    assert "retention_days" in answer.detail or "trace_tier" in answer.detail


@pytest.mark.slow
@pytest.mark.parametrize("how", ["expired", "project deleted"])
def test_what_is_deleted_gives_its_space_back(api, database, how):
    def send(project, count):
        for _ in range(count):
            api.new_run(session_name=project, inputs={"x": os.urandom(20_000).hex()})

    def size():
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return database.stat().st_size

    send("kept", 5)
    connection = sqlite3.connect(database, timeout=30)
    before = size()
    send("old", 200)
    grown = size()
    assert grown - before > 3_000_000
    if how == "expired":
        tier(api, "old", trace_tier="shortlived")
        connection.execute(
            "UPDATE runs SET start_time = 0, created_at = 0 WHERE session_id IN (SELECT id FROM sessions WHERE name = 'old')"
        )
        connection.commit()
        assert expire(api) == 200
    else:
        assert api.delete(f"/sessions/{api.project('old')['id']}").status == 200
    assert grown - size() > 0.95 * (grown - before)
    connection.close()
    assert len(api.query(limit=100)["runs"]) == 5


@pytest.mark.slow
def test_the_servers_own_days_are_for_projects_that_say_nothing(serve, database):
    with serve("--retention-days", "30") as served, requests.Session() as session:
        session.trust_env = False
        for name in ("old", "new"):
            run = {"id": str(uuid.uuid4()), "name": name, "run_type": "tool"}
            assert session.post(f"{served.url}/runs", json=run, timeout=30).status_code == 202
    age(database, 40, "old")
    with serve("--retention-days", "30") as served, requests.Session() as session:
        session.trust_env = False

        def there():
            runs = session.post(f"{served.url}/runs/query", json={}, timeout=30).json()["runs"]
            return [run["name"] for run in runs]

        deadline = time.monotonic() + 60
        while there() != ["new"]:
            assert time.monotonic() < deadline


def test_what_a_killed_server_left_another_deletes_at_its_next_look(api, database):
    new_trace(api, "old", session_name="p")
    tier(api, "p", trace_tier="shortlived")
    age(database, 20)
    loop, workspaces = api.server.start(), api.server.app.state.workspaces
    killed = uuid.uuid4()

    def claim(seconds):
        return loop.call(workspaces.default.store.claim(Duty.RETENTION, killed, seconds)).result(60)

    assert claim(3600)
    assert expire(api) is None
    assert claim(-1), "its claim has ended"
    assert expire(api) == 2
