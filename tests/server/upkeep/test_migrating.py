from __future__ import annotations

import sqlite3
import subprocess
import sys
import time

import pytest

from smithkit.server import open_store
from smithkit.server.store import migrate
from smithkit.server.store.storage import StorageError

_OPEN = """
import sys
from smithkit.server.store import migrate, open_store
print("ready", flush=True)
sys.stdin.readline()
open_store(sys.argv[1]).close()
"""


def revision(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    finally:
        connection.close()


def made_at(path, to):
    """Make a database as an older release left it, with a run in it."""
    from alembic import command

    from smithkit.server.store.engine import create_file, writer_engine

    create_file(path)
    engine = writer_engine(path)
    with engine.begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        insert(connection)
    engine.dispose()
    return path


def insert(connection):
    for table, values in {
        "workspaces": {"id": b"w" * 16, "display_name": "W", "secret": b"s", "created_at": 0},
        "sessions": {"id": b"s" * 16, "workspace_id": b"w" * 16, "name": "old", "start_time": 0}
        | {"created_at": 0, "modified_at": 0, "trace_tier": "longlived"},
        "runs": {
            "id": b"r" * 16,
            "session_id": b"s" * 16,
            "trace_id": b"r" * 16,
            "dotted_order": "x",
            "linked": 1,
        }
        | {"name": "kept", "run_type": "tool", "start_time": 0, "status": 0, "has_error": 0, "ranks": 0}
        | {"created_at": 0, "modified_at": 0},
    }.items():
        marks = ", ".join("?" * len(values))
        statement = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})"  # noqa: S608
        connection.exec_driver_sql(statement, tuple(values.values()))


def backups(path):
    return sorted(path.parent.glob("*.bak"))


def test_a_database_is_copied_before_it_is_migrated(tmp_path, caplog):
    path = made_at(tmp_path / "old.db", "0003")
    open_store(str(path)).close()
    assert revision(path) == migrate.HEAD
    (backup,) = backups(path)
    assert revision(backup) == "0003"
    connection = sqlite3.connect(backup)
    assert connection.execute("SELECT name FROM runs").fetchall() == [("kept",)]
    connection.close()
    assert str(backup) in caplog.text
    open_store(str(path)).close()
    assert backups(path) == [backup]


def test_a_new_database_needs_no_copy(tmp_path):
    open_store(str(tmp_path / "new.db")).close()
    assert backups(tmp_path / "new.db") == []


def test_the_newest_copies_are_kept(tmp_path):
    path = made_at(tmp_path / "old.db", "0003")
    for day in range(1, 6):
        (tmp_path / f"old.db.before-0002.2020010{day}T000000.bak").touch()
    open_store(str(path)).close()
    names = [backup.name for backup in backups(path)]
    assert len(names) == migrate.KEPT_BACKUPS
    assert names[:2] == [f"old.db.before-0002.2020010{day}T000000.bak" for day in (4, 5)]


def test_without_room_for_the_copy_nothing_is_migrated(tmp_path, monkeypatch):
    path = made_at(tmp_path / "old.db", "0003")

    def full(source, target):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(migrate, "_copy", full)
    with pytest.raises(StorageError, match="make room for"):
        open_store(str(path))
    assert revision(path) == "0003"
    assert backups(path) == []


@pytest.mark.slow
def test_processes_that_open_an_old_database_at_once_migrate_it_once(tmp_path):
    path = made_at(tmp_path / "old.db", "0003")
    command = [sys.executable, "-c", _OPEN, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert revision(path) == migrate.HEAD
    assert len(backups(path)) == 1


def test_whoever_waits_for_a_migration_waits_longer_than_for_a_write(tmp_path, monkeypatch):
    from sqlalchemy.exc import OperationalError

    path = made_at(tmp_path / "old.db", "0003")
    done = migrate._migrate
    tried = []

    def locked_twice(engine):
        tried.append(time.monotonic())
        if len(tried) < 3:
            raise OperationalError("BEGIN IMMEDIATE", None, sqlite3.OperationalError("database is locked"))
        done(engine)

    monkeypatch.setattr(migrate, "_migrate", locked_twice)
    open_store(str(path)).close()
    assert len(tried) == 3
    assert revision(path) == migrate.HEAD
