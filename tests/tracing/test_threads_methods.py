"""Threads, on both clients: what is asked, and how runs are grouped."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from smithkit.errors import LangSmithUserError

PROJECT = str(uuid.uuid4())


def row(minute, thread=None, **fields):
    moment = f"2024-05-06T07:{minute:02d}:09+00:00"
    return {
        "id": str(uuid.uuid4()),
        "name": f"r{minute}",
        "run_type": "chain",
        "start_time": moment,
        "thread_id": thread,
        **fields,
    }


def metadata(**values):
    return {"extra": {"metadata": values}}


def shape(threads):
    return [(thread["thread_id"], [run.name for run in thread["runs"]]) for thread in threads]


def test_runs_are_grouped_and_the_last_active_thread_comes_first(both):
    pages = [[row(5, "b"), row(4, "a"), row(3)], [row(2, "a"), row(1, "c")]]
    both.api.answer("POST", "/runs/query", {"runs": pages[0], "cursors": {"next": "c"}})
    both.api.answer("POST", "/runs/query", {"runs": pages[1], "cursors": {"next": None}})

    threads = both("list_threads", project_id=PROJECT)

    assert shape(threads) == [("b", ["r5"]), ("a", ["r2", "r4"]), ("c", ["r1"])]
    assert threads[1]["count"] == 2
    assert threads[1]["min_start_time"] == "2024-05-06T07:02:09+00:00"
    assert threads[1]["max_start_time"] == "2024-05-06T07:04:09+00:00"
    assert both.last().json()["cursor"] == "c"


def test_servers_that_do_not_say_the_thread_say_the_metadata(both):
    rows = [
        row(4, **metadata(conversation_id="c", thread_id="t")),
        row(3, **metadata(session_id="s", thread_id="t")),
        row(2, **metadata(session_id=7)),
        row(1, **metadata(session_id={"no": "text"}, other="x")),
        row(0, extra=None),
    ]
    both.api.answer("POST", "/runs/query", {"runs": rows})
    assert shape(both("list_threads", project_id=PROJECT)) == [("t", ["r4"]), ("s", ["r3"]), ("7", ["r2"])]


@pytest.mark.parametrize(
    ("window", "names"),
    [({"limit": 1}, "c"), ({"limit": 1, "offset": 1}, "b"), ({"offset": 2}, "a"), ({"limit": 0}, "")],
)
def test_limit_and_offset_count_threads(both, window, names):
    both.api.answer("POST", "/runs/query", {"runs": [row(1, "a"), row(2, "b"), row(3, "c")]})
    threads = both("list_threads", project_id=PROJECT, **window)
    assert [thread["thread_id"] for thread in threads] == list(names)


def test_what_list_threads_asks(both):
    both.api.answer("POST", "/runs/query", {"runs": []})
    both.api.answer("GET", "/sessions", [{"id": PROJECT}])
    since = dt.datetime(2024, 1, 2, tzinfo=dt.UTC)

    both("list_threads", project_name="demo", filter='eq(name, "x")', start_time=since)
    both("list_threads", project_id=PROJECT)

    asked = [request.json() for request in both.api.requests if request.method == "POST"]
    assert asked[0]["session"] == [PROJECT]
    assert asked[0]["is_root"] is True
    assert asked[0]["filter"] == 'eq(name, "x")'
    assert asked[0]["start_time"] == "2024-01-02T00:00:00+00:00"
    assert "inputs" not in asked[0]["select"]
    age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(asked[1]["start_time"])
    assert dt.timedelta(days=1) <= age < dt.timedelta(days=1, minutes=5)
    assert "filter" not in asked[1]


def test_list_threads_checks_its_arguments(both):
    for arguments in ({}, {"project_id": PROJECT, "project_name": "p"}):
        with pytest.raises(ValueError, match="exactly one"):
            both("list_threads", **arguments)
    for arguments in ({"limit": -1}, {"offset": -1}):
        with pytest.raises(LangSmithUserError):
            both("list_threads", project_id=PROJECT, **arguments)
    assert both.api.requests == []


def test_read_thread_asks_for_the_thread_by_a_filter(both):
    both.api.answer("POST", "/runs/query", {"runs": [row(1, "t"), row(2, "t")]})
    both.api.answer("GET", "/sessions", [{"id": PROJECT}])
    other = uuid.uuid4()

    found = both(
        "read_thread",
        thread_id='say "t"',
        project_id=[other],
        project_name="demo",
        filter="gt(latency, 1)",
        select=["id", "name", "run_type", "start_time"],
        run_type="llm",
        limit=1,
    )

    assert [run.name for run in found] == ["r1"]
    assert both.last().json() == {
        "session": [str(other), PROJECT],
        "filter": 'and(eq(thread_id, "say \\"t\\""), gt(latency, 1))',
        "is_root": True,
        "select": ["id", "name", "run_type", "start_time"],
        "run_type": "llm",
        "limit": 1,
        "order": "asc",
    }


def test_read_thread_follows_the_cursor(both):
    both.api.answer("POST", "/runs/query", {"runs": [row(1, "t")], "cursors": {"next": "c"}})
    both.api.answer("POST", "/runs/query", {"runs": [row(2, "t")], "cursors": {"next": None}})
    found = both("read_thread", thread_id="t", project_id=PROJECT, is_root=None, order="desc")
    assert [run.name for run in found] == ["r1", "r2"]
    assert both.last().json()["order"] == "desc"
    assert "is_root" not in both.last().json()


def test_read_thread_checks_its_arguments(both):
    with pytest.raises(ValueError, match="thread_id"):
        both("read_thread", thread_id="", project_id=PROJECT)
    with pytest.raises(ValueError, match="project"):
        both("read_thread", thread_id="t")
    with pytest.raises(LangSmithUserError):
        both("read_thread", thread_id="t", project_id=PROJECT, limit=-1)
    assert both.api.requests == []
