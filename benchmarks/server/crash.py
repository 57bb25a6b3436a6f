"""Kills a server again and again while clients send runs, and looks whether all that it acknowledged is there, once.

python benchmarks/server/crash.py --rounds 50
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import requests

CLIENTS = 4


@dataclass
class Outcome:
    rounds: int = 0
    acknowledged: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)
    damaged: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not (self.missing or self.twice or self.damaged)


def crash(database: Path, rounds: int, longest: float = 1.5) -> Outcome:
    """Start, send, kill; after the last round, read everything."""
    outcome = Outcome()
    for _ in range(rounds):
        outcome.acknowledged |= _one_round(database, longest)
        outcome.rounds += 1
    _examine(database, outcome)
    return outcome


def _one_round(database: Path, longest: float) -> set[str]:
    acknowledged: set[str] = set()
    command = [sys.executable, "-m", "smithkit.server.serve", "--port", "0", "--db", str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        url = re.search(r"http://\S+?:\d+", server.stdout.readline())[0]
        begun = threading.Barrier(CLIENTS + 1)
        clients = [threading.Thread(target=_send, args=(url, acknowledged, begun)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        begun.wait(30)
        time.sleep(random.uniform(0.05, longest))
        os.kill(server.pid, signal.SIGKILL)
        for client in clients:
            client.join()
    return acknowledged


def _send(url: str, acknowledged: set[str], begun: threading.Barrier) -> None:
    """Send batches until nobody answers."""
    with requests.Session() as session:
        session.trust_env = False
        first = True
        while True:
            ids = [str(uuid.uuid4()) for _ in range(random.randint(1, 20))]
            try:
                answer = session.post(f"{url}/runs/batch", data=_body(ids), timeout=30)
            except requests.RequestException:
                return
            if answer.status_code == 202:
                acknowledged.update(ids)
            if first:
                begun.wait(30)
                first = False


def _body(ids: list[str]) -> bytes:
    moment = "2024-05-06T07:08:09"
    runs = [
        {"id": run_id, "name": "n", "run_type": "tool", "start_time": moment, "inputs": {"x": "y" * 2000}}
        | {"attachments": {"f": ["text/plain", "aGVsbG8="]}}
        for run_id in ids
    ]
    return json.dumps({"post": runs}).encode()


def _examine(database: Path, outcome: Outcome) -> None:
    connection = sqlite3.connect(database)
    outcome.damaged += [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    outcome.damaged += [str(row) for row in connection.execute("PRAGMA foreign_key_check")]
    counts = Counter(str(uuid.UUID(bytes=row[0])) for row in connection.execute("SELECT id FROM runs"))
    payloads = {str(uuid.UUID(bytes=row[0])) for row in connection.execute("SELECT run_id FROM run_payloads")}
    files = {str(uuid.UUID(bytes=row[0])) for row in connection.execute("SELECT run_id FROM attachments")}
    connection.close()
    outcome.missing = outcome.acknowledged - (counts.keys() & payloads & files)
    outcome.twice = {run_id for run_id, count in counts.items() if count > 1}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = crash(Path(folder) / "crash.db", arguments.rounds)
    print(
        f"{outcome.rounds} rounds, {len(outcome.acknowledged):,} runs acknowledged: {len(outcome.missing)} missing, "
        f"{len(outcome.twice)} twice, {len(outcome.damaged)} damages"
    )
    return 0 if outcome.ok else 1


if __name__ == "__main__":
    sys.exit(main())
