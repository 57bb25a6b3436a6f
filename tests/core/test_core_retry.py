"""Which requests are sent again, when, and for how long: the same with each transport."""

from __future__ import annotations

import functools
import io
import os
import signal
import sys
import time
from email.utils import formatdate

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from urllib3.util import Retry

from smithkit import AsyncClient, Client, retry
from smithkit.errors import (
    LangSmithAPIError,
    LangSmithConnectionError,
    LangSmithError,
    LangSmithNotFoundError,
    LangSmithRateLimitError,
    LangSmithRequestTimeout,
)
from smithkit.operations import Request, adrive, drive
from smithkit.retry import Attempts, default_retry, policy
from smithkit.transport import TransmissionError, Wire

URL = "http://a.example"
RETRIED = {408, 425, 502, 503, 504}


class Exchange:
    """Runs a transport's exchange against a script; records attempts and pauses."""

    def __init__(self, script) -> None:
        self.script = list(script)
        self.attempts = 0
        self.pauses = []

    def step(self, step):
        from smithkit.operations import Response

        if not isinstance(step, Wire):
            self.pauses.append(step)
            return None
        outcome = self.script[min(self.attempts, len(self.script) - 1)]
        self.attempts += 1
        if isinstance(outcome, TransmissionError):
            raise outcome
        status, headers = outcome if isinstance(outcome, tuple) else (outcome, {})
        return Response(status, headers, b"{}", URL)

    async def astep(self, step):
        return self.step(step)


@functools.cache
def _client(asynchronous):
    return (AsyncClient if asynchronous else Client)(URL)


def exchange(script, policy, request, *, asynchronous=False):
    """(attempts, pauses, error or status) of a request."""
    made = Exchange(script)
    client = _client(asynchronous)
    client.retry_config = policy
    flow = client._exchange(request)
    try:
        if asynchronous:
            running = adrive(flow, made.astep)
            try:
                running.send(None)
            except StopIteration as stop:
                end = stop.value.status_code
        else:
            end = drive(flow, made.step).status_code
    except LangSmithError as error:
        end = (type(error), str(error), error.status_code)
    return made.attempts, made.pauses, end


statuses = st.sampled_from([200, 400, 401, 404, 408, 413, 425, 429, 500, 502, 503, 504])
outcomes = st.one_of(
    statuses,
    st.tuples(statuses, st.fixed_dictionaries({"retry-after": st.sampled_from(["0", "1", "7", "soon"])})),
    st.builds(lambda sent: TransmissionError("gone", sent=sent), st.booleans()),
)
policies = st.builds(
    lambda total, methods, statuses, respect: Retry(
        total=total,
        allowed_methods=methods,
        status_forcelist=statuses,
        backoff_factor=0,
        raise_on_status=False,
        respect_retry_after_header=respect,
    ),
    st.integers(0, 4),
    st.sampled_from([None, frozenset({"GET"}), frozenset({"GET", "POST"})]),
    st.sets(st.sampled_from(sorted(RETRIED | {500}))),
    st.booleans(),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(outcomes, min_size=1, max_size=6), policies, st.sampled_from(["GET", "POST"]))
def test_attempts_follow_the_policy(script, policy, method):
    attempts, pauses, _ = exchange(script, policy, Request(method, "/x"))

    expected = 1
    allowed = policy.allowed_methods is None or method in policy.allowed_methods
    while expected <= policy.total:
        outcome = script[min(expected, len(script)) - 1]
        if isinstance(outcome, TransmissionError):
            again = allowed or not outcome.sent
        else:
            status, headers = outcome if isinstance(outcome, tuple) else (outcome, {})
            asked = "retry-after" in headers and policy.respect_retry_after_header
            again = allowed and (status in policy.status_forcelist or (asked and status in {413, 429, 503}))
        if not again:
            break
        expected += 1
    assert attempts == expected
    assert len(pauses) == attempts - 1


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(outcomes, min_size=1, max_size=6), policies, st.sampled_from(["GET", "POST"]))
def test_both_clients_make_the_same_of_the_same(script, policy, method):
    request = Request(method, "/x")

    assert exchange(script, policy, request) == exchange(script, policy, request, asynchronous=True)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=30), st.integers().map(str), st.floats().map(str)))
