from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import uuid

import pytest
import requests
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from smithkit.server import EmbeddedServer, open_store
from smithkit.server.domain.runs import Rank, RunChange
from smithkit.server.store import FeedbackItem, RunBatch, RunSelection
from smithkit.server.store.engine import database_path
from smithkit.server.store.migrate import HEAD
from smithkit.server.store.tables import metadata
from smithkit.server.store.writer import Writer, WriterClosedError


def test_the_migrations_give_the_schema_that_the_code_uses(api, database):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    import smithkit.server.store

    api.get("/sessions")
    engine = create_engine(f"sqlite:///{database}")
    try:
        with engine.connect() as connection:
            # The tables of a full-text index are SQLite's own matter.
            options = {
                "include_name": lambda name, *_: not (name or "").startswith(("example_texts", "run_words")),
                "include_object": lambda _, name, *__: name != "ix_runs_threads",  # PostgreSQL's
            }
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, metadata) == []
            assert context.get_current_revision() == HEAD
    finally:
        engine.dispose()
    folder = os.path.join(smithkit.server.store.__path__[0], "migrations")  # noqa: PTH118
    assert ScriptDirectory(folder).get_heads() == [HEAD], "migrations form one line"


def test_a_database_of_a_newer_release_is_left_alone(api, database):
    api.new_run()
    api.server.close()
    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(RuntimeError, match=r"9999.*upgrade"):
        open_store(str(database))


