"""A request that wants status, headers and body alone takes a shorter way to the same end."""

from __future__ import annotations

import threading

import pytest
import requests
from requests.adapters import HTTPAdapter

from smithkit import Client
from smithkit.errors import LangSmithConflictError, LangSmithConnectionError
from smithkit.operations import Request


def post(**options):
    return Request("POST", "/runs/batch", content=b"{}", bare=True, **options)


def test_it_sends_and_gets_what_any_request_does(server, client, answer):
    server.script(answer(202, {"ok": True}, {"X-Server": "here"}))
    plain = client.send(Request("POST", "/runs/batch", content=b"{}", headers={"accept": "text/plain"}))
    bare = client.send(post(headers={"accept": "text/plain"}))

    assert (bare.status_code, bare.content, bare.url) == (plain.status_code, plain.content, plain.url)
    assert bare.headers["x-server"] == plain.headers["x-server"]
    assert plain.raw is not None
    assert bare.raw is None
    assert server.asked[0] == server.asked[1]


def test_a_refusal_is_the_same_error(server, client, answer):
    server.script(answer(409, {"detail": "there already"}))

    with pytest.raises(LangSmithConflictError, match="there already"):
        client.send(post())


def test_it_is_sent_again_by_the_clients_policy(server, client):
    server.script(503, 503, 200)

    assert client.send(post()).status_code == 200
    assert len(server.asked) == 3


@pytest.mark.parametrize("bare", [True, False])
def test_a_server_that_cannot_be_reached_is_told(free_port, quick, bare):
    with (
        Client(f"http://127.0.0.1:{free_port}", retry_config=quick) as client,
        pytest.raises(LangSmithConnectionError, match="cannot be reached"),
    ):
        client.send(Request("POST", "/runs", content=b"{}", bare=bare))


@pytest.mark.parametrize("bare", [True, False])
def test_an_answer_that_does_not_come_is_told(server, answer, quick, bare):
    held = threading.Event()
    server.script(answer(hold=held))
    with (
        Client(server.url, timeout_ms=(1000, 100), retry_config=quick.new(total=0)) as client,
        pytest.raises(LangSmithConnectionError, match="no answer in time"),
    ):
        client.send(Request("POST", "/runs", content=b"{}", bare=bare))
    held.set()


@pytest.mark.parametrize("failure", ["drop", "cut"])
def test_an_answer_that_breaks_off_is_told(server, answer, quick, failure):
    server.script(answer(body=b"0123456789", **{failure: True}))
    with (
        Client(server.url, retry_config=quick.new(total=0)) as client,
        pytest.raises(LangSmithConnectionError, match="broke off"),
    ):
        client.send(post())


def test_a_proxy_of_the_environment_is_used(make_server, monkeypatch):
    proxy = make_server(200)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    with Client("http://runs.example") as client:
        client.send(post())

    assert len(proxy.asked) == 1


def test_what_the_session_was_told_since_is_respected(server):
    with Client(server.url) as client:
        client.send(post())
        client.session.headers["X-Later"] = "yes"
        client.session.cookies["sticky"] = "a"
        client.send(post())

    assert "x-later" not in server.asked[0].headers
    assert server.asked[1].headers["x-later"] == "yes"
    assert server.asked[1].headers["cookie"] == "sticky=a"


def test_an_adapter_that_was_mounted_or_patched_answers(server, monkeypatch):
    class Canned(HTTPAdapter):
        def send(self, request, **options):
            response = requests.Response()
            response.status_code, response.url, response._content = 299, request.url, b""
            return response

    with Client(server.url) as client:
        client.session.mount(server.url, Canned())
        assert client.send(post()).status_code == 299
    with Client(server.url) as client:
        monkeypatch.setattr(HTTPAdapter, "send", Canned.send)
        assert client.send(post()).status_code == 299
    assert server.asked == []


def test_a_session_of_the_callers_own_sends_itself(server):
    class Counting(requests.Session):
        count = 0

        def request(self, *args, **options):
            self.count += 1
            return super().request(*args, **options)

    with Counting() as session:
        Client(server.url, session=session).send(post())

    assert session.count == 1
