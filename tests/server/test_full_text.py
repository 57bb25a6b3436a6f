"""The full-text index: what it finds, in what order, and that it catches up with whatever happens."""

from __future__ import annotations

import json
import time
import uuid

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from smithkit.server.domain.filters import Comparison, Operator, evaluate, write_filter
from smithkit.server.domain.filters.words import search_terms
from smithkit.server.domain.jsons import dump
from smithkit.server.store import read_runs
from smithkit.server.store.packing import pack
from smithkit.server.store.stored_record import StoredRecord, filter_matches

LAG = "x-smithkit-unindexed-runs"


def lag(api):
    return int(api.post("/runs/query", {"query": "any", "limit": 1}).headers[LAG])


def settle(api):
    for _ in range(600):
        if lag(api) == 0:
            return
        time.sleep(0.05)
    raise AssertionError(lag(api))


def names(api, text, **body):
    return [run["name"] for run in api.query(query=text, select=["name"], **body)["runs"]]


@pytest.fixture(params=["indexed", "queued"])
def known(request, api):
    """What brings the index to the state under test."""
    api.get("/info")
    if request.param == "queued":
        api.server.app.state.workspaces.default.store._indexer.close()
        return lambda: None
    return lambda: settle(api)


def test_every_text_of_a_run_is_found_and_its_keys_are_not(api, known):
    api.new_run(
        name="alpha",
        inputs={"keyword": ["beta", {"deep": "gamma"}]},
        outputs={"n": 4711},
        error="delta failed",
        tags=["epsilon"],
        extra={"metadata": {"user": "zeta"}},
    )
    known()
    for word in (
        "Alpha",
        "beta",
        "gamma",
        "4711",
        "delta",
        "epsilon",
        "zeta",
        "gam*",
        '"delta failed"',
        "alpha zeta",
    ):
        assert names(api, word) == ["alpha"], word
    for word in ("keyword", "gam", '"failed delta"', "alpha omega"):
        assert names(api, word) == [], word


def test_the_language_of_the_index_is_not_spoken_to_users(api, known):
    api.new_run(name="near or not")
    known()
    for text in (
        "near OR nothing",
        "NOT absent",
        "name : near",
        "scope : root",
        "{name} : near",
        "near^2",
        'near" OR "x',
        "root",
    ):
        answer = api.post("/runs/query", {"query": text})
        assert (answer.status, answer.json["runs"]) == (200, []), text
    assert names(api, "NEAR OR NOT") == ["near or not"]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_hits_lose_and_repeat_nothing(api, known, order):
    times = ["2024-01-01T00:00:00", "2024-01-01T00:00:00.0005", "1980-05-05", "0001-01-01", "9999-12-31"]
    runs = [
        {
            "id": str(uuid.uuid4()),
            "name": "hit" if n % 3 else "miss",
            "run_type": "tool",
            "start_time": times[n % 5],
        }
        for n in range(300)
    ]
    assert api.post("/runs/batch", {"post": runs}).status == 202
    known()
    seen, cursor = [], None
    while True:
        page = api.query(query="hit", order=order, cursor=cursor, limit=37)
        seen += [(run["start_time"], run["id"]) for run in page["runs"]]
        if (cursor := page["cursors"]["next"]) is None:
            break
    assert seen == sorted(seen, reverse=order == "desc")
    assert sorted(run_id for _, run_id in seen) == sorted(run["id"] for run in runs if run["name"] == "hit")


def test_a_change_is_found_at_once_and_what_it_replaced_no_longer(api):
    run_id = api.new_run(inputs={"a": "before"})
    settle(api)
    assert api.patch(f"/runs/{run_id}", {"inputs": {"a": "after"}, "start_time": "2025-05-05"}).status == 202
    for _ in range(2):
        assert (names(api, "before"), names(api, "after")) == ([], ["r"])
        settle(api)


