"""Servers and clients for the tests of core."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import socket
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from smithkit import AsyncClient, Client, hooks
from smithkit.retry import default_retry

_PREFIXES = ("LANGSMITH_", "LANGCHAIN_", "SMITHKIT_")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Tests that start an interpreter of their own belong to the full tier."""
    for item in items:
        if "site" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(_PREFIXES) or name.upper() in {*_PROXIES, "SSL_CERT_FILE", "NETRC"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("SMITHKIT_HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "")


@dataclass(frozen=True)
class Asked:
    """A request that the server got; its header names are in lower case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


@dataclass
class Answer:
    """What to answer: dropped without a word, cut after half of the body, or held until an event."""

    status: int = 200
    body: object = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    cut: bool = False
    hold: threading.Event | None = None


class Server:
    """An HTTP server on this machine that follows a script; after its end the last answer is repeated."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._script: queue.Queue[Answer] = queue.Queue()
        self._last = Answer()
        self._paths: dict[str, Answer] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self):
                with contextlib.suppress(ConnectionError):
                    super().handle_one_request()

            def do_GET(self):
                server.serve(self)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = do_GET  # noqa: N815 - http.server's names

            def log_message(self, *args):
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self._thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def script(self, *answers: Answer | int) -> Server:
        """Answer the next requests so; a number is a status."""
        for answer in answers:
            self._script.put(answer if isinstance(answer, Answer) else Answer(answer))
        return self

    def at(self, path: str, answer: Answer) -> Server:
        """Answer all requests of a path so."""
        self._paths[path] = answer
        return self

    def serve(self, handler):
        parts = urlsplit(handler.path)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join(_chunks(handler.rfile))
        else:
            body = handler.rfile.read(int(headers.get("content-length", 0)))
        query = parse_qs(parts.query, keep_blank_values=True)
        self.asked.append(Asked(handler.command, parts.path, query, headers, body))
        answer = self._paths.get(parts.path)
        if answer is None:
            with contextlib.suppress(queue.Empty):
                self._last = self._script.get_nowait()
            answer = self._last
        if answer.hold is not None:
            answer.hold.wait(20)
        if answer.drop:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        handler.send_response(answer.status)
        sent = {"Content-Type": "application/json", "Content-Length": str(len(content)), **answer.headers}
        for name, value in sent.items():
            handler.send_header(name, value)
        handler.end_headers()
        if answer.cut:
            handler.close_connection = True
            content = content[: len(content) // 2]
        handler.wfile.write(content)

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self._thread.join()


def _chunks(stream):
    while size := int(stream.readline().split(b";")[0], 16):
        yield stream.read(size)
        stream.readline()
    stream.readline()


@pytest.fixture
def make_server():
    with contextlib.ExitStack() as stack:

        def make(*answers):
            server = Server()
            stack.callback(server.close)
            return server.script(*answers)

        yield make


@pytest.fixture
def server(make_server):
    return make_server()


@pytest.fixture
def answer():
    return Answer


@pytest.fixture
def quick():
    """The default retry policy, without its pauses."""
    return default_retry().new(backoff_factor=0, backoff_jitter=0)


@pytest.fixture
def client(server, quick):
    with Client(server.url, api_key="key-of-client", retry_config=quick) as client:
        yield client


class Blocking:
    """An `AsyncClient` whose `send` and `request_with_retries` are run to their end."""

    def __init__(self, *args, **options) -> None:
        self._make = lambda: AsyncClient(*args, **options)

    def send(self, request):
        return self._run("send", request)

    def request_with_retries(self, *args, **kwargs):
        return self._run("request_with_retries", *args, **kwargs)

    def _run(self, name, *args, **kwargs):
        async def run():
            async with self._make() as client:
                return await getattr(client, name)(*args, **kwargs)

        return asyncio.run(run())


@pytest.fixture(params=["sync", "async"])
def make_client(request):
    """Makes a client whose requests block: with each transport, the test is the same."""
    return Client if request.param == "sync" else Blocking


@pytest.fixture
def register():
    """Registers plugins for the length of the test."""
    with contextlib.ExitStack() as stack:

        def add(plugin, name=None):
            hooks.register(plugin, name)
            stack.callback(hooks.unregister, plugin)
            return plugin

        yield add


@pytest.fixture
def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]  # bound and not listened on: connections are refused


@pytest.fixture
def fast_clock(monkeypatch):
    """Makes waiting instant, and records for how long it would have been."""
    pauses: list[float] = []

    async def sleep(seconds, *args):
        pauses.append(seconds)

    monkeypatch.setattr("smithkit.transport._sync.time", SimpleNamespace(sleep=pauses.append))
    monkeypatch.setattr("smithkit.transport._aio.asyncio", SimpleNamespace(sleep=sleep))
    return pauses


class Site:
    """A folder of distributions for processes of their own."""

    def __init__(self, folder) -> None:
        self.folder = folder
        folder.mkdir()

    def add(self, name, code, *, version="1.0", entry_point=None):
        """Install a distribution of one module whose entry point has its name."""
        module = name.replace("-", "_")
        (self.folder / f"{module}.py").write_text(textwrap.dedent(code))
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[smithkit]\n{name} = {entry_point or module}\n")

    def run(self, *arguments, **variables):
        """Run Python, and so what is installed here, in a process of its own."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder), **variables}
        return subprocess.run(
            [sys.executable, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def python(self, code, *options, **variables):
        """Run code; gives what it prints."""
        done = self.run(*options, "-c", textwrap.dedent(code), **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "site")
