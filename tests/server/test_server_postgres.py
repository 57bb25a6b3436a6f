"""What a server on PostgreSQL does beyond what every store does."""

from __future__ import annotations

import json
import traceback
import uuid
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from smithkit.server import EmbeddedServer, open_store
from smithkit.server.store.bulk_insert import BulkInsert
from smithkit.server.store.migrate import HEAD
from smithkit.server.store.postgres_engine import database_url
from smithkit.server.store.storage import StorageError
from smithkit.server.store.tables import metadata
from smithkit.server.upkeep.checking import check
from smithkit.server.upkeep.copying import copy
from smithkit.server.upkeep.database import open_database
from smithkit.server.upkeep.errors import UpkeepError
from smithkit.server.upkeep.vacuum import vacuum

pytestmark = pytest.mark.slow

OWN = {"run_words", "example_texts", "alembic_version"}  # of the full-text indexes
OF_SQLITE = {"ix_runs_thread"}


@pytest.fixture
def url(postgres):
    return postgres()


@pytest.fixture
def pg_api(url, make_api):
    server = EmbeddedServer(url)
    yield make_api(server)
    server.close()


def test_the_migrations_give_the_schema_that_the_code_uses(url):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    open_store(url).close()
    with closing_engine(url) as engine, engine.connect() as connection:
        options = {
            "include_name": lambda name, kind, _: kind != "table" or name not in OWN,
            "include_object": lambda _, name, kind, *__: name not in OF_SQLITE and kind != "foreign",
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD


def test_texts_are_in_the_order_of_their_characters(url):
    open_store(url).close()
    with closing_engine(url) as engine:
        inspector = inspect(engine)
        texts = [
            (table, column["name"], getattr(column["type"], "collation", None))
            for table in inspector.get_table_names()
            for column in inspector.get_columns(table)
            if str(column["type"]).startswith("TEXT")
        ]
    assert len(texts) > 20
    assert [one for one in texts if one[2] != "C"] == []


@contextmanager
def closing_engine(url):
    engine = create_engine(database_url(url))
    yield engine
    engine.dispose()


def test_a_database_that_cannot_be_reached_is_told_without_its_password(url):
    with pytest.raises(StorageError, match="cannot use the database") as told:
        open_store("postgresql://me:hidden@127.0.0.1:1/nowhere")
    assert "hidden" not in str(told.value)
    with pytest.raises(ValueError, match="postgresql://user"):
        open_store("postgresql://localhost")


def test_a_database_of_a_newer_release_is_left_alone(url):
    open_store(url).close()
    with closing_engine(url) as engine, engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match=r"9999.*upgrade"):
        open_store(url)


def fill(api):
    dataset = api.new_dataset()
    for n in range(3):
        api.new_example(dataset, inputs={"n": n, "text": f"fox {n}"})
    for n in range(10):
        run_id = api.new_run(
            name=f"run {n}",
            inputs={"q": f"needle{n}"},
            attachments={"f": ["text/plain", "eA=="]} if n % 2 else None,
        )
        api.post("/feedback", {"run_id": run_id, "key": "good", "score": n / 10})
    queue = api.post("/annotation-queues", {"name": "q", "id": str(uuid.uuid4())}).json["id"]
    assert api.post(f"/annotation-queues/{queue}/runs", [run_id]).status == 200
    api.post(f"/datasets/{dataset}/index", {})
    return dataset, queue


def test_a_copy_from_sqlite_has_every_row_and_goes_on(api, database, url, make_api):
    dataset, queue = fill(api)
    before = api.query(limit=100)["runs"]
    api.server.close()
    with open_database(str(database)) as source, open_database(url, create=True) as target:
        copied = copy(source, target)
        assert copied.ok, copied
        assert copied.rows["runs"] == (10, 10)
        assert copied.rows["attachments"] == (5, 5)
        assert check(target).ok
    with closing(EmbeddedServer(url)) as server:
        there = make_api(server)
        assert {run["id"] for run in there.query(limit=100)["runs"]} == {run["id"] for run in before}
        assert len(there.query(filter='search("needle3")')["runs"]) == 1
        found = there.post(f"/datasets/{dataset}/search", {"inputs": {"q": "fox 2"}, "limit": 1})
        assert found.json["examples"][0]["inputs"]["n"] == 2
        # Numbers go on behind those that were copied.
        later = there.new_run(attachments={"f": ["text/plain", "eA=="]})
        assert there.run(later)["s3_urls"]
        assert there.post(f"/annotation-queues/{queue}/runs", [later]).status == 200
        there.new_example(dataset, inputs={"n": 4})
        assert len(there.examples(dataset)) == 4


def test_a_copy_comes_back_to_sqlite(pg_api, url, tmp_path):
    fill(pg_api)
    pg_api.server.close()
    with open_database(url) as source, open_database(str(tmp_path / "back.db"), create=True) as target:
        copied = copy(source, target)
        assert copied.ok, copied
        assert check(target).ok


def test_a_vacuum_removes_files_that_nothing_names(pg_api, url):
    run_id = pg_api.new_run(attachments={"f": ["text/plain", "eA=="]})
    with open_database(url) as database:
        staged = database.blobs.sink(10)
        staged.write(b"left behind")
        orphan = staged.finish()
        database.blobs.place(orphan)
        assert check(database).orphans == 1
        assert vacuum(database).blobs == 1
        assert check(database).orphans == 0
        assert database.blobs.find(orphan.digest) is None
        with pytest.raises(UpkeepError, match="VACUUM FULL"):
            vacuum(database, full=True)
    assert pg_api.run(run_id)["s3_urls"]


def test_a_text_too_long_for_an_index_is_refused_with_a_reason(pg_api):
    name = "".join(str(uuid.uuid4()) for _ in range(300))
    answer = pg_api.post("/sessions", {"name": name})
    assert answer.status == 422, answer.body
    assert "too long" in answer.detail
    assert json.loads(pg_api.get("/sessions?name=x").body) == []


@pytest.mark.parametrize(("wrong", "sqlstate"), [(2**40, "22003"), (None, "23502")])
def test_what_refuses_many_rows_at_once_does_not_repeat_them(url, wrong, sqlstate):
    notes = Table("notes", MetaData(), Column("number", Integer, nullable=False), Column("words", Text))
    rows = [{"number": 1, "words": f"secret {n}"} for n in range(20)]
    rows[7]["number"] = wrong
    with closing_engine(url) as engine:
        notes.create(engine)
        with pytest.raises(DBAPIError) as refused, engine.begin() as connection:
            BulkInsert(notes).execute(connection, rows)
        with engine.connect() as connection:
            assert connection.execute(notes.select()).all() == []
    assert refused.value.orig.sqlstate == sqlstate
    told = str(refused.value) + "".join(traceback.format_exception(refused.value))
    assert "secret" not in told
    assert "CONTEXT" not in told
    assert "DETAIL" not in told
