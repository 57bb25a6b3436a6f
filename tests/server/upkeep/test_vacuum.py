from __future__ import annotations

import os
import time

import pytest


def files(database):
    return {path for path in database.with_name(f"{database.name}.blobs").rglob("*") if path.is_file()}


@pytest.mark.parametrize("options", [(), ("--full",)])
def test_it_removes_what_nothing_names_and_keeps_the_rest(filled, db, database, options):
    named = files(database)
    (blob,) = named
    orphan = blob.with_name(blob.name[:2] + "0" * 62)
    orphan.write_bytes(b"orphan")
    upload = blob.parent.parent / ".incoming-now"
    upload.write_bytes(b"being received")
    abandoned = blob.parent.parent / ".incoming-then"
    abandoned.write_bytes(b"abandoned")
    os.utime(abandoned, (0, time.time() - 90_000))
    status, told = db("vacuum", *options)
    assert (status, told["blobs"], told["blob_bytes"]) == (0, 2, 15)
    assert files(database) == named | {upload}
    assert db("check")[0] == 0


@pytest.mark.parametrize("options", [(), ("--full",)])
def test_free_pages_go_back_to_the_file_system(api, db, database, options):
    import sqlite3

    for _ in range(30):
        api.new_run(inputs={"x": os.urandom(50_000).hex()})
    connection = sqlite3.connect(database)
    connection.execute("UPDATE run_payloads SET inputs = NULL")
    connection.commit()
    connection.close()
    status, told = db("vacuum", *options)
    assert status == 0
    assert told["after"] < told["before"] / 4
    assert database.stat().st_size == told["after"]
    assert len(api.query(limit=100)["runs"]) == 30
