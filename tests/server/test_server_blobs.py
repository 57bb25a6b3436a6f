"""Attachments on storage that several machines reach."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import uuid
from contextlib import closing

import fsspec
import pytest
import requests

from smithkit.server.services.changes import make_change
from smithkit.server.store import Attachment, RunBatch, open_store
from smithkit.server.store.blobs import DamagedBlobError, open_blobs
from smithkit.server.upkeep.checking import check
from smithkit.server.upkeep.database import open_database

SPILL = 1000
LARGE = bytes(range(256)) * 4096


@pytest.fixture(scope="module")
def bucket():
    """A bucket of an S3 server in this process."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="traces")
        yield "s3://traces"
    server.stop()


@pytest.fixture(params=["memory", "folder", "file", pytest.param("s3", marks=pytest.mark.slow)])
def place(request, tmp_path):
    if request.param == "s3":
        return f"{request.getfixturevalue('bucket')}/{uuid.uuid4()}"
    if request.param == "memory":
        return f"memory://blobs-{uuid.uuid4()}/prefix"
    return f"{'file://' if request.param == 'file' else ''}{tmp_path / 'elsewhere'}"


@pytest.fixture
def blobs(place, tmp_path):
    return open_blobs(place, tmp_path)


def received(blobs, content):
    sink = blobs.sink(SPILL)
    for at in range(0, len(content), 700):
        sink.write(content[at : at + 700])
    return sink.finish()


@pytest.mark.parametrize("content", [b"", b"short", LARGE])
def test_what_is_placed_is_found_whole_until_it_is_removed(blobs, content):
    staged = received(blobs, content)
    assert blobs.find(staged.digest) is None
    blobs.prepare(staged)
    blobs.place(staged)
    blobs.place(staged)
    found = blobs.find(hashlib.sha256(content).digest())
    assert (found.size, b"".join(found.pieces())) == (len(content), content)
    assert [dict(group) for group in blobs.groups()] == [{staged.digest: len(content)}]
    blobs.remove(staged.digest)
    blobs.remove(staged.digest)
    assert blobs.find(staged.digest) is None
    assert not any(blobs.groups())


def test_what_was_removed_while_it_was_prepared_is_there_after_all(blobs):
    staged = received(blobs, LARGE)
    blobs.prepare(staged)
    blobs.remove(staged.digest)
    blobs.place(staged)
    assert b"".join(blobs.find(staged.digest).pieces()) == LARGE


def test_another_content_under_its_name_is_told():
    url = f"memory://blobs-{uuid.uuid4()}"
    blobs = open_blobs(url, None)
    staged = received(blobs, b"true")
    blobs.place(staged)
    name = staged.digest.hex()
    fsspec.filesystem("memory").pipe_file(f"{url.removeprefix('memory:/')}/{name[:2]}/{name}", b"lies")
    with pytest.raises(DamagedBlobError, match=name):
        list(blobs.find(staged.digest).pieces())


def test_a_project_takes_its_files_along_wherever_they_are(place, tmp_path):
    database = str(tmp_path / "runs.db")
    run = {"id": str(uuid.uuid4()), "name": "r", "start_time": "2024-01-01", "session_name": "p"}

    async def fill_and_empty(store):
        staged = received(store.blobs, LARGE)
        file = Attachment(uuid.UUID(run["id"]), "f", "text/plain", staged)
        await store.write(RunBatch([make_change("post", None, run, "test")], [file]))
        assert b"".join(store.find_blob(staged.digest).pieces()) == LARGE
        with open_database(database, blobs=place) as opened:
            report = check(opened)
            assert (report.ok, report.blobs, report.orphans) == (True, 1, 0), report
        (row,) = await store.find_runs(selection([run["id"]]))
        assert await store.delete_session(row["session_id"])
        assert store.find_blob(staged.digest) is None

    with closing(open_store(database, blobs=place)) as store:
        asyncio.run(fill_and_empty(store))


def selection(ids):
    from smithkit.server.store import RunSelection

    return RunSelection(ids=[uuid.UUID(one) for one in ids])


def test_an_unknown_kind_of_place_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot keep blobs at this kind of URL"):
        open_store(str(tmp_path / "runs.db"), blobs="nonsense://bucket")


@pytest.mark.slow
def test_a_server_streams_files_from_such_a_place(serve):
    with serve("--blobs", "memory://served") as server:
        run = {"id": str(uuid.uuid4()), "name": "r", "run_type": "chain", "start_time": "2024-01-01T00:00:00"}
        parts = {
            f"post.{run['id']}": (None, json.dumps(run), "application/json"),
            f"attachment.{run['id']}.f": (None, LARGE, f"text/plain; length={len(LARGE)}"),
        }
        assert requests.post(f"{server.url}/runs/multipart", files=parts, timeout=30).status_code == 202
        urls = requests.get(f"{server.url}/runs/{run['id']}", timeout=30).json()["s3_urls"]
        (found,) = re.findall(r"/blobs/[^\"']+", str(urls["attachment.f"]["presigned_url"]))
        answer = requests.get(f"{server.url}{found}", timeout=30)
        assert answer.content == LARGE
        assert answer.headers["content-length"] == str(len(LARGE))
