"""A server in a process of its own: how it is started, asked and stopped, and what it takes."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from asking import Reading

__all__ = ["Server", "Way", "free_port"]

_SECONDS_TO_START = 180
_SECONDS_TO_STOP = 60
_AT_REST = 0.05  # seconds of processor time in a second
_QUIET_SECONDS = 3
_AT_ONCE = 16


class Way(NamedTuple):
    """How spans are sent: `body` makes that of one request, of some spans for a project, in any process."""

    path: str
    headers: dict[str, str]
    body: Callable[[list[dict[str, Any]], str], bytes]


class Server:
    """Somebody's server on a database file, from entering the context to leaving it.

    Attributes:
        address: Host and port.
        started: Seconds from starting the process to its first answer.
        empty: Bytes of the database before anything is stored.
        ready: Path that is asked until it answers.
        way: How spans are sent to it.

    Args:
        database: The file, in a folder where the server may leave other files.
    """

    ready = "/"
    way: Way

    def __init__(self, database: Path) -> None:
        self.database = database

    def command(self, port: int) -> list[str]:
        """What starts it."""
        raise NotImplementedError

    def environment(self, port: int) -> dict[str, str]:  # noqa: ARG002 - for those who need one
        """Variables beside those of this process."""
        return {}

    def count(self) -> int:
        """How many spans a read finds."""
        raise NotImplementedError

    def settle(self) -> None:
        """Return when what an acknowledgement left to be done later is done."""

    def questions(self, size: int) -> dict[str, Reading]:
        """What is asked of so many spans, by the names of `peers.ASKED`; whatever the system has not is left out."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        began = time.perf_counter()
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        self._log = self.database.with_suffix(".log").open("w+")
        self._process = subprocess.Popen(
            self.command(port),
            cwd=self.database.parent,
            env=os.environ | self.environment(port),
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._wait(began + _SECONDS_TO_START)
        except BaseException:
            self._stop()
            raise
        self.started = time.perf_counter() - began
        self.empty = self.size()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _wait(self, deadline: float) -> None:
        while self._process.poll() is None and time.perf_counter() < deadline:
            connection = HTTPConnection(self.address, timeout=5)
            try:
                connection.request("GET", self.ready)
                if connection.getresponse().status < 300:
                    return
            except (OSError, HTTPException):
                pass  # it does not listen yet
            finally:
                connection.close()
            time.sleep(0.01)
        self._log.seek(0)
        raise SystemExit(f"{self.command(0)} did not start:\n{self._log.read()[-3000:]}")

    def _stop(self) -> None:
        """What Ctrl-C in a terminal does, and an end to whoever is left then."""
        group = self._process.pid
        for signal_, patience in ((signal.SIGINT, _SECONDS_TO_STOP), (signal.SIGKILL, _SECONDS_TO_STOP)):
            try:
                os.killpg(group, signal_)
                self._process.wait(patience)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self._log.close()

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

    def size(self) -> int:
        """Bytes of the database, with what is in its log alone."""
        connection = sqlite3.connect(self.database, timeout=60)
        try:
            ((pages,), (page,)) = (
                connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
            )
            return int(pages * page)
        finally:
            connection.close()

    def index(self) -> int | None:
        """Bytes of its full-text index, if it has one."""
        return None

    def peak(self) -> tuple[float, int]:
        """Peak memory of all its processes in MB, each one's added up, and how many they are."""
        peaks = [_peak(pid) for pid in _family(self._process.pid)]
        return sum(peaks), len(peaks)

    def rest(self) -> None:
        """Return when its processes have done what they begin with, though one of them answers already."""
        with ThreadPoolExecutor(_AT_ONCE) as readers:  # so many that each process has one to answer
            list(readers.map(lambda _: self.count(), range(2 * _AT_ONCE)))
        deadline, quiet = time.perf_counter() + _SECONDS_TO_START, 0
        while quiet < _QUIET_SECONDS and time.perf_counter() < deadline:
            busy = self.cpu()
            time.sleep(1)
            quiet = quiet + 1 if self.cpu() - busy < _AT_REST else 0

    def cpu(self) -> float:
        """Seconds of processor time that its processes have taken."""
        return sum(_cpu(pid) for pid in _family(self._process.pid))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in thread.read_text().split():
            found += _family(int(child))
    return found


def _peak(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