def test_any_retry_after_is_a_pause_or_ignored(text):
    asked = retry.retry_after({"retry-after": text})
    wait = Attempts(default_retry(), "GET", URL).after_response(429, {"retry-after": text})

    assert asked is None or asked >= 0
    assert wait is not None
    assert 0 <= wait <= 120.0


def test_retry_after_is_understood_as_seconds_or_date():
    assert retry.retry_after({"retry-after": "1.5"}) == 1.5
    assert retry.retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)}) == pytest.approx(
        60, abs=2
    )
    assert retry.retry_after({"retry-after": formatdate(time.time() - 60, usegmt=True)}) == 0
    assert retry.retry_after({"retry-after": "-5"}) == 0
    assert retry.retry_after({}) is None


@pytest.mark.parametrize("status", sorted(RETRIED))
def test_passing_failures_are_retried_three_times(server, make_client, quick, status):
    server.script(status)

    with pytest.raises(LangSmithError) as caught:
        make_client(server.url, retry_config=quick).send(Request("GET", "/x"))

    assert caught.value.status_code == status
    assert len(server.asked) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 429, 500])
def test_other_refusals_are_not(server, make_client, status):
    server.script(status)

    with pytest.raises(LangSmithError):
        make_client(server.url).send(Request("GET", "/x"))

    assert len(server.asked) == 1


def test_it_ends_with_the_first_acceptance(server, make_client, quick):
    server.script(503, 408, 200)

    assert make_client(server.url, retry_config=quick).send(Request("POST", "/x", json=1)).status_code == 200
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [413, 429, 503])
def test_a_retry_after_is_waited_for(server, make_client, answer, fast_clock, status):
    server.script(answer(status, headers={"Retry-After": "7"}), 200)
    make_client(server.url).send(Request("GET", "/x"))

    assert fast_clock == [7.0]


def test_a_retry_after_as_a_date_is_waited_for(server, make_client, answer, fast_clock):
    server.script(answer(429, headers={"Retry-After": formatdate(time.time() + 60, usegmt=True)}), 200)
    make_client(server.url).send(Request("GET", "/x"))

    assert fast_clock == [pytest.approx(60, abs=2)]


def test_nobody_waits_longer_than_two_minutes(server, make_client, answer, fast_clock):
    server.script(answer(503, headers={"Retry-After": "86400"}), 200)
    make_client(server.url).send(Request("GET", "/x"))

    assert fast_clock == [120.0]


def test_a_retry_after_that_http_does_not_know_is_ignored(server, make_client, answer, quick):
    server.script(answer(503, headers={"Retry-After": "soon"}), 200)

    assert make_client(server.url, retry_config=quick).send(Request("GET", "/x")).status_code == 200


def test_pauses_grow_and_vary(fast_clock, server, make_client):
    server.script(503)

    with pytest.raises(LangSmithError):
        make_client(server.url).send(Request("GET", "/x"))

    first, second, third = fast_clock
    assert first <= 0.1
    assert 1 <= second <= 1.1
    assert 2 <= third <= 2.1


def test_a_deadline_ends_the_attempts(server, make_client, answer, fast_clock):
    server.script(answer(503, headers={"Retry-After": "5"}))

    with pytest.raises(LangSmithError):
        make_client(server.url).send(Request("GET", "/x", deadline=4))

    assert len(server.asked) == 1
    assert fast_clock == []


def test_a_request_may_refuse_retries(server, make_client):
    server.script(503)

    with pytest.raises(LangSmithError):
        make_client(server.url).send(Request("GET", "/x", retries=False))

    assert len(server.asked) == 1


@pytest.mark.parametrize("total", [0, 1, 2])
def test_the_users_own_policy_counts(server, make_client, total):
    server.script(500)
    own = Retry(total=total, status_forcelist=[500], allowed_methods=None, raise_on_status=False)

    with pytest.raises(LangSmithAPIError):
        make_client(server.url, retry_config=own).send(Request("POST", "/x", json=1))

    assert len(server.asked) == total + 1


