"""Measure reads of the backend at some sizes: points, traces, lists, filters, full text, figures.

usage: python benchmarks/server/queries.py [RUNS ...] [--keep FOLDER | --database FILE] [--only WORD]

For each size, stores so many spans of `spans.py` in a fresh database, straight through the store, and waits for the
full-text index; with `--database`, a database that was filled so before is asked instead. Then a server is asked over
HTTP, each question of `questions.py` 40 times, on one kept connection. Prints, a line a question, milliseconds at the
median and the 95th percentile, how many the last answer found, and the load of the machine before and after.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import asking
from peers.smithkit import Smithkit
from questions import PROJECTS
from spans import spans
from wire import run

from smithkit.server import open_store
from smithkit.server.services.changes import make_change
from smithkit.server.store import RunBatch, Store

__all__ = ["fill", "measure"]

_BATCH = 1000


async def _write(store: Store, size: int) -> None:
    for at in range(0, size, _BATCH):
        project = f"project-{at // _BATCH % PROJECTS}"
        messages = [run(one, project) for one in spans(min(_BATCH, size - at), at)]
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
    stored_in = Smithkit(path)
    index = stored_in.index()
    return {
        "runs": size,
        "stored after, s": round(stored, 1),
        "indexed after, s": round(indexed, 1),
        "bytes a run": (stored_in.size() - index) // size,
        "text index, bytes a run": index // size,
    }


def measure(path: Path, size: int, only: str = "") -> dict[str, Any]:
    """Ask a server everything, or what has a word in its name."""
    figures: dict[str, Any] = {"load before": os.getloadavg()[0]}
    with Smithkit(path) as server:
        asked = {name: one for name, one in server.questions(size).items() if only in name}
        figures |= asking.timed(server.address, asked)
        figures["peak RSS, MB"] = round(server.peak()[0])
        figures["start to first answer, s"] = round(server.started, 2)
    return figures | {"load after": os.getloadavg()[0]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="*", type=int, default=[10_000])
    parser.add_argument("--keep", type=Path, help="folder of databases, used again if they are there")
    parser.add_argument("--database", type=Path, help="a database of so many runs, asked and not filled")
    parser.add_argument("--only", default="", help="ask what has this in its name")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for size in args.runs:
            path = args.database or folder / f"{size}.db"
            if not path.exists():
                if args.database:
                    parser.error(f"there is no database {path}")
                print(json.dumps(fill(path, size)), flush=True)
            print(f"{size:,} runs")
            for name, figure in measure(path, size, args.only).items():
                print(f"{name:46} {json.dumps(figure)}", flush=True)


if __name__ == "__main__":
    main()