def test_files_are_private(api, database):
    run_id = api.new_run(attachments={"f": ["a/b", "eA=="]})
    assert api.run(run_id)["s3_urls"]
    folder = database.parent
    for path in [folder, *folder.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_data_outlives_the_server(api):
    run_id = api.new_run(inputs={"a": 1})
    tenant = api.project("default")["tenant_id"]
    api.server.close()
    assert api.run(run_id)["inputs"] == {"a": 1}
    assert api.project("default")["tenant_id"] == tenant


@pytest.mark.parametrize("url", ["", ":memory:", "sqlite:///", "sqlite://", "mysql://host/db"])
def test_urls_of_other_databases_are_refused(url):
    with pytest.raises(ValueError, match="sqlite:///"):
        open_store(url)


def test_urls_and_paths_name_the_same_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    paths = {
        database_path(url)
        for url in ("sqlite:///x.db", "x.db", f"sqlite:///{tmp_path}/x.db", "~/x.db", "a/../x.db")
    }
    assert paths == {tmp_path / "x.db"}


@pytest.fixture
def engine(tmp_path):
    from smithkit.server.store.engine import writer_engine

    engine = writer_engine(tmp_path / "w.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
    yield engine
    engine.dispose()


def test_a_failing_job_does_not_harm_those_of_its_group(engine):
    gate = threading.Event()
    writer = Writer(engine)

    def insert(value, *, fail=False):
        def job(connection):
            connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": value})
            if fail:
                raise KeyError(value)
            return value

        return job

    first = writer.submit(lambda connection: gate.wait(10))
    futures = [writer.submit(insert(value, fail=value % 3 == 0)) for value in range(30)]
    gate.set()
    assert first.result(10)
    for value, future in enumerate(futures):
        if value % 3 == 0:
            assert isinstance(future.exception(10), KeyError)
        else:
            assert future.result(10) == value
    kept = writer.submit(
        lambda connection: list(connection.execute(text("SELECT x FROM t")).scalars())
    ).result(10)
    assert kept == [value for value in range(30) if value % 3]
    writer.close()
    with pytest.raises(WriterClosedError):
        writer.submit(insert(1))


def test_closing_a_writer_writes_what_is_queued(engine):
    writer = Writer(engine)
    futures = [writer.submit(lambda connection: 1) for _ in range(1000)]
    writer.close()
    assert all(future.done() for future in futures)


def test_many_threads_write_and_read_at_once(api):
    ids, failures = [], []

    def work(number):
        try:
            for _ in range(20):
                run_id = str(uuid.uuid4())
                run = {
                    "id": run_id,
                    "name": f"n{number}",
                    "run_type": "tool",
                    "session_name": f"p{number % 3}",
                }
                assert api.post("/runs", run).status == 202
                assert api.run(run_id)["name"] == f"n{number}"
                ids.append(run_id)
        except AssertionError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(api.query(limit=100)["runs"]) == 100
    assert len({*ids}) == 160


_WRITE = """
import sys, uuid, json
from smithkit.server import embedded
server = embedded(sys.argv[1])
for _ in range(40):
    run = {"id": str(uuid.uuid4()), "name": "n", "run_type": "tool", "session_name": "p"}
    status, _, body = server.request("POST", "/runs", [], json.dumps(run).encode(), 60)
    assert status == 202, body
    print(run["id"], flush=True)
server.close()
"""


@pytest.mark.slow
def test_processes_that_start_at_once_share_one_file(database, make_api):
    command = [sys.executable, "-c", _WRITE, str(database)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    ids = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        ids += out.split()
    assert len(ids) == 160
    server = EmbeddedServer(str(database))
    api = make_api(server)
    try:
        (project,) = api.get("/sessions?name=p&include_stats=true").json
        assert project["run_count"] == 160
        assert len(api.query(id=ids[:90])["runs"]) == 90
    finally:
        server.close()


@pytest.mark.slow
def test_an_acknowledged_run_survives_a_killed_process(serve, database):
    acknowledged = []
    with serve() as served, requests.Session() as session:
        for place in range(50):
            run = {"id": str(uuid.uuid4()), "name": "n", "run_type": "tool", "inputs": {"x": "y" * 5000}}
            assert session.post(f"{served.url}/runs", data=json.dumps(run), timeout=30).status_code == 202
            acknowledged.append(uuid.UUID(run["id"]))
            if place == 49:
                os.kill(served.process.pid, signal.SIGKILL)
        served.process.wait(10)
    store = open_store(str(database))
    try:
        found = asyncio.run(store.find_runs(RunSelection(ids=acknowledged)))
        assert {row["id"] for row in found} == {*acknowledged}
        payloads = asyncio.run(store.read_payloads(acknowledged, ["inputs"]))
        assert all(len(own["inputs"]) > 5000 for own in payloads.values())
    finally:
        store.close()


def test_a_plugins_store_is_asked_first(tmp_path):
    from smithkit.hooks import hookimpl, register, unregister
    from smithkit.server.store.sqlite import SqliteStore

    class Plugin:
        @hookimpl
        def create_store(self, url):
            return SqliteStore(str(tmp_path / "plugin.db")) if url.startswith("mine://") else None

    plugin = register(Plugin())
    try:
        store = open_store("mine://x")
        store.close()
    finally:
        unregister(plugin)
    assert (tmp_path / "plugin.db").exists()


def test_a_store_that_is_locked_for_long_asks_to_try_again(api, database, monkeypatch):
    api.new_run()

    def locked(_group):
        from sqlalchemy.exc import OperationalError

        raise OperationalError("BEGIN", None, sqlite3.OperationalError("database is locked"))

    monkeypatch.setattr(api.server.app.state.workspaces.default.store._writer, "_transact", locked)
    answer = api.post("/runs", {"id": str(uuid.uuid4()), "name": "n", "run_type": "tool"})
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


def test_of_requests_that_are_written_together_only_the_wrong_one_is_refused(tmp_path):
    def batch(name, *, elsewhere=False):
        change = RunChange(uuid.uuid4(), Rank.FINISHED, {"name": name}, {"inputs": b'{"a":1}'})
        nowhere = uuid.uuid4()
        feedback = FeedbackItem(uuid.uuid4(), None, None, nowhere, "k", 1.0, None, b"{}")
        return RunBatch([change], feedback=[feedback] if elsewhere else [])

    async def write(store):
        batches = [batch(f"r{number}", elsewhere=number == 5) for number in range(10)]
        outcomes = await asyncio.gather(*map(store.write, batches), return_exceptions=True)
        found = await store.find_runs(RunSelection(limit=100))
        return outcomes, {row["name"] for row in found}

    store = open_store(str(tmp_path / "runs.db"))
    try:
        outcomes, names = asyncio.run(write(store))
    finally:
        store.close()
    assert [type(one).__name__ for one in outcomes if one is not None] == ["FeedbackRefusedError"]
    assert names == {f"r{number}" for number in range(10)} - {"r5"}


def test_a_request_that_nobody_waits_for_is_not_written(tmp_path):
    async def write(store):
        gate = threading.Event()
        store._writer.submit(lambda _: gate.wait(10))
        batches = [RunBatch([RunChange(uuid.uuid4(), Rank.FINISHED, {"name": f"r{n}"})]) for n in range(3)]
        tasks = []
        for batch in batches:
            tasks.append(asyncio.create_task(store.write(batch)))
            for _ in range(10):  # it goes as far as it can
                await asyncio.sleep(0)
        assert store._gathering.waiting == 2, "the first is with the writing thread"
        tasks[1].cancel()
        await asyncio.wait([tasks[1]])
        gate.set()
        await asyncio.gather(tasks[0], tasks[2])
        return {row["name"] for row in await store.find_runs(RunSelection(limit=100))}

    store = open_store(str(tmp_path / "runs.db"))
    try:
        assert asyncio.run(write(store)) == {"r0", "r2"}
    finally:
        store.close()


def test_what_is_wrong_with_the_database_is_told_to_all_at_once(tmp_path):
    async def write(store):
        # No page is left, as on a full disk.
        await store._write(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count=1").all())
        before = store._writer.submitted
        big = {"inputs": f'"{os.urandom(40_000).hex()}"'.encode()}
        batches = [RunBatch([RunChange(uuid.uuid4(), Rank.FINISHED, {}, big.copy())]) for _ in range(20)]
        outcomes = await asyncio.gather(*map(store.write, batches), return_exceptions=True)
        return outcomes, store._writer.submitted - before

    store = open_store(str(tmp_path / "runs.db"))
    try:
        outcomes, jobs = asyncio.run(write(store))
    finally:
        store.close()
    assert {type(one) for one in outcomes} == {OperationalError}
    assert jobs < 10, "they were not tried again one by one"