def test_the_users_own_policy_is_not_used_up(server, make_client, quick):
    for _ in range(2):
        server.script(503, 503, 503, 200)
        assert make_client(server.url, retry_config=quick).send(Request("GET", "/x")).status_code == 200

    assert quick.total == 3


def test_a_dropped_answer_is_not_resent_for_a_method_that_the_policy_leaves_out(server, make_client, answer):
    server.script(answer(drop=True), 200)
    own = Retry(total=3, allowed_methods={"GET"}, backoff_factor=0)
    client = make_client(server.url, retry_config=own)

    with pytest.raises(LangSmithConnectionError, match="broke off"):
        client.send(Request("POST", "/x", json={"create": 1}))

    assert len(server.asked) == 1


def test_a_dropped_answer_is_asked_for_again_otherwise(server, make_client, answer, quick):
    server.script(answer(drop=True), answer(cut=True, body="x" * 100), 200)

    assert make_client(server.url, retry_config=quick).send(Request("POST", "/x", json=1)).status_code == 200
    assert len(server.asked) == 3


def test_what_a_policy_may_be():
    own = Retry(7)

    assert policy(own) is own
    assert policy({"max_retries": 5}).total == 5
    assert policy({}).total == 3
    assert policy(None).total == 3
    assert default_retry(1).total == 1


BODIES = {
    "json": lambda: {"json": {"a": 1}},
    "bytes": lambda: {"content": b"body"},
    "pieces": lambda: {"content": [b"bo", b"dy"]},
    "file": lambda: {"content": io.BytesIO(b"body")},
    "form": lambda: {"data": {"name": "n"}, "files": {"file": ("f.csv", io.BytesIO(b"a,b"), "text/csv")}},
    "list of files": lambda: {"files": [("file", ("f.csv", io.BytesIO(b"a,b"), "text/csv"))]},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_are_resent_whole(server, make_client, answer, quick, body):
    server.script(503, answer(drop=True), 200)
    make_client(server.url, retry_config=quick).send(Request("POST", "/x", **body()))

    boundaries = [asked.headers.get("content-type", "").partition("boundary=")[2] for asked in server.asked]
    sent = [
        asked.body.replace(boundary.encode(), b"") if boundary else asked.body
        for asked, boundary in zip(server.asked, boundaries, strict=True)
    ]
    assert len(sent) == 3
    assert len(set(sent)) == 1
    assert any(part in sent[0] for part in (b"body", b'{"a": 1}', b"a,b"))


def test_a_file_is_resent_from_where_it_stood(server, make_client, quick):
    server.script(503, 200)
    file = io.BytesIO(b"headbody")
    file.seek(4)
    make_client(server.url, retry_config=quick).send(Request("POST", "/x", content=file))

    assert [asked.body for asked in server.asked] == [b"body", b"body"]


def test_a_one_shot_body_is_sent_once(server, make_client, quick):
    server.script(503, 200)

    with pytest.raises(LangSmithError):
        make_client(server.url, retry_config=quick).send(Request("POST", "/x", content=iter([b"bo", b"dy"])))

    assert [asked.body for asked in server.asked] == [b"body"]


def test_form_fields_and_files_arrive(server, make_client):
    form = {"data": {"name": "capitals"}, "files": {"file": ("f.csv", b"a,b\n1,2", "text/csv")}}
    make_client(server.url).send(Request("POST", "/datasets/upload", **form))

    asked = server.asked[0]
    assert asked.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="name"\r\n\r\ncapitals' in asked.body
    assert b'filename="f.csv"' in asked.body
    assert b"a,b\n1,2" in asked.body


def test_request_with_retries_makes_one_attempt_by_default(server, make_client, fast_clock):
    server.script(429)

    with pytest.raises(LangSmithRateLimitError):
        make_client(server.url).request_with_retries("GET", "/x")

    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [408, 429, 500])
