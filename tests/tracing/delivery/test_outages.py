"""Whatever the network and the server do, every run is delivered, or counted: 10,000 runs each."""

from __future__ import annotations

import os
import random
import threading

import pytest

pytestmark = pytest.mark.slow

RUNS = 10_000
OUTAGE_SECONDS = float(os.environ.get("SMITHKIT_TEST_OUTAGE_SECONDS", "5"))


def assert_all_delivered(backend, program):
    code, said = program.end()
    assert code == 0
    assert said["true"]
    assert (said["lost"], said["queued"], said["spooled"]) == (0, 0, 0)
    assert said["submitted"] == said["delivered"] == 2 * RUNS
    assert len(backend.received) == RUNS
    return said


@pytest.mark.parametrize("spooled", [False, True])
def test_the_backend_is_down_for_a_while(backend, proxy, start, spool, spooled):
    program = start("run_and_wait", proxy.url, RUNS, LANGSMITH_TRACING_SPOOL=str(spool) if spooled else "")
    assert program.says() == {"traced": RUNS // 2}
    proxy.down()
    program.go_on()
    threading.Timer(OUTAGE_SECONDS, proxy.up).start()
    assert_all_delivered(backend, program)
    assert not spooled or not list(spool.rglob("*.runs"))


@pytest.mark.parametrize(
    "trouble",
    [(429, {"Retry-After": "1"}), (429, {}), (500, {})],
    ids=["429 with Retry-After", "429", "500"],
)
def test_the_backend_refuses_half_of_the_requests(backend, start, trouble):
    chance = random.Random(7)  # noqa: S311 - no secret
    backend.answer = lambda ids, number: (
        trouble if number == 1 or (number < 12 and chance.random() < 0.5) else 202
    )
    said = assert_all_delivered(backend, start("run", backend.url, RUNS))
    assert said["retries"] > 0
    assert max(backend.received.values()) <= 2  # a post and a late patch


def test_answers_are_cut_in_half(backend, proxy, start):
    proxy.cut_every = 3
    said = assert_all_delivered(backend, start("run", proxy.url, RUNS))
    assert said["retries"] > 0


def test_answers_trickle(backend, proxy, start):
    proxy.trickle_seconds = 0.002
    assert_all_delivered(backend, start("run", proxy.url, RUNS))


def test_requests_are_too_large(backend, start):
    backend.answer = lambda ids, number: 413 if len(ids) > 100 else 202
    assert_all_delivered(backend, start("run", backend.url, RUNS))


def test_memory_is_bounded_while_the_backend_is_down(proxy, start):
    proxy.down()
    cap = 8_000_000
    program = start("memory", proxy.url, 30_000, LANGSMITH_MAX_INGEST_MEMORY_BYTES=str(cap))
    said = program.says()
    assert said["queue_bytes"] <= cap
    assert said["dropped"] > 20_000
    assert said["settled"] == said["submitted"] == 60_200
    assert said["grown_kib"] < 5 * cap / 1024  # of some 240 MB that went through
