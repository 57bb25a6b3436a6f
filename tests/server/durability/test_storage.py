from __future__ import annotations

import logging
import os
import resource
import sqlite3
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
import requests
from sqlalchemy import text

from smithkit.server import open_store
from smithkit.server.store import engine as engines
from smithkit.server.store.storage import StorageError, file_system, is_network, no_room, parse_mounts
from smithkit.server.store.writer import Writer

MOUNTS = """\
/dev/vda / ext4 rw 0 0
host:/home /home nfs4 rw 0 0
/dev/sdb /home/me/local xfs rw 0 0
//nas/x /mnt/my\\040data cifs rw 0 0
me@host: /mnt/ssh fuse.sshfs rw 0 0
tmpfs /mnt/ssh tmpfs rw 0 0
"""


def test_the_innermost_mount_tells_the_file_system(monkeypatch, tmp_path):
    from smithkit.server.store import storage

    (tmp_path / "mounts").write_text(MOUNTS)
    monkeypatch.setattr(storage, "_MOUNTS", tmp_path / "mounts")
    kinds = {
        "/x.db": "ext4",
        "/home/me/x.db": "nfs4",
        "/home/me/local/x.db": "xfs",
        "/homeless/x.db": "ext4",
        "/mnt/my data/x.db": "cifs",
        "/mnt/ssh/x.db": "tmpfs",
    }
    for path, kind in kinds.items():
        assert file_system(Path(path)) == kind
    assert [is_network(kind) for kind in ("nfs4", "cifs", "fuse.sshfs", "9p", "ext4", "xfs", None)] == [
        True,
        True,
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_the_system_itself_is_understood(tmp_path):
    assert file_system(Path("/proc/self/mounts")) == "proc"
    assert parse_mounts(Path("/proc/self/mounts").read_text())
    assert not is_network(file_system(tmp_path.resolve()))


@pytest.fixture
def on_a_network(monkeypatch):
    monkeypatch.setattr(engines, "file_system", lambda path: "nfs4")


def journal(database):
    connection = sqlite3.connect(database)
    try:
        return connection.execute("PRAGMA journal_mode").fetchone()[0]
    finally:
        connection.close()


def test_a_local_database_is_in_wal_mode(api, database):
    api.new_run()
    assert journal(database) == "wal"


def test_on_a_network_file_system_the_slower_journal_serves_one_process(on_a_network, api, database, caplog):
    with caplog.at_level(logging.WARNING):
        run_id = api.new_run()
    assert "nfs4" in caplog.text
    assert "local disk" in caplog.text
    assert journal(database) == "delete"
    assert api.run(run_id)
    program = "import sys; from smithkit.server.store.storage import SoleUse; from pathlib import Path; SoleUse(Path(sys.argv[1]))"
    other = subprocess.run(
        [sys.executable, "-c", program, str(database)], capture_output=True, text=True, check=False
    )
    assert other.returncode == 1
    assert f"process {os.getpid()} on" in other.stderr
    assert "one `smithkit serve`" in other.stderr
    api.server.close()
    assert subprocess.run([sys.executable, "-c", program, str(database)], check=False).returncode == 0


def test_threads_write_and_read_with_the_slower_journal(on_a_network, api):
    failures = []

    def work():
        for _ in range(5):
            run_id = api.new_run()
            if api.get(f"/runs/{run_id}").status != 200:
                failures.append(run_id)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(api.query(limit=100)["runs"]) == 20


@pytest.mark.parametrize("content", [b"no database at all" * 1000])
def test_a_file_that_is_no_database_is_told(tmp_path, content):
    (tmp_path / "x.db").write_bytes(content)
    with pytest.raises(StorageError, match="not a database"):
        open_store(str(tmp_path / "x.db"))
    assert (tmp_path / "x.db").read_bytes() == content


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        open_store(str(tmp_path / "file" / "x.db"))


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that nobody may write to")
def test_a_read_only_file_system_is_told_in_one_line(capsys):
    from smithkit.server.serve import main

    assert main(["--port", "0", "--db", "/proc/self/x.db"]) == 1
    message = capsys.readouterr().err
    assert "cannot write the database /proc/" in message
    assert "Traceback" not in message


def test_what_a_full_disk_undoes_is_not_acknowledged(tmp_path):
    """SQLite ends the whole transaction then: jobs that had gone well before are undone too."""
    engine = engines.writer_engine(tmp_path / "w.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (x BLOB)"))
    with engine.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA max_page_count=40")
    gate = threading.Event()
    writer = Writer(engine)

    def insert(size):
        return lambda connection: (
            connection.execute(text("INSERT INTO t VALUES (zeroblob(:n))"), {"n": size}).rowcount
        )

    begun = threading.Event()
    first = writer.submit(lambda connection: begun.set() or gate.wait(10))
    assert begun.wait(10)
    futures = [writer.submit(insert(size)) for size in (10, 5_000_000, 10)]
    gate.set()
    assert first.result(10)
    acknowledged = sum(future.exception(10) is None for future in futures)
    assert writer.submit(insert(10)).result(10) == 1
    stored = writer.submit(
        lambda connection: connection.execute(text("SELECT count(*) FROM t")).scalar()
    ).result(10)
    assert stored == acknowledged + 1
    assert no_room(futures[1].exception())
    writer.close()
    engine.dispose()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process")
def test_a_server_whose_disk_is_full_says_so_and_goes_on_when_there_is_room(serve, database):
    with serve() as served, requests.Session() as session:
        session.trust_env = False

        def post(size):
            run = {
                "id": str(uuid.uuid4()),
                "name": "n",
                "run_type": "tool",
                "inputs": {"x": os.urandom(size).hex()},
            }
            return run["id"], session.post(f"{served.url}/runs", json=run, timeout=30)

        kept = [post(100)]
        assert kept[0][1].status_code == 202
        limits = resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (1_500_000, limits[1]))
        while (answer := post(100_000))[1].status_code == 202:
            kept.append(answer)
            assert len(kept) < 1000
        assert answer[1].status_code == 503
        assert "disk is full" in answer[1].json()["detail"]
        assert int(answer[1].headers["retry-after"]) > 0
        assert session.get(f"{served.url}/runs/{kept[0][0]}", timeout=30).status_code == 200
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, limits)
        kept.append(post(100_000))
        assert kept[-1][1].status_code == 202
        for run_id, _ in kept:
            assert session.get(f"{served.url}/runs/{run_id}", timeout=30).status_code == 200
        assert session.get(f"{served.url}/runs/{answer[0]}", timeout=30).status_code == 404
    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
