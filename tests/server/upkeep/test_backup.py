from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import uuid
import zipfile

import pytest


@pytest.fixture
def archive(filled, db, tmp_path):
    assert db("backup", tmp_path / "b.zip")[0] == 0
    return tmp_path / "b.zip"


def test_a_backup_brings_everything_back(filled, db, database, archive, contents):
    filled.server.close()
    before = contents(database)
    target = database.with_name("restored.db")
    assert db("restore", archive, url=target) == (0, {"blobs": 1})
    assert contents(target) == before
    assert db("check", url=target)[0] == 0


def test_a_backup_is_of_one_moment_while_a_server_writes(api, db, database, tmp_path):
    stop = threading.Event()
    started = threading.Event()

    def write():
        while not stop.is_set():
            files = {"f": ["text/plain", "aGVs"], "g": ["text/plain", uuid.uuid4().hex]}
            run_id = api.new_run(attachments=files, session_name="busy")
            api.post("/feedback", {"id": str(uuid.uuid4()), "run_id": run_id, "key": "k", "score": 1})
            started.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert started.wait(30)
        for place in range(4):
            assert db("backup", tmp_path / f"{place}.zip")[0] == 0
            if place == 1:  # files disappear too
                api.delete(f"/sessions/{api.project('busy')['id']}")
    finally:
        stop.set()
        thread.join()
    for place in range(4):
        target = tmp_path / f"{place}.db"
        assert db("restore", tmp_path / f"{place}.zip", url=target)[0] == 0
        assert db("check", url=target)[0] == 0


def test_an_archive_is_not_replaced_unless_told(db, archive):
    before = archive.read_bytes()
    status, message = db("backup", archive)
    assert (status, archive.read_bytes()) == (1, before)
    assert "--force" in message
    assert db("backup", archive, "--force")[0] == 0
    assert [path.name for path in archive.parent.glob(".*")] == []


def test_a_database_is_not_replaced_unless_told_nor_while_it_is_used(filled, db, database, archive):
    later = filled.new_run()
    status, message = db("restore", archive)
    assert status == 1
    assert "--force" in message
    status, message = db("restore", archive, "--force")
    assert status == 1
    assert "stop the server" in message
    assert filled.run(later)
    filled.server.close()
    assert db("restore", archive, "--force")[0] == 0
    assert filled.get(f"/runs/{later}").status == 404
    assert db("check")[0] == 0


def test_an_older_backup_is_migrated_by_the_server_that_opens_it(filled, db, database, archive, tmp_path):
    target = tmp_path / "o.db"
    assert db("restore", archive, url=target)[0] == 0
    connection = sqlite3.connect(target)
    assert connection.execute("SELECT count(*) FROM runs").fetchone() == (12,)
    connection.close()


def rewritten(archive, target, change):
    """Write an archive anew with changed members: name → bytes."""
    with zipfile.ZipFile(archive) as old:
        members = {name: old.read(name) for name in old.namelist()}
    change(members)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in members.items():
            new.writestr(name, data)
    return target


def set_manifest(members, **changes):
    members["manifest.json"] = json.dumps(json.loads(members["manifest.json"]) | changes).encode()


def damage_database(members):
    members["smithkit.db"] = members["smithkit.db"][:-4096] + bytes(4096)


def damage_honestly(members):
    data = bytearray(members["smithkit.db"])
    data[8192:40960] = b"\x5a" * 32768
    members["smithkit.db"] = bytes(data)
    digest = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    set_manifest(members, database=digest)


def damage_blob(members):
    (name,) = (name for name in members if name.startswith("blobs/"))
    members[name] = b"jello"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda members: members.update({"../evil": b"x"}), "no backup"),
        (lambda members: members.update({"/etc/evil": b"x"}), "no backup"),
        (lambda members: members.update({"blobs/../../evil": b"x"}), "no backup"),
        (lambda members: members.update({f"blobs/00/{'1' * 64}": b"x"}), "no backup"),
        (lambda members: members.update({f"blobs/11/{'1' * 64}": b"x"}), "another content"),
        (lambda members: members.pop("manifest.json"), "missing"),
        (lambda members: members.pop("smithkit.db"), "missing"),
        (lambda members: members.update({"manifest.json": b"{"}), "not JSON"),
        (lambda members: members.update({"manifest.json": b"[]"}), "does not say"),
        (lambda members: set_manifest(members, format=99), "upgrade"),
        (lambda members: set_manifest(members, revision="9999"), "upgrade"),
        (damage_database, "another content"),
        (damage_honestly, "damaged|malformed|not a database"),
        (damage_blob, "another content"),
    ],
)
def test_damaged_and_hostile_archives_are_refused(written, db, tmp_path, change, message):
    import re

    hostile = rewritten(written / "b.zip", tmp_path / "h.zip", change)
    target = tmp_path / "deep" / "down" / "t.db"
    status, said = db("restore", hostile, url=target)
    assert status == 1
    assert re.search(message, said)
    assert not target.exists()
    assert not (tmp_path / "evil").exists()
    assert list(target.parent.iterdir()) == [], "nothing is left behind"


def test_a_member_longer_than_it_says_is_refused(written, db, tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
        with zipfile.ZipFile(written / "b.zip") as old:
            bomb.writestr("manifest.json", old.read("manifest.json"))
        bomb.writestr("smithkit.db", bytes(50_000_000))
    data = (tmp_path / "bomb.zip").read_bytes()
    size = (50_000_000).to_bytes(4, "little")
    assert data.count(size) == 2
    (tmp_path / "bomb.zip").write_bytes(data.replace(size, (5000).to_bytes(4, "little")))
    status, message = db("restore", tmp_path / "bomb.zip", url=tmp_path / "t.db")
    assert status == 1
    assert "another content" in message or "damaged" in message
    assert not (tmp_path / "t.db").exists()


def test_a_bomb_that_does_not_fit_the_disk_is_refused_before_it_is_unpacked(
    written, db, tmp_path, monkeypatch
):
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100_000_000))
    hostile = rewritten(
        written / "b.zip",
        tmp_path / "h.zip",
        lambda members: members.update({"smithkit.db": bytes(90_000_000)}),
    )
    status, message = db("restore", hostile, url=tmp_path / "t.db")
    assert status == 1
    assert "are free" in message


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"x" * 100])
def test_what_is_no_archive_is_told(db, tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    status, message = db("restore", tmp_path / "x.zip", url=tmp_path / "t.db")
    assert status == 1
    assert "no backup" in message
    status, message = db("restore", tmp_path / "none.zip", url=tmp_path / "t.db")
    assert "there is no backup" in message
