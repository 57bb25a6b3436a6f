"""Runs name their conversation in their metadata, and can be found by it."""

from __future__ import annotations

import json
import sqlite3
import uuid
from importlib.resources import files

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from smithkit.server.store import open_store


def metadata(**values):
    return {"extra": {"metadata": values}}


@pytest.mark.parametrize(
    ("fields", "thread"),
    [
        (metadata(session_id="s", thread_id="t"), "s"),
        (metadata(thread_id="t", conversation_id="c"), "t"),
        (metadata(conversation_id="c"), "c"),
        (metadata(thread_id=7), "7"),
        (metadata(session_id="", thread_id="t"), "t"),
        (metadata(thread_id={"a": 1}), None),
        (metadata(other="x"), None),
        ({"extra": {"metadata": None}}, None),
        ({}, None),
    ],
)
def test_a_run_tells_its_thread(api, fields, thread):
    run_id = api.new_run(**fields)
    assert api.run(run_id)["thread_id"] == thread


def test_a_patch_changes_the_thread_with_the_metadata(api):
    run_id = api.new_run(**metadata(thread_id="old"))
    assert api.patch(f"/runs/{run_id}", metadata(thread_id="new")).status == 202
    assert api.run(run_id)["thread_id"] == "new"
    assert api.patch(f"/runs/{run_id}", {"outputs": {}}).status == 202
    assert api.run(run_id)["thread_id"] == "new"


@pytest.mark.parametrize("thread", ["t", 'say "t"', "back\\slash", "ünï", "it's", "a, b)"])
def test_runs_are_found_by_their_thread(api, thread):
    mine = {api.new_run(**metadata(thread_id=thread)) for _ in range(2)}
    api.new_run(**metadata(thread_id="another"))
    api.new_run()
    found = api.query(filter=f"eq(thread_id, {json.dumps(thread)})", select=["thread_id"])["runs"]
    assert {run["id"] for run in found} == mine
    assert {run["thread_id"] for run in found} == {thread}


def test_runs_of_older_databases_get_their_thread(tmp_path, api, database):
    threads = {api.new_run(**metadata(thread_id=name)): name for name in ("a", "b" * 1000)}
    none = api.new_run(extra=["no", "object"])
    api.server.close()
    as_first_release(database)

    open_store(str(database)).close()

    connection = sqlite3.connect(database)
    found = {
        str(uuid.UUID(bytes=key)): name for key, name in connection.execute("SELECT id, thread_id FROM runs")
    }
    connection.close()
    assert found == {**threads, none: None}


def as_first_release(database):
    """Put a database back to what the first release would have written."""
    newer = database.with_suffix(".newer")
    database.rename(newer)
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(files("smithkit.server.store") / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    connection = sqlite3.connect(database)
    connection.execute("ATTACH ? AS newer", (str(newer),))
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in names:
        if table != "alembic_version":
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}")  # noqa: S608 - names of the schema
    connection.commit()
    connection.close()
