"""Several processes write to and read from one SQLite file, and none may ever be told that it is locked.

python benchmarks/server/many_processes.py --processes 8 --minutes 5
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

_WORK = """
import json, sys, time, uuid
from smithkit.server import embedded
server = embedded(sys.argv[1])
deadline = time.monotonic() + float(sys.argv[2])
written, failed = 0, []
while time.monotonic() < deadline:
    run = {"id": str(uuid.uuid4()), "name": "n", "run_type": "tool", "inputs": {"x": "y" * 500}}
    status, _, body = server.request("POST", "/runs", [], json.dumps(run).encode(), 120)
    if status == 202:
        written += 1
    else:
        failed.append(body.decode()[:200])
    status, _, body = server.request("GET", f"/runs/{run['id']}", [], b"", 120)
    if status != 200:
        failed.append(body.decode()[:200])
server.close()
print(json.dumps({"written": written, "failed": failed}))
"""


@dataclass
class Outcome:
    written: int = 0
    stored: int = 0
    failed: list[str] = field(default_factory=list)
    said: str = ""

    @property
    def locked(self) -> int:
        return sum("locked" in text for text in self.failed) + self.said.count("locked")

    @property
    def ok(self) -> bool:
        return not self.failed and not self.locked and self.written == self.stored > 0


def write_at_once(database: Path, processes: int, seconds: float) -> Outcome:
    """Let processes write and read for a while, and count."""
    outcome = Outcome()
    command = [sys.executable, "-c", _WORK, str(database), str(seconds)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, **pipes) for _ in range(processes)]
    for process in running:
        out, err = process.communicate(timeout=seconds + 300)
        outcome.said += err
        told = json.loads(out) if process.returncode == 0 else {"written": 0, "failed": [err[-500:]]}
        outcome.written += told["written"]
        outcome.failed += told["failed"]
    connection = sqlite3.connect(database)
    outcome.stored = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
    connection.close()
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = write_at_once(Path(folder) / "many.db", arguments.processes, arguments.minutes * 60)
    print(
        f"{arguments.processes} processes, {arguments.minutes:g} minutes: {outcome.written:,} runs acknowledged, "
        f"{outcome.stored:,} stored, {len(outcome.failed)} requests failed, {outcome.locked} times 'locked'"
    )
    for text in outcome.failed[:5]:
        print(" ", text)
    return 0 if outcome.ok else 1


if __name__ == "__main__":
    sys.exit(main())
