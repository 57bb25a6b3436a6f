"""However processes begin and end, every run is delivered once, or counted: 10,000 runs each."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX processes"),
]

RUNS = 10_000


def spooling(spool):
    return {"LANGSMITH_TRACING_SPOOL": str(spool)}


@pytest.mark.parametrize("spooled", [False, True])
def test_a_fork_gives_each_side_a_pipeline(backend, start, spool, spooled):
    code, said = start("fork", backend.url, RUNS, **(spooling(spool) if spooled else {})).end()
    assert (code, said["child"], said["true"]) == (0, 0, True)
    assert len(backend.received) == RUNS
    assert sum(backend.received.values()) <= RUNS * 1.02  # a post and a patch may travel apart
    assert not list(spool.rglob("*.runs"))


def test_a_fork_works_while_other_threads_hold_the_locks(backend, start, spool):
    code, said = start("fork_under_locks", backend.url, RUNS, **spooling(spool)).end()
    assert (code, said["child"], said["true"]) == (0, 0, True)
    assert len(backend.received) == RUNS


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_of_multiprocessing_deliver_what_they_trace(backend, start, method):
    code, said = start("processes", backend.url, method, RUNS).end()
    assert (code, said["codes"]) == (0, [0, 0])
    assert len(backend.received) == RUNS + 10


def test_gunicorn_with_a_preloaded_application(backend, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "--preload",
            "--workers",
            "2",
            "--bind",
            f"127.0.0.1:{port}",
            "app:app",
        ],
        cwd=Path(__file__).parent,
        env={
            **os.environ,
            "LANGSMITH_ENDPOINT": backend.url,
            "LANGSMITH_API_KEY": "key",
            "LANGSMITH_TRACING": "true",
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        workers = set()
        for line in server.stderr:
            workers |= set(re.findall(r"Booting worker with pid: (\d+)", line))
            if len(workers) == 2:
                break

        def ask(_):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                return answer.read().decode()

        with ThreadPoolExecutor(8) as pool:
            served = set(pool.map(ask, range(RUNS // 100)))
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)
    finally:
        server.kill()
        server.communicate()
    assert served <= workers
    assert server.returncode == 0
    assert len(backend.received) == RUNS + 1


def test_a_program_that_just_ends_delivers_first(backend, start):
    assert start("run_and_exit", backend.url, RUNS).end()[0] == 0
    assert len(backend.received) == RUNS


def test_what_other_exit_handlers_trace_is_delivered_too(backend, start):
    assert start("trace_at_exit", backend.url, 10).end()[0] == 0
    assert len(backend.received) == 20


def test_what_threads_trace_after_the_main_thread_has_ended_is_delivered(backend, start):
    assert start("trace_after_main", backend.url, RUNS).end()[0] == 0
    assert len(backend.received) == RUNS


def test_sigterm_as_a_normal_end(backend, start):
    program = start("terminated", backend.url, RUNS)
    program.says()
    program.process.send_signal(signal.SIGTERM)
    assert program.end()[0] == 0
    assert len(backend.received) == RUNS


def test_what_is_on_disk_survives_a_kill_and_is_delivered_once(backend, proxy, start, spool):
    proxy.down()
    program = start("hold", proxy.url, RUNS, **spooling(spool))
    assert program.says() == {"spooled": 2 * RUNS}
    program.process.kill()
    assert program.process.wait(10) == -signal.SIGKILL
    assert not backend.received
    proxy.up()
    code, said = start("replay", proxy.url, 2 * RUNS, **spooling(spool)).end()
    assert (code, said["delivered"], said["true"]) == (0, 2 * RUNS, True)
    assert len(backend.received) == RUNS
    assert max(backend.received.values()) <= 2
    assert sum(backend.received.values()) <= RUNS * 1.02
    assert not list(spool.rglob("*.runs"))


def test_a_kill_in_the_midst_of_delivery_loses_nothing_that_was_safe(backend, start, spool):
    program = start("stream", backend.url, 0, **spooling(spool))
    safe = 0
    while safe < 2 * RUNS:
        safe = program.says()["safe"]
    program.kill()
    delivered = len(backend.received)
    code, said = start("replay", backend.url, 0, **spooling(spool)).end()
    assert (code, said["true"]) == (0, True)
    assert delivered <= len(backend.received)
    assert 2 * len(backend.received) >= safe
    assert not list(spool.rglob("*.runs"))