def test_runs_of_a_deleted_project_are_not_found(api):
    api.new_run(inputs={"a": "secret"}, session_name="gone")
    settle(api)
    assert api.delete(f"/sessions/{api.project('gone')['id']}").status in {200, 202, 204}
    assert names(api, "secret") == []
    api.new_run(name="other", inputs={"a": "secret"})
    settle(api)
    assert names(api, "secret") == ["other"]


def test_only_runs_of_the_projects_asked_for_are_found(api, known):
    api.new_run(name="mine", session_name="mine")
    api.new_run(name="mine too", session_name="other")
    known()
    assert names(api, "mine", session=[api.project("mine")["id"]]) == ["mine"]
    assert names(api, "mine", session=[api.project("other")["id"]], is_root=False) == []


@pytest.mark.slow
def test_a_killed_server_catches_up_when_it_is_back(serve):
    body = [
        {"id": str(uuid.uuid4()), "name": f"n{n}", "run_type": "tool", "inputs": {"a": "word"}}
        for n in range(2000)
    ]
    with serve() as served:
        assert requests.post(f"{served.url}/runs/batch", json={"post": body}, timeout=60).status_code == 202
    with serve() as served, serve() as second:
        for _ in range(600):
            answer = requests.post(f"{second.url}/runs/query", json={"query": "word"}, timeout=60)
            if answer.headers[LAG] == "0":
                break
            time.sleep(0.1)
        assert answer.headers[LAG] == "0"
        stats = requests.post(f"{served.url}/runs/stats", json={"query": "word"}, timeout=60).json()
        assert stats["run_count"] == 2000


@settings(max_examples=300, deadline=None)
@given(
    text=st.text(max_size=30)
    | st.sampled_from(["Crème BRÛLÉE", "ﬁsh", "STRASSE", "İstanbul", "a\nbob", "\\u0041bc", "K"]),
    query=st.text(min_size=1, max_size=5)
    | st.sampled_from(["creme", "fish", "bob", "abc", "k", "istanbul", "true", "inf"]),
    wrapped=st.sampled_from([dump, lambda value: json.dumps(value).encode()]),
)
def test_what_is_told_without_cutting_into_words_is_what_words_tell(text, query, wrapped):
    node = Comparison(Operator.SEARCH, "", query)
    if not search_terms(query):
        return
    columns = (
        text[:9],
        json.dumps([text]),
        pack(wrapped({"q": [text, 1e22, True, 1e-7]})),
        None,
        pack(dump(text)),
        None,
    )
    assert filter_matches(write_filter(node), *columns) is evaluate(node, StoredRecord(*columns))


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_long_queue_is_searched_to_its_end_and_no_further_than_a_page_needs(api, monkeypatch, order):
    monkeypatch.setattr("smithkit.server.store.read_runs._STEP", 4)
    api.get("/info")
    api.server.app.state.workspaces.default.store._indexer.close()
    texts = ["grass" if n % 3 else "sky" for n in range(40)]
    runs = [
        {
            "id": str(uuid.uuid4()),
            "name": f"{n:02}",
            "run_type": "chain",
            "start_time": f"2024-01-01T00:00:{n:02}",
            "inputs": {"q": text},
        }
        for n, text in enumerate(texts)
    ]
    assert api.post("/runs/batch", {"post": runs[20:] + runs[:20]}).status == 202
    expected = sorted((run["name"] for run in runs if run["inputs"]["q"] == "sky"), reverse=order == "desc")
    found, cursor = [], None
    while True:
        page = api.query(query="sky", select=["name"], limit=3, order=order, cursor=cursor)
        found += [run["name"] for run in page["runs"]]
        cursor = page["cursors"]["next"]
        if cursor is None:
            break
    assert found == expected
    assert lag(api) == 40
    read = []
    select_page = read_runs._select_page
    monkeypatch.setattr(
        read_runs, "_select_page", lambda *given, **named: read.append(given) or select_page(*given, **named)
    )
    assert names(api, "sky", limit=2, order=order) == expected[:2]
    assert 0 < len(read) < 40 / 4