def test_request_with_retries_tries_again_above_the_transport(server, make_client, fast_clock, status):
    server.script(status, status, status, status, 200)
    response = make_client(server.url, retry_config=default_retry(0)).request_with_retries(
        "POST", "x", json={"a": 1}, stop_after_attempt=5
    )

    assert response.status_code == 200
    assert [asked.json() for asked in server.asked] == [{"a": 1}] * 5
    assert all(pause <= 121 for pause in fast_clock)


def test_request_with_retries_waits_as_the_server_asks(server, make_client, answer, fast_clock):
    server.script(answer(429, headers={"Retry-After": "3"}), 200)
    make_client(server.url, retry_config=default_retry(0)).request_with_retries(
        "GET", "x", stop_after_attempt=2
    )

    assert 3 <= fast_clock[0] <= 4


def test_request_with_retries_tries_again_on_errors_of_the_callers_choice(server, make_client, fast_clock):
    server.script(404, 200)
    response = make_client(server.url).request_with_retries(
        "GET", "x", stop_after_attempt=2, retry_on=[LangSmithNotFoundError]
    )

    assert response.status_code == 200


def test_request_with_retries_gives_ignored_refusals_back(server, make_client):
    server.script(404)
    response = make_client(server.url).request_with_retries("GET", "x", to_ignore=[LangSmithNotFoundError])

    assert response.status_code == 404


def test_request_with_retries_asks_again_while_the_handler_wants(server, make_client):
    seen = []

    def handle(response, attempt):
        seen.append((response.status_code, attempt))
        return True

    make_client(server.url).request_with_retries("GET", "x", stop_after_attempt=3, handle_response=handle)

    assert seen == [(200, 1), (200, 2)]
    assert len(server.asked) == 3


def test_request_with_retries_resends_files_whole(server, make_client, fast_clock):
    server.script(500, 200)
    make_client(server.url).request_with_retries("POST", "x", data=io.BytesIO(b"body"), stop_after_attempt=2)

    assert [asked.body for asked in server.asked] == [b"body", b"body"]


def test_request_with_retries_merges_its_arguments(server, make_client):
    make_client(server.url, headers={"X-A": "client", "X-B": "client", "X-C": "client"}).request_with_retries(
        "GET",
        "x",
        request_kwargs={"headers": {"X-B": "base", "X-C": "base"}, "params": {"p": "base"}},
        headers={"x-c": "call"},
        params={"p": "call"},
        timeout=5,
    )

    asked = server.asked[0]
    assert [asked.headers[name] for name in ("x-a", "x-b", "x-c")] == ["client", "base", "call"]
    assert asked.query == {"p": ["call"]}


def test_request_with_retries_needs_an_attempt(client):
    with pytest.raises(LangSmithError, match="stop_after_attempt"):
        client.request_with_retries("GET", "x", stop_after_attempt=0)


def test_the_context_is_noted_on_the_error(server, client):
    server.script(404)

    with pytest.raises(LangSmithNotFoundError) as caught:
        client.request_with_retries("GET", "x", _context="while reading x")

    assert caught.value.__notes__ == ["while reading x"]


def test_pauses_above_the_transport_are_limited():
    pauses = retry.ApplicationRetries()

    assert pauses.after(LangSmithRateLimitError(retry_after=100), 9) <= 121
    assert pauses.after(LangSmithRequestTimeout(), 20) <= 121
    assert pauses.after(LangSmithNotFoundError(), 0) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_opens_connections_of_its_own(server, client):
    client.send(Request("GET", "/parent"))
    own_pool = client.session.adapters["http://"].poolmanager
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        fresh = client.session.adapters["http://"].poolmanager is not own_pool
        os._exit(0 if fresh else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert client.session.adapters["http://"].poolmanager is own_pool


@pytest.mark.skipif(sys.platform == "win32", reason="no signals to oneself there")
def test_an_interrupt_is_not_retried(server, client, answer, monkeypatch):
    class Interrupted(type(client.session)):
        def request(self, *args, **kwargs):
            signal.raise_signal(signal.SIGINT)

    client.session = Interrupted()

    with pytest.raises(KeyboardInterrupt):
        client.send(Request("GET", "/x"))

    assert server.asked == []
