"""Measure reads of the backend at some sizes: point read, lists, filters, full text, figures.

usage: python benchmarks/server/queries.py [RUNS ...] [--keep FOLDER]

For each size, stores so many spans of `spans.py` in a fresh database, straight through the store, and waits for the
full-text index. Then a server is asked over HTTP, each question 40 times, on one kept connection. Prints JSON:
milliseconds at the median and the 95th percentile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from serving import Server, bytes_of
from spans import START, span
from wire import run

from smithkit.server import open_store
from smithkit.server.services.changes import make_change
from smithkit.server.store import RunBatch, Store

__all__ = ["fill", "measure"]

_ROUNDS = 40
_BATCH = 1000
_PROJECTS = 5


async def _write(store: Store, size: int) -> None:
    for at in range(0, size, _BATCH):
        project = f"project-{at // _BATCH % _PROJECTS}"
        messages = [run(span(number), project) for number in range(at, min(at + _BATCH, size))]
        await store.write(RunBatch([make_change("post", None, one, "run") for one in messages]))


def fill(path: Path, size: int) -> dict[str, Any]:
    """Store spans and wait until all are indexed."""
    store = open_store(str(path))
    began = time.perf_counter()
    try:
        asyncio.run(_write(store, size))
        stored = time.perf_counter() - began
        while asyncio.run(store.count_unindexed()):
            time.sleep(0.5)
        indexed = time.perf_counter() - began
    finally:
        store.close()
    own, index = bytes_of(path)
    return {
        "runs": size,
        "stored after, s": round(stored, 1),
        "indexed after, s": round(indexed, 1),
        "bytes a run": own // size,
        "text index, bytes a run": index // size,
    }


def _questions(size: int, project: str) -> dict[str, Any]:
    """What is asked: a name, and the path with a body or a function that makes one."""
    chance = random.Random(3)
    of_project = {"session": [project], "select": ["id", "name"]}
    day = {"start_time": f"{_time(size // 2)}", "end_time": f"{_time(size * 3 // 4)}"}
    return {
        "point read": ("GET", lambda: f"/runs/{span(chance.randrange(size))['id']}", None),
        "list, newest 100": ("POST", "/runs/query", {**of_project, "limit": 100}),
        "list, newest 100 with payloads": ("POST", "/runs/query", {"session": [project], "limit": 100}),
        "list, roots that failed": ("POST", "/runs/query", {**of_project, "is_root": True, "error": True}),
        "filter: latency, run type": (
            "POST",
            "/runs/query",
            {**of_project, "filter": 'and(eq(run_type, "llm"), gt(latency, 29))'},
        ),
        "filter: metadata": (
            "POST",
            "/runs/query",
            {**of_project, "filter": 'and(eq(metadata_key, "user"), eq(metadata_value, "u-7"))'},
        ),
        "full text, a tenth": ("POST", "/runs/query", {"select": ["id"], "query": "common"}),
        "full text, one in 10,000": ("POST", "/runs/query", {"select": ["id"], "query": "rare"}),
        "figures of all": ("POST", "/runs/stats", {}),
        "figures of a project": ("POST", "/runs/stats", {"session": [project]}),
        "figures of a time": ("POST", "/runs/stats", {"session": [project], **day}),
        "projects with figures": ("GET", "/sessions?include_stats=true", None),
        "figures of a filter": ("POST", "/runs/stats", {"session": [project], "run_type": "llm"}),
    }


def _time(number: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START + number))


def measure(path: Path, size: int) -> dict[str, Any]:
    """Ask a server everything."""
    figures: dict[str, Any] = {}
    with Server(path) as server:
        _, projects = server.ask("GET", "/sessions?name=project-1")
        connection = HTTPConnection(server.address, timeout=600)
        for name, (method, route, body) in _questions(size, projects[0]["id"]).items():
            times = []
            began = time.perf_counter()
            while len(times) < _ROUNDS and (len(times) < 5 or time.perf_counter() - began < 20):
                where = route() if callable(route) else route
                data = None if body is None else json.dumps(body).encode()
                at = time.perf_counter()
                connection.request(method, where, data, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
                times.append(time.perf_counter() - at)
                assert answer.status == 200, text[:300]
            times.sort()
            figures[name] = [round(times[int((len(times) - 1) * share)] * 1000, 1) for share in (0.5, 0.95)]
        figures["peak RSS, MB"] = round(server.status("VmHWM"))
        figures["start to first answer, s"] = round(server.started, 2)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="*", type=int, default=[10_000])
    parser.add_argument("--keep", type=Path, help="folder of databases, used again if they are there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for size in args.runs:
            path = folder / f"{size}.db"
            if not path.exists():
                print(json.dumps(fill(path, size)), flush=True)
            print(json.dumps({"runs": size} | measure(path, size)), flush=True)


if __name__ == "__main__":
    main()
