"""Sharing runs by link, on both clients: what is sent, and what is made of the answers."""

from __future__ import annotations

import uuid

import pytest

from smithkit.errors import LangSmithResponseError, LangSmithUserError
from smithkit.schemas import Run

RUN = str(uuid.uuid4())
TOKEN = "70000000-0000-4000-8000-000000000009"


def row(**fields):
    return {"id": RUN, "name": "r", "run_type": "chain", "start_time": "2024-05-06T07:08:09Z", **fields}


@pytest.mark.parametrize("token", [TOKEN, uuid.UUID(TOKEN)])
def test_a_token_may_be_given_as_text_or_uuid(both, token):
    both.api.answer("PUT", f"/runs/{RUN}/share", {"share_token": TOKEN})
    link = both("share_run", uuid.UUID(RUN), share_id=token)
    assert both.last().json() == {"run_id": RUN, "share_token": TOKEN}
    assert link.endswith(f"/public/{TOKEN}/r")


def test_the_link_has_the_token_that_the_server_chose(both):
    both.api.answer("PUT", f"/runs/{RUN}/share", {"share_token": TOKEN})
    link = both("share_run", RUN)
    assert uuid.UUID(both.last().json()["share_token"]).version == 4
    assert both.last().json()["share_token"] != TOKEN
    assert TOKEN in link


@pytest.mark.parametrize("answer", [None, {}, {"share_token": None}])
def test_a_run_without_a_token_is_not_shared(both, answer):
    both.api.answer("GET", f"/runs/{RUN}/share", answer)
    assert both("read_run_shared_link", RUN) is None
    assert both("run_is_shared", RUN) is False


def test_a_share_must_bring_a_token(both):
    both.api.answer("PUT", f"/runs/{RUN}/share", {})
    with pytest.raises(LangSmithResponseError, match="share_token"):
        both("share_run", RUN)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("share_run", ["../sessions"]),
        ("unshare_run", ["x"]),
        ("read_run_shared_link", ["x"]),
        ("run_is_shared", ["x"]),
        ("read_shared_run", ["https://host/public/x/r"]),
        ("read_shared_run", [TOKEN, "x"]),
        ("list_shared_runs", ["x"]),
    ],
)
def test_ids_are_checked_before_anything_is_sent(both, method, arguments):
    with pytest.raises(LangSmithUserError, match="UUID"):
        both(method, *arguments)
    assert both.api.requests == []


def test_unshare(both):
    both.api.answer("DELETE", f"/runs/{RUN}/share", {})
    assert both("unshare_run", RUN) is None


def test_shared_runs_are_read_page_by_page(both):
    path = f"/public/{TOKEN}/runs/query"
    both.api.answer("POST", path, {"runs": [row()], "cursors": {"next": "c"}})
    both.api.answer("POST", path, {"runs": [row()], "cursors": {"next": None}})
    found = both("list_shared_runs", TOKEN, [uuid.UUID(RUN)])
    assert [type(run) for run in found] == [Run, Run]
    assert [request.json() for request in both.api.requests] == [{"id": [RUN]}, {"id": [RUN], "cursor": "c"}]


def test_one_shared_run_and_one_below_it(both):
    both.api.answer("GET", f"/public/{TOKEN}/run", row())
    both.api.answer("GET", f"/public/{TOKEN}/run/{RUN}", row(name="below"))
    assert both("read_shared_run", uuid.UUID(TOKEN)).name == "r"
    assert both("read_shared_run", TOKEN, run_id=RUN).name == "below"
