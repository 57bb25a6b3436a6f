"""Threads, bounds, waiting and closing."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import threading
import time
import weakref

import pytest

from smithkit import Client
from smithkit.tracing.pipeline._queue import TraceQueue
from smithkit.tracing.pipeline._snapshot import SIZE, run_op
from smithkit.tracing.pipeline._stats import TracingStats


def senders():
    return [thread for thread in threading.enumerate() if thread.name == "smithkit-tracing"]


def balanced(stats):
    return stats.submitted == stats.queued + stats.spooled + stats.sent + stats.dropped + stats.failed


def test_nothing_starts_before_the_first_run(tmp_path):
    program = (
        "import sys, threading, socket\n"
        "def refuse(*a, **k): raise AssertionError('socket')\n"
        "from smithkit import Client\n"
        "client = Client('http://127.0.0.1:9', api_key='k')\n"
        "socket.socket.connect = refuse\n"
        "client.flush(); client.tracing_stats(); client.cleanup(); client.close()\n"
        "assert threading.active_count() == 1\n"
        "assert 'zstandard' not in sys.modules\n"
        "assert 'pydantic' not in sys.modules, 'pydantic'\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_one_thread_a_client(server, client, run_factory):
    before = len(senders())
    for _ in range(20):
        client.submit_post(run_factory())
    client.flush()
    assert len(senders()) == before + 1


def test_flush_returns_in_time_with_a_dead_server(make_client, run_factory):
    client = make_client("http://127.0.0.1:9")
    client.submit_post(run_factory())
    started = time.monotonic()
    report = client.flush(0.3)
    assert (report.queued, report.delivered, bool(report)) == (1, 0, False)
    assert time.monotonic() - started < 3
    assert client.tracing_stats().queued == 1


def test_flush_waits_for_everything_before_it(server, client, run_factory):
    gate = threading.Event()
    server.answer = lambda request, number: 202 if gate.wait(10) else 500
    client.submit_post(run_factory())
    server.wait_for(1)
    client.submit_post(run_factory())
    threading.Timer(0.1, gate.set).start()
    client.flush(20)
    assert client.tracing_stats().sent == 2


def test_flush_from_a_callback_does_not_wait_for_itself(server, make_client, run_factory):
    client = make_client(tracing_error_callback=lambda error: client.flush(30))
    server.answer = lambda request, number: 403
    client.submit_post(run_factory())
    started = time.monotonic()
    client.flush(20)
    assert time.monotonic() - started < 10


def test_close_drops_and_counts_what_it_cannot_send(make_client, run_factory):
    client = make_client("http://127.0.0.1:9")
    for _ in range(5):
        client.submit_post(run_factory())
    client.close_tracing(0.1)
    stats = client.tracing_stats()
    assert (stats.queued, stats.sent) == (0, 0)
    assert stats.dropped + stats.failed == 5


def test_a_closed_client_can_trace_again(server, client, run_factory):
    client.submit_post(run_factory())
    client.cleanup()
    client.submit_post(run_factory())
    client.flush()
    assert client.tracing_stats().sent == 2


def test_a_killed_sender_has_a_successor_that_needs_no_further_run(
    server, client, run_factory, monkeypatch, soon
):
    lane = client._pipeline.main_lane
    deliver = lane.delivery.deliver
    killed = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda told: None)

    def die(*args):
        client.submit_post(run_factory())
        lane.delivery.deliver = deliver
        killed.set()
        raise SystemExit

    lane.delivery.deliver = die
    client.submit_post(run_factory())
    first = lane._reader.thread
    assert killed.wait(10)
    soon(lambda: client.tracing_stats().sent == 1)
    stats = client.tracing_stats()
    assert (stats.submitted, stats.failed) == (2, 1)
    assert not first.is_alive()
    assert lane._reader.thread.is_alive()


def test_a_client_that_nobody_uses_goes_and_its_thread_ends(server, run_factory, soon):

    client = Client(server.url, api_key="k", info={})
    client.submit_post(run_factory())
    client.flush()
    thread = client._pipeline.main_lane._reader.thread
    reference = weakref.ref(client)
    client.session.close()
    del client

    def gone():
        gc.collect()
        return reference() is None

    soon(gone)
    thread.join(10)
    assert not thread.is_alive()


def test_what_is_queued_is_sent_at_exit(server):
    program = (
        "import uuid\n"
        "from smithkit import Client\n"
        f"client = Client({server.url!r}, api_key='k', info={{}})\n"
        "key = str(uuid.uuid4())\n"
        "client.create_run('last', {}, 'chain', id=key, trace_id=key,\n"
        "                  dotted_order='20240506T070809123456Z' + key)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert [run["name"] for run in server.runs().values()] == ["last"]


def test_queue_is_bounded_and_counts_with_the_server_down(make_client, run_factory, monkeypatch):
    monkeypatch.setenv("LANGSMITH_MAX_INGEST_MEMORY_BYTES", "200000")
    client = make_client("http://127.0.0.1:9")
    for _ in range(1000):
        client.submit_post(run_factory(inputs={"x": "y" * 1000}))
        assert client.tracing_queue.bytes <= 200_000
    stats = client.tracing_stats()
    assert stats.submitted == 1000
    assert stats.dropped > 700
    assert balanced(stats)


def op_of(run, trace=None):
    from smithkit.tracing._serialize import dumps

    if trace is not None:
        run["trace_id"] = trace["trace_id"]
        run["dotted_order"] = f"{trace['dotted_order']}.{run['dotted_order']}"
    return run_op("post", run, dumps, None, with_runtime=False)


def test_the_oldest_whole_traces_make_room(run_factory):
    stats = TracingStats()
    old, new = run_factory(), run_factory()
    queue = TraceQueue(40_000, stats)
    queue.put(op_of(dict(old)))
    queue.put(op_of(dict(new)))
    for _ in range(60):
        queue.put(op_of(run_factory(), old))
    left, _ = queue.take(100, 1 << 30)
    traces = {op[2] for op in left}
    assert old["id"] not in traces
    assert stats.dropped + len(left) == stats.submitted


def test_a_run_larger_than_the_queue_is_marked_and_costs_no_sibling(run_factory):
    stats = TracingStats()
    queue = TraceQueue(100_000, stats)
    queue.put(op_of(run_factory()))
    queue.put(op_of(run_factory(inputs={"x": "y" * 1_000_000})))
    queue.put(op_of(run_factory()))
    taken, _ = queue.take(10, 1 << 30)
    assert (len(taken), stats.dropped, stats.truncated) == (3, 0, 1)
    mark = json.loads(taken[1][4])["smithkit_truncated"]
    assert mark["bytes"] == 1_000_008
    assert mark["start"].startswith('{"x":"yyy')
    assert queue.bytes == sum(op[SIZE] for op in taken) < 100_000


def test_what_is_on_its_way_takes_room_too(run_factory):
    stats = TracingStats()
    queue = TraceQueue(100_000, stats)
    queue.put(op_of(run_factory(inputs={"x": "y" * 90_000})))
    taken, _ = queue.take(10, 1 << 30)
    queue.put(op_of(run_factory(inputs={"x": "y" * 20_000})))
    queue.put(op_of(run_factory(inputs={"x": "y" * 1_000_000})))
    assert (len(queue), stats.dropped, stats.truncated) == (1, 1, 1)
    assert queue.bytes <= 100_000
    queue.settle(taken)
    queue.put(op_of(run_factory(inputs={"x": "y" * 20_000})))
    assert len(queue) == 2


def test_many_threads_lose_nothing(server, client, run_factory, end_factory):
    def work():
        for _ in range(200):
            run = run_factory()
            client.submit_post(dict(run))
            client.submit_patch(end_factory(run))

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.flush(60)
    stats = client.tracing_stats()
    assert stats.sent == stats.submitted == 2000
    assert len({key for _, key in server.runs()}) == 1000


@pytest.mark.parametrize("value", [float("inf"), None])
def test_stats_of_an_unused_client_are_zero(client, value):
    assert client.tracing_stats() == TracingStats()


def test_a_client_that_traces_again_after_a_close_in_the_midst_of_a_request_loses_no_count(
    server, client, run_factory, soon
):
    gate = threading.Event()
    server.answer = lambda request, number: 202 if number > 1 or gate.wait(20) else 500
    client.submit_post(run_factory())
    server.wait_for(1)
    report = client.close_tracing(0.1)
    assert (report.queued, bool(report)) == (1, False)
    client.submit_post(run_factory())
    assert client.flush(10).delivered == 1
    assert balanced(client.tracing_stats())
    gate.set()
    soon(lambda: client.tracing_stats().sent == 2)
    assert client.tracing_stats().queued == 0
