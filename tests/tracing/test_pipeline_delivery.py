"""The failure matrix: what becomes of runs, whatever the server answers."""

from __future__ import annotations

import logging
import socket

import pytest


def stats_of(client):
    stats = client.tracing_stats()
    assert stats.submitted == stats.queued + stats.sent + stats.dropped + stats.failed
    return stats


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, None])
def test_what_may_pass_is_sent_again_whole(server, client, run_factory, status):
    server.answer = lambda request, number: status if number < 3 else 202
    run = run_factory()
    client.submit_post(dict(run))
    client.flush(20)
    assert len(server.received) == 3
    assert len({request.raw for request in server.received}) == 1
    assert stats_of(client).sent == 1
    assert stats_of(client).retries == 2


def test_retry_after_is_honoured(server, client, run_factory):
    server.answer = lambda request, number: (429, {"Retry-After": "0"}) if number == 1 else 202
    client.submit_post(run_factory())
    client.flush(20)
    assert stats_of(client).sent == 1


def test_a_batch_is_given_up_when_time_is_up(server, client, run_factory):
    server.answer = lambda request, number: 503
    client.submit_post(run_factory())
    client._pipeline.main_lane.delivery.patience.seconds = 0.2
    client.flush(20)
    assert stats_of(client).failed == 1


def test_too_large_a_batch_is_split(server, client, run_factory):
    server.answer = lambda request, number: 413 if len(request.runs) > 2 else 202
    for _ in range(7):
        client.submit_post(run_factory())
    client.flush(20)
    assert stats_of(client).sent == 7
    assert len(server.runs()) == 7


@pytest.mark.parametrize("status", [400, 422])
def test_a_bad_run_does_not_take_its_siblings_along(server, make_client, run_factory, status):
    told = []
    client = make_client(tracing_error_callback=told.append)
    server.answer = lambda request, number: status if b"poison" in request.body else 202
    for number in range(8):
        client.submit_post(run_factory(inputs={"x": "poison" if number == 5 else "fine"}))
    client.flush(20)
    assert stats_of(client).sent == 7
    assert stats_of(client).failed == 1
    assert [error.status_code for error in told] == [status]


def test_conflict_means_it_is_there_already(server, make_client, run_factory):
    told = []
    client = make_client(tracing_error_callback=told.append)
    server.answer = lambda request, number: 409
    client.submit_post(run_factory())
    client.flush(20)
    assert stats_of(client).sent == 1
    assert told == []


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_not_tried_again_and_warned_about_once(
    server, client, run_factory, status, caplog
):
    server.answer = lambda request, number: status
    with caplog.at_level(logging.WARNING, logger="smithkit.tracing"):
        for _ in range(3):
            client.submit_post(run_factory())
            client.flush(20)
    assert len(server.received) == 3
    assert stats_of(client).failed == 3
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 1
    assert "LANGSMITH_" in warnings[0]
    assert "lsv2-key" not in warnings[0]


def test_a_server_without_multipart_gets_json_from_then_on(server, client, run_factory):
    server.answer = lambda request, number: 404 if request.path.endswith("multipart") else 202
    for _ in range(2):
        client.submit_post(run_factory())
        client.flush(20)
    assert [request.path for request in server.received] == ["/runs/multipart", "/runs/batch", "/runs/batch"]
    assert stats_of(client).sent == 2


def test_endpoints_fail_independently(server, make_client, run_factory):
    server.answer = lambda request, number: 401 if request.path.startswith("/a/") else 202
    client = make_client(api_urls={f"{server.url}/a": "key-a", f"{server.url}/b": "key-b"})
    client.submit_post(run_factory())
    client.flush(20)
    keys = {request.path: request.headers["x-api-key"] for request in server.received}
    assert keys == {"/a/runs/multipart": "key-a", "/b/runs/multipart": "key-b"}
    assert (stats_of(client).sent, stats_of(client).failed) == (1, 1)


def test_a_dead_server_is_retried_until_it_lives(make_client, server, run_factory):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    client = make_client(f"http://127.0.0.1:{port}")
    client.submit_post(run_factory())
    client.flush(0.1)
    assert stats_of(client).queued == 1


def test_a_failing_callback_is_logged_and_the_hook_is_told(server, make_client, run_factory, caplog):
    from smithkit.hooks import hookimpl

    class Watcher:
        def __init__(self) -> None:
            self.seen = []

        @hookimpl
        def on_tracing_error(self, error, runs):
            self.seen.append((error.status_code, runs))

    def callback(error):
        raise RuntimeError("callback")

    watcher = Watcher()
    client = make_client(tracing_error_callback=callback, plugins=[watcher])
    server.answer = lambda request, number: 403
    run = run_factory()
    client.submit_post(dict(run))
    client.flush(20)
    [(status, [lost])] = watcher.seen
    assert status == 403
    assert lost["id"] == run["id"]
    assert "tracing_error_callback failed" in caplog.text


def test_fewer_attempts_on_request(server, client, run_factory):
    server.answer = lambda request, number: 500
    client.submit_post(run_factory())
    client.flush_compressed_traces(1)
    assert len(server.received) == 1
    assert stats_of(client).failed == 1
