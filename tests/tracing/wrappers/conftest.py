"""A server that answers as the test says, in the formats of model providers: JSON and server-sent events."""

from __future__ import annotations

import functools
import json
import os
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from smithkit.testing import capture_runs

_default_context = functools.cache(ssl.create_default_context)
DROP = object()
"""In a list of events: the connection breaks here."""


class Provider:
    """Gives the replies that it was told, in turn, the last one repeatedly; keeps the requests' bodies."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self._replies: list[tuple[int, Any, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                outer.requests.append(json.loads(body or "null"))
                outer.paths.append(self.path)
                status, content, events = (
                    outer._replies[0] if len(outer._replies) == 1 else outer._replies.pop(0)
                )
                if events is None:
                    self._send_json(status, json.dumps(content).encode())
                else:
                    self._send_events(events)

            def _send_json(self, status, data):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _send_events(self, events):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for event in events:
                    if event is DROP:
                        self.close_connection = True
                        return
                    data = _encoded(event)
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
                self.wfile.write(b"0\r\n\r\n")

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        self._http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def answer(self, content: Any, status: int = 200) -> None:
        """Answer with JSON."""
        self._replies.append((status, content, None))

    def stream(self, *events: Any) -> None:
        """Answer with events: dictionaries, raw text, or `DROP`. One with a "type" is named by it."""
        self._replies.append((200, None, events))

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _encoded(event: Any) -> bytes:
    if isinstance(event, str):
        return f"data: {event}\n\n".encode()
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


@pytest.fixture
def provider():
    provider = Provider()
    yield provider
    provider.stop()


@pytest.fixture
def runs():
    """The runs that the test traces."""
    with capture_runs() as captured:
        yield captured


@pytest.fixture(autouse=True)
def _certificates_read_once(monkeypatch):
    """Each client reads the machine's certificates, which takes longer than a test."""
    monkeypatch.setattr(ssl, "create_default_context", _default_context)


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_", "AZURE_")):
            monkeypatch.delenv(name)


@pytest.fixture
def drop():
    return DROP
