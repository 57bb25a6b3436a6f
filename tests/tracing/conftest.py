"""A server whose answers a test scripts, and runs to send to it."""

from __future__ import annotations

import io
import json
import os
import re
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from smithkit import Client
from smithkit.tracing import _report

INFO = {
    "version": "1",
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
    },
    "instance_flags": {"zstd_compression_enabled": True},
}


class Recorder:
    """A client that keeps what it is given, as it was when it was given."""

    def __init__(self) -> None:
        self.posts: list[dict] = []
        self.patches: list[dict] = []

    def submit_post(self, run):
        self.posts.append(json.loads(json.dumps(run, default=str)))

    def submit_patch(self, run):
        self.patches.append(json.loads(json.dumps(run, default=str)))

    def get_run_url(self, *, run):
        return f"http://host/r/{run.id}"

    @property
    def runs(self):
        """One state a run, in the order of the posts."""
        states = {run["id"]: dict(run) for run in self.posts}
        for run in self.patches:
            states.setdefault(run["id"], {}).update(run)
        return list(states.values())

    @property
    def run(self):
        (run,) = self.runs
        return run


@pytest.fixture
def make_recorder():
    return Recorder


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith(("LANGSMITH_", "LANGCHAIN_", "HOSTED_LANG"))]:
        monkeypatch.delenv(name)
    _report._quiet.forget()


class Received:
    """A request as the server saw it."""

    def __init__(self, method, path, headers, raw) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.raw = raw
        self.body = raw
        if headers.get("content-encoding") == "zstd":
            import zstandard

            self.body = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(raw)).read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def parts(self):
        """Part name → (headers, content)."""
        boundary = re.search(r"boundary=(\S+)", self.headers["content-type"])[1].encode()
        pieces = self.body.split(b"--" + boundary)
        assert pieces[0] == b""
        assert pieces[-1] == b"--\r\n"
        found = {}
        for piece in pieces[1:-1]:
            head, content = piece[2:-2].split(b"\r\n\r\n", 1)
            name = re.search(rb'name="([^"]*)"', head)[1].decode()
            assert name not in found
            found[name] = head, content
        return found

    @property
    def runs(self):
        """Operation and id → the whole run, of any kind of body."""
        if "multipart" not in self.headers.get("content-type", ""):
            return {(kind, run["id"]): run for kind in ("post", "patch") for run in self.json.get(kind, ())}
        found = {}
        for name, (_, content) in self.parts.items():
            kind, key, *field = name.split(".")
            if kind in {"post", "patch"}:
                run = found.setdefault((kind, key), {})
                run.update({field[0]: json.loads(content)} if field else json.loads(content))
        return found


class Server:
    """Records requests; answers with what `answer(request, number)` gives: a status, or (status, headers)."""

    def __init__(self) -> None:
        self.received = []
        self.answer = lambda request, number: 202
        self.changed = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def handle_one(self):
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Received(self.command, self.path, headers, raw)
                with outer.changed:
                    outer.received.append(request)
                    number = len(outer.received)
                    outer.changed.notify_all()
                given = outer.answer(request, number)
                if given is None:  # drop the connection
                    self.close_connection = True
                    return
                status, extra, body = (
                    (*given, {}, b"{}")[:3] if isinstance(given, tuple) else (given, {}, b"{}")
                )
                self.send_response(status)
                for name, value in {**extra, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def wait_for(self, count, timeout=10):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.received) >= count, timeout), self.received

    def runs(self):
        """Operation and id → run, over all requests."""
        return {key: run for request in self.received for key, run in request.runs.items()}

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def other_server():
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def make_client(server, monkeypatch):
    """Builds clients of the server that retry quickly; closed at the end."""
    from smithkit.tracing.pipeline import _delivery

    monkeypatch.setattr(_delivery, "_FIRST_PAUSE", 0.01)
    clients = []

    def make(url=None, **options):
        options = {"api_key": "lsv2-key", "info": INFO, **options}
        client = Client(url or server.url, **options) if "api_urls" not in options else Client(**options)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close_tracing(0.2)
        client.close()


@pytest.fixture
def client(make_client):
    return make_client()


def new_run(**fields):
    """A root run that can travel in a batch."""
    key = str(uuid.uuid4())
    return {
        "id": key,
        "trace_id": key,
        "dotted_order": f"20240506T070809123456Z{key}",
        "name": "run",
        "run_type": "chain",
        "start_time": "2024-05-06T07:08:09.123456+00:00",
        "session_name": "project",
        "inputs": {"question": "q"},
        **fields,
    }


def end_of(run, **fields):
    """The update that ends a run."""
    place = {name: run[name] for name in ("id", "trace_id", "dotted_order", "session_name")}
    return {**place, "end_time": "2024-05-06T07:08:10.123456+00:00", "outputs": {"answer": "a"}, **fields}


@pytest.fixture
def run_factory():
    return new_run


@pytest.fixture
def end_factory():
    return end_of


@pytest.fixture
def soon():
    """Waits until a condition holds."""

    def wait(condition, timeout=10):
        ends = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < ends
            threading.Event().wait(0.005)

    return wait
