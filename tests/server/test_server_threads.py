"""Runs name their conversation in their metadata, and can be found by it."""

from __future__ import annotations

import json
import sqlite3
import uuid
from importlib.resources import files

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event

from smithkit.server.store import open_store
from smithkit.server.store.sql_store import SqlStore


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


def test_a_thread_is_read_without_going_through_its_project(api, database):
    for name in ("t", "t", "other"):
        api.new_run(session_name="p", **metadata(thread_id=name))
    project = api.project("p")["id"]
    asked = []

    def note(_connection, _cursor, statement, parameters, *_):
        asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        since = "2024-01-01T00:00:00Z"
        api.post("/api/v2/threads/query", {"project_id": project})
        api.post(
            "/api/v2/threads/query",
            {"project_id": project, "min_start_time": since, "filter": 'eq(name, "r")'},
        )
        for what, query in (
            ("stats", f"session_id={project}&selects=TOTAL_TOKENS&selects=LAST_END_TIME&selects=TURNS"),
            ("traces", f"project_id={project}&page_size=1&selects=TOTAL_COST"),
        ):
            assert api.get(f"/api/v2/threads/t/{what}?{query}").status == 200
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    connection = sqlite3.connect(database)
    used = {
        word
        for statement, parameters in asked
        if "FROM runs" in statement
        and "thread_id IS NOT NULL" not in statement  # as it finds what threads there are
        for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        for word in row[3].split()
        if " runs " in row[3]
    }
    connection.close()
    assert {word for word in used if word.startswith("ix_")} == {"ix_runs_thread", "ix_runs_trace"}
    assert "SCAN" not in used


def test_a_thread_that_is_deleted_while_threads_are_listed_is_left_out(api, monkeypatch):
    for name, start in (("old", "2024-01-01T00:00:00"), ("new", "2100-01-01T00:00:00")):
        api.new_run(session_name="p", start_time=start, **metadata(thread_id=name))
    group = SqlStore.group_runs

    async def group_and_expire(self, selection, grouping):
        found = await group(self, selection, grouping)
        assert await self.delete_expired(uuid.UUID(project), 2_000_000_000_000_000) == 1
        return found

    project = api.project("p")["id"]
    monkeypatch.setattr(SqlStore, "group_runs", group_and_expire)
    answer = api.post("/api/v2/threads/query", {"project_id": project})
    assert (answer.status, [one["thread_id"] for one in answer.json["items"]]) == (200, ["new"])


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
