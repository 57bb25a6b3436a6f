from __future__ import annotations

import json
import sqlite3

import pytest
import zstandard
from sqlalchemy import inspect

from smithkit.server import EmbeddedServer
from smithkit.server.upkeep.database import open_database
from smithkit.server.upkeep.records import exported_tables

_MADE_BY_THE_DATABASE = ("alembic_version", "sqlite_", "example_texts", "run_words")


def test_every_table_is_exported_or_derived(api, database):
    from smithkit.server.store.tables import metadata

    api.get("/sessions")
    with open_database(str(database)) as opened:
        there = {
            name
            for name in inspect(opened.engine).get_table_names()
            if not name.startswith(_MADE_BY_THE_DATABASE)
        }
    derived = {table.name for table in metadata.tables.values() if table.info.get("derived")}
    assert there == derived | {table.name for table in exported_tables()}


@pytest.mark.parametrize("name", ["e.jsonl", "e.jsonl.zst"])
def test_an_export_is_lossless(filled, db, tmp_path, contents, name):
    database = filled.server.url
    filled.server.close()
    status, told = db("export", tmp_path / name)
    assert (status, told["exported"]["runs"], told["exported"]["blobs"]) == (0, 12, 1)
    target = tmp_path / "target" / "t.db"
    status, told = db("import", tmp_path / name, url=target)
    assert (status, told["added"]["runs"], told["refused"], told["renamed"]) == (0, 12, {}, [])
    assert contents(target) == contents(database)
    assert db("check", url=target)[0] == 0
    assert db("export", tmp_path / "again.jsonl", url=target)[0] == 0
    assert db("export", tmp_path / "first.jsonl")[0] == 0
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "first.jsonl").read_bytes()


def test_its_lines_can_be_read_by_others(filled, db, tmp_path):
    assert db("export", tmp_path / "e.jsonl.zst")[0] == 0
    with zstandard.open(tmp_path / "e.jsonl.zst", "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    payloads = [line["row"] for line in lines if line.get("table") == "run_payloads"]
    inputs = [row["inputs"] for row in payloads]
    assert {"text": "größe "} in [json.loads(own) for own in inputs if isinstance(own, str)]
    assert {"text": "größe " * 400} in [json.loads(own["zstd"]) for own in inputs if isinstance(own, dict)]


def test_importing_again_changes_nothing(filled, db, database, tmp_path, contents):
    assert db("export", tmp_path / "e.jsonl")[0] == 0
    filled.server.close()
    before = contents(database)
    status, told = db("import", tmp_path / "e.jsonl")
    assert status == 0, told
    assert (status, told["added"], told["present"]["runs"]) == (0, {}, 12)
    assert contents(database) == before


def test_two_databases_become_one(filled, db, tmp_path, make_api, fill):
    other = tmp_path / "other" / "o.db"
    server = EmbeddedServer(str(other))
    own = make_api(server)
    fill(own)
    assert db("export", tmp_path / "e.jsonl")[0] == 0
    for _ in range(2):  # while a server has it open; the second time changes nothing
        status, told = db("import", tmp_path / "e.jsonl", url=other)
        assert (status, told["refused"]) == (0, {})
    assert told["added"] == {}
    assert {name["name"].rpartition("-")[0] for name in own.get("/sessions?name_contains=-").json} == {
        "p0",
        "p1",
        "p2",
        "default",
    }
    assert len(own.query(limit=100)["runs"]) == 24
    datasets = own.get("/datasets").json
    assert sorted(len(own.examples(dataset["id"])) for dataset in datasets) == [4, 4]
    found = own.post(f"/datasets/{datasets[0]['id']}/search", {"inputs": {"q": "question 3"}, "limit": 1})
    assert found.json["examples"][0]["inputs"] == {"q": "question 3"}
    server.close()
    assert db("check", url=other)[0] == 0


def changed(export, tmp_path, change):
    lines = export.read_text().splitlines()
    (tmp_path / "x.jsonl").write_text("".join(f"{line}\n" for line in change(lines)))
    return tmp_path / "x.jsonl"


def with_row(table, **values):
    def change(lines):
        rows = [json.loads(line) for line in lines]
        for row in rows:
            if row.get("table") == table:
                row["row"] |= values
        return map(json.dumps, rows)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[:-1], "it is cut"),
        (lambda lines: lines[:-2] + lines[-1:], "lines are missing"),
        (lambda lines: lines[1:], "no export"),
        (lambda lines: [], "it is cut"),
        (lambda lines: [lines[0], "nonsense"], "line 2: is not JSON"),
        (lambda lines: [lines[0], "{}"], "line 2: is no record"),
        (lambda lines: [lines[0], '{"table": "nope", "row": {}}'], "no table 'nope'"),
        (lambda lines: [lines[0], '{"table": "runs", "row": {}}'], "runs.id is missing"),
        (lambda lines: [lines[0], '{"blob": "../../x", "data": ""}'], "is no blob"),
        (
            lambda lines: [lines[0], json.dumps({"blob": "0" * 64, "data": "aGk="}), '{"end": {}}'],
            "a blob ends",
        ),
        (lambda lines: [lines[0].replace('"format":1', '"format":9'), *lines[1:]], "newer release"),
        (with_row("runs", start_time="today"), "runs.start_time"),
        (with_row("runs", start_time=2**64), "runs.start_time"),
        (with_row("runs", id="1"), "runs.id"),
        (with_row("runs", id=7), "runs.id"),
        (with_row("runs", nope=7), "no column 'nope'"),
        (with_row("run_payloads", inputs={"base64": "?"}), "run_payloads.inputs"),
        (with_row("run_payloads", inputs=[]), "run_payloads.inputs"),
    ],
)
def test_what_is_no_export_is_refused_by_its_line(written, db, tmp_path, change, message):
    status, said = db("import", changed(written / "e.jsonl", tmp_path, change), url=tmp_path / "t.db")
    assert status == 1
    assert message in said


