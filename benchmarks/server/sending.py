"""Spans sent by some client processes at once, until a read finds them all."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from http.client import HTTPConnection
from queue import Empty
from typing import TYPE_CHECKING, Any

from spans import spans

if TYPE_CHECKING:
    from serving import Server, Way

__all__ = ["BATCH", "send"]

BATCH = 100
_SPAWN = multiprocessing.get_context("spawn")
_FULL = (429, 503)  # what a server answers that wants the same again later
_SECONDS_WITHOUT_PROGRESS = 120


def send(server: Server, count: int, clients: int, projects: int = 1) -> dict[str, Any]:
    """Send spans in requests of a hundred, each client one at a time, and wait until all are found.

    Every body is made, the first of each client sent and found, and the server at rest before the clock starts. What
    a server refuses because it is full is sent again, and that acknowledgement takes as long as both.

    Args:
        server: It runs and has no spans.
        count: Spans in all.
        clients: Processes that send; each one's share is more than a hundred spans.
        projects: Projects that the clients' spans go to.
    """
    share = count // clients
    senders = _Senders(server, share, clients, projects)
    _until_found(server, BATCH * clients)
    server.settle()
    server.rest()
    busy, began = server.cpu(), time.perf_counter()
    times = senders.send()
    _until_found(server, share * clients)
    seconds, busy = time.perf_counter() - began, server.cpu() - busy
    server.settle()
    settled = time.perf_counter() - began
    timed = (share - BATCH) * clients
    memory, family = server.peak()
    return {
        "clients": clients,
        "spans": share * clients,
        "spans a second": round(timed / seconds),
        "spans a second, settled": round(timed / settled),
        "acknowledged, median ms": round(statistics.median(times) * 1000, 1),
        "acknowledged, p99 ms": round(times[-(len(times) // 100) - 1] * 1000, 1),
        "server CPU, microseconds a span": round(busy / timed * 1e6, 1),
        "peak RSS, MB": round(memory),
        "processes": family,
        "start to first answer, s": round(server.started, 2),
    }


class _Senders:
    """Client processes that have their bodies ready, and each its first one acknowledged."""

    def __init__(self, server: Server, share: int, clients: int, projects: int) -> None:
        talk = self._ready, self._begin, self._results = _SPAWN.Semaphore(0), _SPAWN.Event(), _SPAWN.Queue()
        self._processes = [
            _SPAWN.Process(
                target=_client,
                args=(server.address, server.way, range(at, at + share), at // share % projects, talk),
                daemon=True,
            )
            for at in range(0, share * clients, share)
        ]
        for process in self._processes:
            process.start()
        for _ in self._processes:
            while not self._ready.acquire(timeout=1):
                self._check()

    def send(self) -> list[float]:
        """Let them send the rest; gives the seconds of each acknowledgement, sorted."""
        self._begin.set()
        times = sorted(one for _ in self._processes for one in self._result())
        for process in self._processes:
            process.join()
        return times

    def _result(self) -> list[float]:
        while True:
            try:
                return list(self._results.get(timeout=1))
            except Empty:
                self._check()

    def _check(self) -> None:
        if any(process.exitcode for process in self._processes):
            raise SystemExit("A client failed: see above.")


def _client(address: str, way: Way, share: range, project: int, talk: tuple[Any, Any, Any]) -> None:
    """Prepares its bodies, sends the first, waits for the others, sends, and tells how long each answer took."""
    ready, begin, results = talk
    first, *bodies = [
        way.body(spans(min(BATCH, share.stop - at), at), f"project-{project}") for at in share[::BATCH]
    ]
    connection = HTTPConnection(address, timeout=600)
    _acknowledged(connection, way, first)
    connection.close()  # a server may not keep it for as long as the others take; the next request opens it again
    ready.release()
    begin.wait()
    times = []
    for data in bodies:
        began = time.perf_counter()
        _acknowledged(connection, way, data)
        times.append(time.perf_counter() - began)
    results.put(times)


def _acknowledged(connection: HTTPConnection, way: Way, data: bytes) -> None:
    while (status := _post(connection, way, data)) in _FULL:
        time.sleep(0.1)
    assert status in (200, 202), status


def _post(connection: HTTPConnection, way: Way, data: bytes) -> int:
    connection.request("POST", way.path, data, way.headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _until_found(server: Server, count: int) -> None:
    found, since = -1, time.perf_counter()
    while (now := server.count()) != count:
        if now != found:
            found, since = now, time.perf_counter()
        if time.perf_counter() - since > _SECONDS_WITHOUT_PROGRESS:
            raise SystemExit(f"{now} of {count} spans were found, and no more came.")
        time.sleep(0.1)
