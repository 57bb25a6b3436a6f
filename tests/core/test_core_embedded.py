"""The backend in this process, behind both clients."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from pathlib import Path

import pytest

from smithkit import AsyncClient, Client
from smithkit.errors import LangSmithConnectionError, LangSmithError, LangSmithNotFoundError
from smithkit.operations import Request
from smithkit.transport import _embedded, _embedded_aio

embedded = pytest.importorskip("smithkit.server").embedded


@pytest.fixture
def url(tmp_path):
    url = f"sqlite:///{(tmp_path / 'runs.db').as_posix()}"
    yield url
    embedded(url).close()


class Fake:
    """Answers as the embedded backend would; records what it is asked."""

    def __init__(
        self, answer=(200, [(b"content-type", b"application/json"), (b"x-a", b"b")], b'{"n": 1}')
    ) -> None:
        self.answer, self.asked = answer, []

    def request(self, method, path, headers, body, timeout):
        body = body if isinstance(body, bytes) else b"".join(body)
        self.asked.append((method, path, dict(headers), body, timeout))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def arequest(self, method, path, headers, body, timeout):  # noqa: ASYNC109 - the protocol's
        return self.request(method, path, headers, body, timeout)


@pytest.fixture
def fake(monkeypatch):
    made = Fake()
    for module in (_embedded, _embedded_aio):
        monkeypatch.setattr(module, "embedded_server", lambda url: made)
    return made


def test_a_request_is_handed_over_as_it_would_be_sent(fake, make_client):
    response = make_client("sqlite:///x.db", api_key="k", timeout_ms=(1000, 2000)).send(
        Request("POST", "/x/y", params={"q": "a b"}, json={"a": 1})
    )

    ((method, path, headers, body, timeout),) = fake.asked
    assert (method, path, body, timeout) == ("POST", "/x/y?q=a+b", b'{"a": 1}', 2.0)
    assert headers[b"x-api-key"] == b"k"
    assert headers[b"content-type"] == b"application/json"
    assert (response.status_code, response.json(), response.headers["x-a"]) == (200, {"n": 1}, "b")


def test_refusals_are_typed_errors(fake, make_client):
    fake.answer = (404, [], b'{"detail": "no such thing"}')

    with pytest.raises(LangSmithNotFoundError, match="no such thing"):
        make_client("sqlite:///x.db").send(Request("GET", "/x"))


def test_a_slow_answer_is_a_time_out(fake, make_client, quick):
    fake.answer = TimeoutError("too slow")

    with pytest.raises(LangSmithConnectionError, match="no answer in time"):
        make_client("sqlite:///x.db", retry_config=quick).send(Request("GET", "/x"))
    assert len(fake.asked) == 4


def test_a_file_that_cannot_be_made_is_told(make_client, quick, tmp_path):
    (tmp_path / "file").touch()
    url = f"sqlite:///{(tmp_path / 'file' / 'runs.db').as_posix()}"

    with pytest.raises(LangSmithError):
        make_client(url, retry_config=quick.new(total=0)).send(Request("GET", "/info"))


def test_files_are_handed_over(fake, make_client):
    make_client("sqlite:///x.db").send(Request("POST", "/x", files={"file": ("f", b"data", "text/plain")}))

    assert b"data" in fake.asked[0][3]


def test_both_clients_share_a_file(url):
    async def read():
        async with AsyncClient(url) as client:
            return (await client.info).version

    with Client(url) as client:
        version = client.info.version
        client.create_project("one")
        assert client.has_project("one")

    assert asyncio.run(read()) == version
    with Client(url) as client:
        assert client.has_project("one")


def test_no_socket_is_opened(url, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a socket to a server is opened")

    embedded(url).start()
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with Client(url) as client:
        client.create_project("one")


def test_without_endpoint_and_key_the_file_is_in_smithkits_home(tmp_path):
    with Client() as client:
        client.create_project("one")
    embedded(client.api_url).close()

    assert client.api_url == f"sqlite:///{(tmp_path / 'smithkit.db').as_posix()}"
    with sqlite3.connect(Path(tmp_path, "smithkit.db")) as connection:
        assert connection.execute("select count(*) from sqlite_master").fetchone()[0] > 0
    connection.close()