def test_what_a_cut_export_brought_is_completed_by_a_whole_one(written, db, tmp_path, contents):
    target = tmp_path / "t.db"
    assert db("import", changed(written / "e.jsonl", tmp_path, lambda lines: lines[:-8]), url=target)[0] == 1
    assert db("check", url=target)[0] == 0
    assert db("import", written / "e.jsonl", url=target)[0] == 0
    assert contents(target) == contents(written / "w.db")


def test_a_damaged_file_is_not_taken(written, db, tmp_path):
    def damage(lines):
        return [line.replace("aGVsbG8=", "aGVsbG9v") for line in lines]

    status, message = db("import", changed(written / "e.jsonl", tmp_path, damage), url=tmp_path / "t.db")
    assert status == 1
    assert "is damaged" in message
    assert [path for path in (tmp_path / "t.db.blobs").rglob("*") if path.is_file()] == []


def test_compression_is_told_by_the_name(written, db, tmp_path):
    (tmp_path / "e.jsonl.zst").write_bytes((written / "e.jsonl").read_bytes())
    status, message = db("import", tmp_path / "e.jsonl.zst", url=tmp_path / "t.db")
    assert status == 1
    assert "zstd" in message
    assert "there is no export" in db("import", tmp_path / "none.jsonl", url=tmp_path / "t.db")[1]


def test_a_copy_is_compared_with_its_source(filled, db, database, tmp_path, contents):
    target = tmp_path / "c.db"
    status, told = db("copy", database, f"sqlite:///{target}")
    assert (status, told["ok"], told["missing"]) == (0, True, 0)
    assert told["rows"]["runs"] == [12, 12]
    filled.server.close()
    assert contents(target) == contents(database)
    assert db("check", url=target)[0] == 0
    status, message = db("copy", database, database)
    assert status == 1
    assert "same" in message


def test_a_copy_without_all_files_is_not_called_whole(filled, db, database, tmp_path):
    for path in database.with_name("runs.db.blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    status, told = db("copy", database, tmp_path / "c.db")
    assert (status, told["ok"], told["missing"]) == (1, False, 1)


def test_a_database_of_another_release_is_not_exported(filled, db, database, tmp_path):
    filled.server.close()
    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    status, message = db("export", tmp_path / "e.jsonl")
    assert status == 1
    assert "upgrade smithkit-server" in message
    assert not (tmp_path / "e.jsonl").exists()
