"""The sink: a process that takes what every contestant sends, answers at once and counts.

It speaks the LangSmith API's, OpenTelemetry's, Langfuse's and Logfire's ingestion as far as clients look
at the answers. Bodies are kept as they came and looked into only when somebody asks, so that counting
costs nothing while others are measured. Silent, it reads requests and never answers them.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Self

import arrivals

if TYPE_CHECKING:
    from types import TracebackType

_INFO = {
    "version": "0.13.0",
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
        "scale_up_nthreads_limit": 16,
        "scale_up_qsize_trigger": 1000,
        "scale_down_nempty_trigger": 4,
    },
    "instance_flags": {"zstd_compression_enabled": True},
}
_JSON, _PROTOBUF = "application/json", "application/x-protobuf"
_KEPT_BYTES = 256 * 1024 * 1024


class Sink:
    """The sink's process and what one may ask of it.

    Args:
        silent: Whether it never answers.
    """

    def __init__(self, *, silent: bool = False) -> None:
        command = [sys.executable, __file__, *(["--silent"] if silent else [])]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None  # noqa: S101 - for type checkers
        self.url = self._process.stdout.readline().strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


def ask(url: str, what: str) -> dict[str, float]:
    """Ask a sink for its ``report``, or have it ``reset`` its counts."""
    with urllib.request.urlopen(f"{url}/-/{what}", timeout=300) as answer:  # noqa: S310 - our own process
        counts: dict[str, float] = json.load(answer)
    return counts


@dataclass
class Counts:
    """What has come in since the last reset."""

    requests: int = 0
    bytes: int = 0
    last: float = 0.0  # monotonic time, one clock for all processes
    runs: int = 0
    incomplete: int = 0


@dataclass
class Ledger:
    """Counts, and the bodies that have not been looked into."""

    counts: Counts = field(default_factory=Counts)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _bodies: list[tuple[str, str, bytes]] = field(default_factory=list)
    _kept: int = 0
    _seen: arrivals.Seen = field(default_factory=arrivals.Seen)

    def add(self, path: str, headers: dict[str, str], body: bytes, size: int) -> None:
        with self.lock:
            self.counts.requests += 1
            self.counts.bytes += size
            self._bodies.append((path, headers.get("content-encoding", ""), body))
            self._kept += len(body)
            if self._kept > _KEPT_BYTES:
                self._look()

    def answered(self) -> None:
        self.counts.last = time.monotonic()

    def report(self) -> Counts:
        with self.lock:
            self._look()
            self.counts.runs, self.counts.incomplete = self._seen.complete, self._seen.incomplete
            return self.counts

    def reset(self) -> Counts:
        with self.lock:
            self.counts, self._seen, self._kept = Counts(), arrivals.Seen(), 0
            self._bodies.clear()
            return self.counts

    def _look(self) -> None:
        for path, encoding, body in self._bodies:
            self._seen.add(path, encoding, body)
        self._bodies.clear()
        self._kept = 0


def serve(*, silent: bool) -> None:
    ledger = Ledger()
    server = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(f"http://127.0.0.1:{server.getsockname()[1]}", flush=True)
    while True:
        connection, _ = server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_talk, args=(connection, ledger, silent), daemon=True).start()


def _talk(connection: socket.socket, ledger: Ledger, silent: bool) -> None:  # noqa: FBT001 - a thread's argument
    with connection, connection.makefile("rb") as file:
        try:
            while (request := _read(file)) is not None:
                path, headers, body, size = request
                answer = _control(path, ledger)
                counted = answer is None and headers[":method"] == "POST"
                if counted:
                    ledger.add(path, headers, body, size)
                if silent and answer is None:
                    continue
                connection.sendall(answer or _answer(path))
                if counted:
                    ledger.answered()
        except OSError:  # the client is gone
            return


def _read(file: BinaryIO) -> tuple[str, dict[str, str], bytes, int] | None:
    """Path, headers and body of the next request, and how many bytes it took; None at the end."""
    line = file.readline()
    if not line:
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers = {":method": method}
    size = len(line)
    while (line := file.readline()) not in (b"\r\n", b""):
        size += len(line)
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body, taken = _read_chunks(file)
    else:
        body = file.read(int(headers.get("content-length", 0)))
        taken = len(body)
    return path, headers, body, size + 2 + taken


def _read_chunks(file: BinaryIO) -> tuple[bytes, int]:
    chunks, size = [], 0
    while True:
        line = file.readline()
        length = int(line.split(b";")[0], 16)
        size += len(line) + length + 2
        chunks.append(file.read(length))
        file.readline()
        if not length:
            return b"".join(chunks), size


def _control(path: str, ledger: Ledger) -> bytes | None:
    if path == "/-/report":
        return _response(200, _JSON, json.dumps(asdict(ledger.report())).encode())
    if path == "/-/reset":
        return _response(200, _JSON, json.dumps(asdict(ledger.reset())).encode())
    return None


def _answer(path: str) -> bytes:
    if path.startswith("/runs/"):
        return _response(202, _JSON, b'{"message":"Runs batch ingested"}')
    if path == "/info":
        return _response(200, _JSON, json.dumps(_INFO).encode())
    if path.endswith(("/v1/traces", "/v1/metrics", "/v1/logs")):
        return _response(200, _PROTOBUF, b"")
    if path == "/v1/info":
        return _response(200, _JSON, b'{"project_name":"bench","project_url":"http://127.0.0.1/bench"}')
    if path == "/api/public/ingestion":
        return _response(207, _JSON, b'{"successes":[],"errors":[]}')
    return _response(200, _JSON, b"{}")


def _response(status: int, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--silent", action="store_true")
    serve(silent=parser.parse_args().silent)
