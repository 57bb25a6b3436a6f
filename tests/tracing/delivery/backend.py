"""A backend that counts runs, and a proxy before it that breaks connections."""

from __future__ import annotations

import io
import json
import re
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import zstandard

INFO = {
    "version": "1",
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "size_limit": 500,
        "size_limit_bytes": 20_971_520,
    },
    "instance_flags": {"zstd_compression_enabled": True},
}
_PART = re.compile(rb'name="(post|patch)\.([0-9a-f-]{36})"')


class Backend:
    """Counts the runs of each request that it accepts; `answer(ids, number)` says how it answers."""

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()
        self.ended: set[str] = set()
        self.requests = 0
        self.answer = lambda ids, number: 202
        self.changed = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def log_message(self, *args):
                pass

            def do_GET(self):
                self.respond(200, {}, json.dumps(INFO).encode())

            def do_POST(self):
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = outer.take(raw, self.headers.get("Content-Encoding"))
                self.respond(status, headers, b"{}")

            def respond(self, status, headers, body):
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass

        self._http = Quiet(("127.0.0.1", 0), Handler)
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def take(self, raw, encoding):
        body = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(raw)).read() if encoding else raw
        parts = _PART.findall(body)
        ids = {key.decode() for _, key in parts}
        with self.changed:
            self.requests += 1
            given = self.answer(ids, self.requests)
            status, headers = given if isinstance(given, tuple) else (given, {})
            if status == 202:
                self.received.update(ids)
                self.changed.notify_all()
        return status, headers

    def wait_for(self, count, timeout=60):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.received) >= count, timeout), len(self.received)

    def stop(self):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class Proxy:
    """Forwards connections to a port; can be down, cut answers in half, or let them trickle."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._port = 0
        self.cut_every = 0
        self.trickle_seconds = 0.0
        self._answers = 0
        self._lock = threading.Lock()
        self.up()
        self.url = f"http://127.0.0.1:{self._port}"

    def up(self):
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=128)
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def down(self):
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            _close(connection)

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            for copy, one, other in ((self._copy, client, server), (self._answer, server, client)):
                threading.Thread(target=copy, args=(one, other), daemon=True).start()

    def _copy(self, source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
        except OSError:
            pass
        _close(source, sink)

    def _answer(self, source, sink):
        try:
            while data := source.recv(1 << 16):
                self._answers += 1
                if self.cut_every and self._answers % self.cut_every == 0:
                    half = 5 if self._answers % 2 else len(data) - 1  # in its first line, or in its body
                    sink.sendall(data[:half])
                    break
                if self.trickle_seconds:
                    for start in range(0, len(data), 16):
                        sink.sendall(data[start : start + 16])
                        time.sleep(self.trickle_seconds)
                else:
                    sink.sendall(data)
        except OSError:
            pass
        _close(source, sink)


def _close(*connections):
    for connection in connections:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
