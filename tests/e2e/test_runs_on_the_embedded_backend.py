"""Methods for runs, from both clients, on the backend that comes with smithkit."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import uuid
import warnings
from typing import Any

import pytest

from smithkit import AsyncClient, Client, beta
from smithkit.errors import LangSmithBetaWarning, LangSmithNotFoundError


class Caller:
    """Calls a method of a client of its own, sync or async; iterators become lists."""

    def __init__(self, kind, url) -> None:
        self.kind = kind
        self.url = url

    def __call__(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if self.kind == "AsyncClient":
            return asyncio.run(self._acall(method, args, kwargs))
        with Client(self.url) as client:
            result = getattr(client, method)(*args, **kwargs)
            return list(result) if hasattr(result, "__next__") else result

    async def _acall(self, method, args, kwargs):
        async with AsyncClient(self.url) as client:
            result = getattr(client, method)(*args, **kwargs)
            return [item async for item in result] if hasattr(result, "__anext__") else await result


@pytest.fixture(autouse=True)
def _nothing_said_yet(monkeypatch):
    monkeypatch.setattr(beta, "_warned", set())


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/runs.db"


@pytest.fixture(params=["Client", "AsyncClient"])
def call(request, url):
    return Caller(request.param, url)


@pytest.fixture
def ingest(url):
    """Store runs given as name → fields, a second after each other, in a few minutes' past."""
    start = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=10)
    seconds = itertools.count()

    def store(project, runs):
        ids, bodies = {}, []
        for name, fields in runs.items():
            begin = start + dt.timedelta(seconds=next(seconds))
            ids[name] = run_id = uuid.uuid4()
            parent = next((body for body in bodies if body["name"] == fields.get("below")), None)
            above = f"{parent['dotted_order']}." if parent else ""
            body = {
                "id": run_id,
                "name": name,
                "run_type": "chain",
                "start_time": begin,
                "end_time": begin + dt.timedelta(seconds=2),
                "inputs": {"of": name},
                "session_name": project,
                "trace_id": parent["trace_id"] if parent else run_id,
                "parent_run_id": parent["id"] if parent else None,
                "dotted_order": f"{above}{begin:%Y%m%dT%H%M%S%f}Z{run_id}",
                "extra": {"metadata": fields.get("metadata", {})},
                "error": fields.get("error"),
            }
            bodies.append(body)
        with Client(url) as client:
            client.batch_ingest_runs(create=bodies)
        return ids

    return store


def test_a_link_is_given_read_and_taken_back(call, ingest):
    ids = ingest("p", {"root": {}, "part": {"below": "root"}, "other": {}})
    root = ids["root"]
    assert call("run_is_shared", root) is False
    assert call("read_run_shared_link", root) is None

    link = call("share_run", root)

    token = link.split("/")[-2]
    assert call("read_run_shared_link", root) == link
    assert call("run_is_shared", root) is True
    assert call("share_run", root) == link
    assert call("read_shared_run", token).inputs == {"of": "root"}
    assert call("read_shared_run", token, ids["part"]).name == "part"
    assert {run.name for run in call("list_shared_runs", token)} == {"root", "part"}
    assert [run.name for run in call("list_shared_runs", token, [ids["part"]])] == ["part"]
    with pytest.raises(LangSmithNotFoundError):
        call("read_shared_run", token, ids["other"])
    call("unshare_run", root)
    assert call("run_is_shared", root) is False
    with pytest.raises(LangSmithNotFoundError):
        call("read_shared_run", token)


def test_a_token_of_ones_own(call, ingest):
    (root,) = ingest("p", {"root": {}}).values()
    token = uuid.uuid4()
    assert str(token) in call("share_run", root, share_id=token)


def test_runs_are_summed_up(call, ingest):
    ingest("p", {"a": {}, "b": {"error": "bad"}, "c": {"below": "a"}})
    ingest("q", {"d": {}})

    stats = call("get_run_stats", project_names=["p"], is_root=True)

    assert (stats["run_count"], stats["error_rate"], stats["latency_p50"]) == (2, 0.5, 2.0)
    assert call("get_run_stats")["run_count"] == 4
    assert call("get_run_stats", project_names=["p", "q"], error=False)["run_count"] == 3


def test_the_address_of_a_run(call, ingest):
    ids = ingest("p", {"a": {}})
    run = call("read_run", ids["a"])
    assert call("get_run_url", run=run).endswith(f"{run.app_path}?poll=true")


def test_threads(call, ingest):
    runs = {
        "a1": {"metadata": {"thread_id": "a"}},
        "b1": {"metadata": {"session_id": "b"}},
        "part": {"below": "b1", "metadata": {"session_id": "b"}},
        "a2": {"metadata": {"conversation_id": "a"}},
        "none": {},
    }
    ingest("p", runs)
    ingest("q", {"elsewhere": {"metadata": {"thread_id": "a"}}})

    threads = call("list_threads", project_name="p")

    found = [(thread["thread_id"], [run.name for run in thread["runs"]]) for thread in threads]
    assert found == [("a", ["a1", "a2"]), ("b", ["b1"])]
    assert threads[0]["count"] == 2
    assert threads[0]["min_start_time"] < threads[0]["max_start_time"]
    assert [run.name for run in call("read_thread", thread_id="a", project_name="p")] == ["a1", "a2"]
    newest = call("read_thread", thread_id="b", project_name="p", is_root=None, order="desc")
    assert [run.name for run in newest] == ["part", "b1"]
    both = call("read_thread", thread_id="a", project_name=["p", "q"], limit=2)
    assert [run.name for run in both] == ["a1", "a2"]


@pytest.mark.slow
def test_insights_need_no_model_and_no_key(url):
    chats = [[{"role": "user", "content": f"My parcel {place} is broken, refund it"}] for place in range(4)]
    chats += [[{"role": "user", "content": f"The password of account {place} fails"}] for place in range(4)]
    with Client(url) as client:
        with pytest.warns(LangSmithBetaWarning, match="generate_insights"):
            report = client.generate_insights(chat_histories=chats, name="week")
        with pytest.warns(LangSmithBetaWarning, match="poll_insights"):
            done = client.poll_insights(report=report, rate=1, timeout=120)
        assert done.status == "success"
        assert [group["num_runs"] for group in done.clusters] == [4, 4]
        assert client.read_project(project_name="week").id == report.project_id


@pytest.mark.slow
def test_insights_for_async_programs(url):
    async def main():
        async with AsyncClient(url) as client:
            chat = [{"role": "user", "content": "Hi"}]
            report = await client.generate_insights(chat_histories=[chat])
            return await client.poll_insights(id=report.id, project_id=report.project_id, rate=1, timeout=120)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LangSmithBetaWarning)
        assert asyncio.run(main()).status == "success"


def test_a_long_thread_is_read_whole(call, ingest):
    runs = {f"turn{place:03d}": {"metadata": {"thread_id": "long"}} for place in range(130)}
    ingest("p", runs)
    assert [run.name for run in call("read_thread", thread_id="long", project_name="p")] == list(runs)
    (thread,) = call("list_threads", project_name="p")
    assert (thread["count"], thread["runs"][0].name) == (130, "turn000")
