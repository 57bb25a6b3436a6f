"""Figures of runs and addresses of their pages, on both clients."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from smithkit import RunTree
from smithkit.errors import LangSmithError, LangSmithNotFoundError
from smithkit.schemas import Run

PROJECT = str(uuid.uuid4())
TENANT = str(uuid.uuid4())
SESSION = {"id": PROJECT, "tenant_id": TENANT, "name": "demo"}


def run(**fields):
    start = dt.datetime(2024, 5, 6, tzinfo=dt.UTC)
    return Run(id=uuid.uuid4(), name="r", run_type="chain", start_time=start, **fields)


def test_stats_send_what_is_given(both):
    both.api.answer("GET", "/sessions", [SESSION])
    both.api.answer("POST", "/runs/stats", {"run_count": 3})
    other, example = uuid.uuid4(), uuid.uuid4()
    moment = dt.datetime(2024, 1, 2, tzinfo=dt.UTC)

    stats = both(
        "get_run_stats",
        project_names=["demo"],
        project_ids=[other],
        reference_example_ids=[example],
        start_time=moment,
        end_time="2024-01-03",
        is_root=False,
        error=None,
    )

    assert stats == {"run_count": 3}
    assert both.last().json() == {
        "session": [str(other), PROJECT],
        "reference_example": [str(example)],
        "start_time": "2024-01-02T00:00:00+00:00",
        "end_time": "2024-01-03",
        "is_root": False,
    }


def test_stats_of_a_project_that_is_not_there(both):
    both.api.answer("GET", "/sessions", [])
    with pytest.raises(LangSmithNotFoundError, match="demo"):
        both("get_run_stats", project_names=["demo"])


@pytest.mark.parametrize(
    ("fields", "arguments", "looked_up"),
    [
        ({"session_id": PROJECT}, {"project_name": "other"}, None),
        ({"session_name": "own"}, {"project_id": uuid.uuid4()}, "own"),
        ({}, {"project_id": PROJECT, "project_name": "other"}, None),
        ({}, {"project_name": "other"}, "other"),
        ({}, {}, "of-environment"),
    ],
)
def test_the_project_of_a_url(both, monkeypatch, fields, arguments, looked_up):
    monkeypatch.setenv("LANGSMITH_PROJECT", "of-environment")
    both.api.answer("GET", "/sessions", [SESSION])
    traced = run(**fields)

    url = both("get_run_url", run=traced, **arguments)

    assert url.endswith(f"/o/{TENANT}/projects/p/{PROJECT}/r/{traced.id}?poll=true")
    names = [request.query["name"] for request in both.api.requests if "name" in request.query]
    assert names == ([[looked_up]] if looked_up else [])


def test_the_url_of_a_run_tree(both):
    both.api.answer("GET", "/sessions", [SESSION])
    tree = RunTree(name="r", project_name="trees", client=both.client)
    assert str(tree.id) in both("get_run_url", run=tree)
    assert both.api.requests[0].query["name"] == ["trees"]


def test_no_url_without_a_workspace(both):
    both.api.answer("GET", "/sessions", [])
    with pytest.raises(LangSmithError, match="workspace"):
        both("get_run_url", run=run(session_id=PROJECT))
