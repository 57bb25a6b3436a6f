"""The server in a process of its own, and what it takes."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

__all__ = ["Server", "bytes_of"]

_INDEX = ("run_words%", "run_texts", "sqlite_autoindex_run_texts%", "text_queue")


class Server:
    """`smithkit serve` on a file, from entering the context to leaving it.

    Attributes:
        address: Host and port.
        started: Seconds from starting the process to its first answer.

    Args:
        database: The file.
    """

    def __init__(self, database: Path) -> None:
        self.database = database

    def __enter__(self) -> Self:
        began = time.perf_counter()
        command = [sys.executable, "-m", "smithkit.server.serve", "--port", "0", "--db", str(self.database)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        found = re.search(r"http://(\S+?:\d+)", self._process.stdout.readline())
        assert found is not None
        self.address = found[1]
        self.ask("GET", "/info")
        self.started = time.perf_counter() - began
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(60)

    def ask(self, method: str, path: str, value: Any = None) -> tuple[dict[str, str], Any]:
        """Make one request; gives the answer's headers and JSON."""
        connection = HTTPConnection(self.address, timeout=600)
        try:
            body = None if value is None else json.dumps(value).encode()
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            data = answer.read()
            assert answer.status < 300, data[:500]
            return dict(answer.getheaders()), json.loads(data)
        finally:
            connection.close()

    def unindexed(self) -> int:
        """How many runs the full-text index does not have yet, as far as the server counts them."""
        headers, _ = self.ask(
            "POST", "/runs/query", {"select": ["id"], "filter": 'eq(name, "none")', "limit": 1}
        )
        return int(headers["x-smithkit-unindexed-runs"])

    def status(self, name: str) -> float:
        """A figure of the process, as Linux tells it, in MB."""
        text = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(rf"{name}:\s+(\d+) kB", text)
        return int(found[1]) / 1024 if found else 0.0

    def cpu(self) -> float:
        """Seconds of processor time that the process has taken."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


def bytes_of(database: Path) -> tuple[int, int]:
    """Bytes of a closed database, without its full-text index, and of that index."""
    connection = sqlite3.connect(database)
    try:
        whole = database.stat().st_size
        of_index = "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE " + " OR ".join(
            ["name LIKE ?"] * len(_INDEX)
        )
        (index,) = connection.execute(of_index, _INDEX).fetchone()
        return whole - index, index
    finally:
        connection.close()
