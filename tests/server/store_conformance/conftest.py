"""What every store promises, whichever database it is on. A new store joins by a function in `STORES`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import make_url

from smithkit.server import EmbeddedServer
from smithkit.server.domain.jsons import dump
from smithkit.server.services.changes import make_change
from smithkit.server.store import (
    Attachment,
    ExampleChange,
    FeedbackItem,
    RunBatch,
    RunSelection,
    open_store,
)


def sqlite_url(request):
    return f"sqlite:///{request.getfixturevalue('tmp_path_factory').mktemp('store') / 'runs.db'}"


def postgres_url(request):
    return request.getfixturevalue("postgres")(request.getfixturevalue("postgres_template"))


def clickhouse_url(request):
    return request.getfixturevalue("chdb_server").url(meta=sqlite_url(request))


STORES = {"sqlite": sqlite_url, "postgres": postgres_url, "clickhouse": clickhouse_url}
"""Name → gives the URL of a database that is empty and nobody else's."""


@pytest.fixture(scope="session")
def postgres_template(postgres):
    """A database that is migrated already: copied sooner than made."""
    url = postgres()
    open_store(url).close()
    return make_url(url).database


class Bench:
    """An open store, for tests that are not coroutines: ``bench(store.find_runs(...))``."""

    def __init__(self, store) -> None:
        self.store = store
        self._runner = asyncio.Runner()

    def __call__(self, coroutine) -> Any:
        return self._runner.run(coroutine)

    def together(self, *coroutines):
        """Run coroutines at the same time."""

        async def gather():
            return await asyncio.gather(*coroutines)

        return self._runner.run(gather())

    def of(self, store):
        """The same for another store, such as one that speaks for another workspace."""
        other = Bench.__new__(Bench)
        other.store, other._runner = store, self._runner
        return other

    def close(self):
        self._runner.close()

    def blob(self, content):
        sink = self.store.sink(1 << 20)
        sink.write(content)
        return sink.finish()

    def batch(self, *messages, files=(), feedback=()):
        """A request: pairs of ``post`` or ``patch`` and a run's JSON, files (run, name, content), feedback."""
        changes = [make_change(kind, None, dict(body), "test") for kind, body in messages]
        kept = [Attachment(run, name, "text/plain", self.blob(content)) for run, name, content in files]
        return RunBatch(changes, kept, list(feedback))

    def write(self, *messages, **others):
        self(self.store.write(self.batch(*messages, **others)))

    def new_run(self, **fields):
        run = {
            "id": str(uuid.uuid4()),
            "name": "r",
            "run_type": "chain",
            "start_time": "2024-01-01T00:00:00",
        } | fields
        self.write(("post", run))
        return uuid.UUID(run["id"])

    def runs(self, **selection):
        return self(self.store.find_runs(RunSelection(**{"limit": 1000, **selection})))

    def run(self, run_id):
        (found,) = self.runs(ids=[run_id])
        return found

    def payloads(self, run_id, *names):
        found = self(self.store.read_payloads([run_id], names)).get(run_id, {})
        return {name: json.loads(value) for name, value in found.items()}

    def project(self, name):
        values = {"id": uuid.uuid4(), "name": name}
        return self(self.store.create_session(values, upsert=True))["id"]

    def dataset(self, name="d", examples=()):
        values = {
            "id": uuid.uuid4(),
            "name": name,
            "description": None,
            "data_type": "kv",
            "inputs_schema": None,
            "outputs_schema": None,
            "transformations": None,
            "metadata": None,
            "example_count": 0,
            "last_position": 0,
            "version": 0,
            "purges": 0,
            "indexed_version": None,
            "created_at": 1,
            "modified_at": 1,
        }
        return self(self.store.datasets.create(values, examples))["id"]


def feedback_on(run_id, key="good", score=1.0, value=None, *, feedback_id=None, session_id=None):
    body = dump({"key": key, "score": score, "value": value})
    own = feedback_id or uuid.uuid4()
    return FeedbackItem(own, run_id, run_id, session_id, key, score, value, body, source="api")


def example(dataset_id=None, inputs=None, **fields):
    payload = None if inputs is None else dump(inputs)
    return ExampleChange(uuid.uuid4(), dataset_id, inputs=payload, **fields)


@pytest.fixture(scope="session")
def make():
    """What tests make: `make.feedback`, `make.example`."""

    class Make:
        feedback = staticmethod(feedback_on)
        example = staticmethod(example)

    return Make


@pytest.fixture(params=STORES)
def store_url(request):
    return STORES[request.param](request)


@contextmanager
def benched(url):
    with contextlib.closing(open_store(url)) as store, contextlib.closing(Bench(store)) as bench:
        yield bench


@pytest.fixture
def bench(store_url):
    with benched(store_url) as bench:
        yield bench


@pytest.fixture
def open_bench(store_url):
    """Open the same database once more, as another process would."""
    return lambda: benched(store_url)


@pytest.fixture(scope="module", params=STORES)
def store_api(request, make_api):
    """A server on each kind of store, for tests that send many requests and do not mind each other's runs."""
    server = EmbeddedServer(STORES[request.param](request))
    yield make_api(server)
    server.close()
