from __future__ import annotations

import sqlite3

import pytest


def edit(database, *statements):
    connection = sqlite3.connect(database)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def blobs(database):
    return [path for path in database.with_name(f"{database.name}.blobs").rglob("*") if path.is_file()]


def test_a_whole_database_passes_while_a_server_has_it_open(filled, db):
    status, report = db("check")
    assert (status, report["ok"]) == (0, True)
    assert report["rows"]["runs"] == 12
    assert (report["blobs"], report["orphans"]) == (1, 0)


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ("DELETE FROM sessions WHERE name = 'p1'", "foreign keys"),
        ("UPDATE feedback_figures SET n = n + 1", "figures"),
        ("DELETE FROM feedback_values", "figures"),
        ("DELETE FROM run_figures WHERE is_root", "figures"),
        ("UPDATE feedback SET score = 3 WHERE rowid = 1", "figures"),
        ("UPDATE datasets SET example_count = 9", "figures"),
        ("UPDATE alembic_version SET version_num = '0001'", "schema"),
        ("UPDATE alembic_version SET version_num = '9999'", "schema"),
        ("DROP TABLE alembic_version", "schema"),
    ],
)
def test_what_is_wrong_with_rows_is_found(filled, db, database, damage, kind):
    edit(database, damage)
    status, report = db("check")
    assert status == 1
    assert [name for name, problems in report["checks"].items() if problems] == [kind]


def test_a_damaged_file_is_found(filled, db, database):
    (blob,) = blobs(database)
    blob.write_bytes(b"jello")
    status, report = db("check")
    assert status == 1
    assert "another content" in report["checks"]["blobs"][0]
    assert db("check", "--quick")[0] == 0


def test_a_missing_file_is_found(filled, db, database):
    blobs(database)[0].unlink()
    status, report = db("check", "--quick")
    assert status == 1
    assert "is not there" in report["checks"]["blobs"][0]


def test_damaged_pages_are_found(filled, db, database):
    filled.server.close()
    data = bytearray(database.read_bytes())
    for place in range(20 * 4096, 24 * 4096):
        data[place] ^= 0x5A
    database.write_bytes(data)
    status, report = db("check")
    assert status == 1
    assert report if isinstance(report, str) else report["checks"]["integrity"]


def test_without_a_database_it_says_so_and_makes_none(db, tmp_path):
    status, message = db("check", url=tmp_path / "no.db")
    assert status == 1
    assert "there is no database" in message
    assert not (tmp_path / "no.db").exists()


def test_a_file_that_is_no_database_is_told(db, tmp_path):
    (tmp_path / "x.db").write_bytes(b"no database at all" * 1000)
    status, message = db("check", url=tmp_path / "x.db")
    assert status == 1
    assert "not a database" in message
