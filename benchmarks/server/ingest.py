"""Measure how fast the backend takes spans over HTTP, and what an acknowledged span costs.

usage: python benchmarks/server/ingest.py [SPANS] [--clients 1 2 4]

For each number of clients a fresh server stores SPANS spans of 3 KB text (20,000), sent by so many processes as the
LangSmith client sends them: zstd-compressed multipart bodies of 100 runs, one request at a time each. Every body
is made before the clock starts. An acknowledgement says that the runs are stored and can be queried. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sqlite3
import statistics
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import zstandard
from serving import Server, bytes_of
from spans import spans
from wire import BATCH, HEADERS, body, run

__all__ = ["limit", "measure"]

_PROJECTS = 5
_SPAWN = multiprocessing.get_context("spawn")


def _prepare(first: int, count: int, place: int) -> list[bytes]:
    return [
        body(spans(min(BATCH, first + count - at), at), f"project-{place % _PROJECTS}")
        for at in range(first, first + count, BATCH)
    ]


def _send(address: str, place: int, share: int, talk: tuple[Any, Any, Any]) -> None:
    """A client: prepares its bodies, waits for the others, sends, and tells how long each answer took."""
    ready, begin, results = talk
    bodies = _prepare(place * share, share, place)
    connection = HTTPConnection(address, timeout=600)
    connection.connect()
    ready.release()
    begin.wait()
    times = []
    for data in bodies:
        began = time.perf_counter()
        connection.request("POST", "/runs/multipart", data, HEADERS)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 202, answer.status
        times.append(time.perf_counter() - began)
    results.put(times)


def measure(count: int, clients: int, folder: Path) -> dict[str, Any]:
    """Store spans from some clients at once."""
    database = folder / f"ingest-{clients}.db"
    share = count // clients
    ready, begin, results = _SPAWN.Semaphore(0), _SPAWN.Event(), _SPAWN.Queue()
    with Server(database) as server:
        processes = [
            _SPAWN.Process(target=_send, args=(server.address, place, share, (ready, begin, results)))
            for place in range(clients)
        ]
        for process in processes:
            process.start()
        for _ in processes:
            ready.acquire()
        busy, began = server.cpu(), time.perf_counter()
        begin.set()
        times = sorted(one for _ in processes for one in results.get())
        seconds = time.perf_counter() - began
        busy = server.cpu() - busy
        for process in processes:
            process.join()
        _, found = server.ask("POST", "/runs/stats", {})
        assert found["run_count"] == share * clients, found["run_count"]
        left = server.unindexed()
        while server.unindexed():
            time.sleep(0.2)
        indexed = time.perf_counter() - began
        figures = {
            "clients": clients,
            "spans": share * clients,
            "spans a second": round(share * clients / seconds),
            "acknowledged, median ms": round(statistics.median(times) * 1000, 1),
            "acknowledged, p99 ms": round(times[-(len(times) // 100) - 1] * 1000, 1),
            "server CPU, microseconds a span": round(busy / share / clients * 1e6, 1),
            "not in the text index then": left,
            "text index complete after, s": round(indexed, 1),
            "peak RSS, MB": round(server.status("VmHWM")),
            "start to first answer, s": round(server.started, 2),
        }
    own, index = bytes_of(database)
    return figures | {
        "bytes a span": own // figures["spans"],
        "text index, bytes a span": index // figures["spans"],
    }


def limit(count: int, folder: Path) -> dict[str, Any]:
    """Insert the same rows into bare SQLite: three indexes, zstd payloads, one transaction a batch, one thread."""
    connection = sqlite3.connect(folder / "limit.db", isolation_level=None)
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        "CREATE TABLE runs (id BLOB PRIMARY KEY, session TEXT, trace BLOB, parent BLOB, dotted_order TEXT, name TEXT,"
        " run_type TEXT, start INTEGER, finish INTEGER, tags TEXT, inputs BLOB, outputs BLOB, extra BLOB, error TEXT);"
        "CREATE INDEX by_session ON runs (session, start, id); CREATE INDEX by_start ON runs (start, id);"
        "CREATE INDEX by_trace ON runs (trace, start)"
    )
    batches = [
        [
            run(one, f"project-{at // BATCH % _PROJECTS}") | {"at": one["start"], "to": one["end"]}
            for one in spans(BATCH, at)
        ]
        for at in range(0, count, BATCH)
    ]
    compressor = zstandard.ZstdCompressor(level=3)
    began = time.perf_counter()
    for batch in batches:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            f"INSERT INTO runs VALUES ({','.join('?' * 14)})", [_row(one, compressor) for one in batch]
        )
        connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    size = (folder / "limit.db").stat().st_size
    return {"spans": count, "spans a second": round(count / seconds), "bytes a span": size // count}


def _row(one: dict[str, Any], compressor: zstandard.ZstdCompressor) -> tuple[Any, ...]:
    packed = (compressor.compress(json.dumps(one[name]).encode()) for name in ("inputs", "outputs", "extra"))
    ids = (
        bytes.fromhex(one[name].replace("-", "")) if one[name] else None
        for name in ("id", "trace_id", "parent_run_id")
    )
    own, trace, parent = ids
    return (own, one["session_name"], trace, parent, one["dotted_order"], one["name"], one["run_type"], one["at"],
            one["to"], one["tags"][0], *packed, one["error"])  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("spans", nargs="?", type=int, default=20_000)
    parser.add_argument("--clients", nargs="*", type=int, default=[1, 2, 4])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps({"bare SQLite": limit(min(args.spans, 20_000), Path(folder))}), flush=True)
        for clients in args.clients:
            print(json.dumps(measure(args.spans, clients, Path(folder))), flush=True)


if __name__ == "__main__":
    main()
