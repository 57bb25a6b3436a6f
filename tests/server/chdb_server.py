"""A ClickHouse server for tests: its HTTP interface, answered by chDB, the engine inside this process."""

from __future__ import annotations

import gzip
import threading
from email.parser import BytesParser
from email.policy import HTTP
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from tempfile import TemporaryDirectory
from urllib.parse import parse_qsl, urlsplit

from chdb.session import Session


class Door:
    """An address at which a server answers, until it is shut."""

    def __init__(self, server) -> None:
        self._server = server
        self._open = True
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, server, self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, name="chdb", daemon=True)
        self._thread.start()

    @property
    def is_open(self) -> bool:
        return self._open

    def url(self, meta: str, database: str | None = None) -> str:
        port = self._http.server_address[1]
        return f"clickhouse://tester@127.0.0.1:{port}/{database or self._server.new_database()}?meta={meta}"

    def shut(self) -> None:
        """Answer nobody any more, not on open connections either."""
        if self._open:
            self._open = False
            self._http.shutdown()
            self._http.server_close()
            self._thread.join()

    close = shut


class ChdbServer:
    """Serves the databases of one engine; there is one engine in a process."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="chdb-")
        self._session = Session(self._folder.name)
        self._lock = threading.Lock()
        self._made = 0
        self._door = Door(self)

    def new_database(self) -> str:
        self._made += 1
        name = f"test_{self._made}"
        self.run(f"CREATE DATABASE {name}", "", {})
        return name

    def url(self, meta: str, database: str | None = None) -> str:
        return self._door.url(meta, database)

    def door(self) -> Door:
        return Door(self)

    def run(self, text, database, params, form="TabSeparated", settings=None):
        with self._lock:
            if database:
                self._session.query(f"USE {database}")
            return self._session.query(_with_settings(text, settings), form, params=params or None).bytes()

    def close(self) -> None:
        self._door.close()
        self._session.close()
        self._folder.cleanup()


def _with_settings(text, settings):
    kept = (settings or {}).get("lightweight_deletes_sync")
    return text if kept is None else f"{text} SETTINGS lightweight_deletes_sync = {kept}"


def _form(kind, body):
    """The fields of a form, in which parameters come that are too long for a URL."""
    message = BytesParser(policy=HTTP).parsebytes(b"content-type: " + kind.encode() + b"\r\n\r\n" + body)
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
        for part in message.iter_parts()
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one packet, or each waits for an acknowledgement
    disable_nagle_algorithm = True

    def __init__(self, server, door, *connection) -> None:
        self._server, self._door = server, door
        super().__init__(*connection)

    def log_message(self, *_args):
        pass

    def do_GET(self):
        self._answer(200, b"Ok.\n")

    def do_POST(self):
        if not self._door.is_open:
            self.close_connection = True
            return
        given, body = self._read()
        text = "\n".join(filter(None, (given.get("query", ""), body.decode())))
        params = {
            name.removeprefix("param_"): own for name, own in given.items() if name.startswith("param_")
        }
        form = given.get("default_format", "TabSeparated")
        try:
            data = self._server.run(text, given.get("database"), params, form, given)
        except Exception as error:  # noqa: BLE001 - as a server does, whatever it is
            self._answer(500, str(error).encode(), ("X-ClickHouse-Exception-Code", "1"))
        else:
            self._answer(200, data)

    def _read(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        kind = self.headers.get("content-type", "")
        return (given | _form(kind, body), b"") if kind.startswith("multipart/") else (given, body)

    def _answer(self, status, data, *headers):
        self.send_response(status)
        for name, value in (*headers, ("content-length", str(len(data)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
