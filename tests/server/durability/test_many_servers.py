"""Several servers on one PostgreSQL database."""

from __future__ import annotations

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import requests

pytestmark = pytest.mark.slow

SERVERS, CLIENTS, TRACES = 3, 4, 40


def messages_of(ids):
    """The posts and the patches of one trace: a root and two children."""
    root = ids[0]
    orders = [f"20240101T000000000000Z{root}", *(f"20240101T000000000000Z{root}.x{one}" for one in ids[1:])]
    shared = {"name": "r", "run_type": "chain", "start_time": "2024-01-01T00:00:00", "session_name": "many"}
    places = [
        {"id": one, "trace_id": root, "dotted_order": order} for one, order in zip(ids, orders, strict=True)
    ]
    posts = [{**shared, **place, "inputs": {"q": 1}} for place in places]
    patches = [
        {**place, "outputs": {"a": 2}, "end_time": "2024-01-01T00:00:01", "session_name": "many"}
        for place in places
    ]
    return posts, patches


class Client:
    """Sends each message until one of the servers has acknowledged it."""

    def __init__(self, urls, seed) -> None:
        self._urls, self._random, self._session = urls, random.Random(seed), requests.Session()  # noqa: S311

    def send(self, **body):
        for _ in range(100):
            url = self._random.choice(self._urls)
            try:
                answer = self._session.post(f"{url}/runs/batch", json=body, timeout=30)
            except requests.RequestException:
                continue  # this server was killed
            if answer.status_code == 202:
                return
            assert answer.status_code == 503, answer.text
        raise AssertionError("no server has taken it")

    def write(self, traces, progress):
        for ids in traces:
            posts, patches = messages_of(ids)
            if self._random.random() < 0.5:
                self.send(post=posts, patch=patches[:1])
                self.send(patch=patches)
            else:
                self.send(patch=patches)
                self.send(post=posts[::-1])
            progress.append(ids)
        self._session.close()


def test_what_any_server_acknowledged_is_there_once_when_one_is_killed(serve, postgres):
    url = postgres()
    traces = [[str(uuid.uuid4()) for _ in range(3)] for _ in range(TRACES)]
    with ExitStack() as stack:
        servers = [stack.enter_context(serve(db=url)) for _ in range(SERVERS)]
        progress = []

        def write(number):
            # All clients write all traces, each in an order of its own.
            own = random.Random(number).sample(traces, TRACES)  # noqa: S311
            Client([server.url for server in servers], number).write(own, progress)

        with ThreadPoolExecutor(CLIENTS + 1) as pool:
            writing = [pool.submit(write, number) for number in range(CLIENTS)]
            killing = pool.submit(kill_half_way, servers[0], progress, CLIENTS * TRACES // 2)
            for future in [*writing, killing]:
                future.result()
        check(servers[1].url, traces)


def kill_half_way(server, progress, enough):
    while len(progress) < enough:
        requests.get(f"{server.url}/info", timeout=30)  # instead of a sleep
    server.process.kill()
    server.process.wait()


def check(url, traces):
    wanted = {one for ids in traces for one in ids}
    found, cursor = [], None
    while True:
        body = {"limit": 100, "select": ["id", "status", "inputs", "outputs", "parent_run_id", "trace_id"]}
        answer = requests.post(
            f"{url}/runs/query", json=body | ({"cursor": cursor} if cursor else {}), timeout=60
        )
        page = answer.json()
        found += page["runs"]
        cursor = page["cursors"].get("next")
        if cursor is None:
            break
    assert sorted(run["id"] for run in found) == sorted(wanted)
    parents = {one: ids[0] for ids in traces for one in ids[1:]}
    for run in found:
        assert (run["status"], run["inputs"], run["outputs"]) == ("success", {"q": 1}, {"a": 2})
        assert run["parent_run_id"] == parents.get(run["id"])
    (project,) = requests.get(f"{url}/sessions?name=many&include_stats=true", timeout=60).json()
    assert project["run_count"] == TRACES
