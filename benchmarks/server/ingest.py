"""Measure how fast the backend takes spans over HTTP, and what an acknowledged span costs.

usage: python benchmarks/server/ingest.py [SPANS] [--clients 1 2 4]

For each number of clients a fresh server stores SPANS spans of 3 KB text (20,000), sent by so many processes as the
LangSmith client sends them: zstd-compressed multipart bodies of 100 runs, one request at a time each. Every body
is made, and the first of each client sent, before the clock starts. An acknowledgement says that the runs are stored and
can be queried; settled is when the text index has them too. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

import zstandard
from peers.smithkit import Smithkit
from sending import BATCH, send
from spans import spans
from wire import run

__all__ = ["limit", "measure"]

_PROJECTS = 5


def measure(count: int, clients: int, folder: Path) -> dict[str, Any]:
    """Store spans from some clients at once."""
    with Smithkit(folder / f"ingest-{clients}.db") as server:
        figures = send(server, count, clients, _PROJECTS)
        whole, index = server.size() - server.empty, server.index()
    return figures | {
        "bytes a span": (whole - index) // figures["spans"],
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
