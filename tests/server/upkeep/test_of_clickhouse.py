"""`smithkit db` on runs and feedback in ClickHouse."""

from __future__ import annotations

import contextlib
import json
import re
import uuid

import pytest

from smithkit.cli import main
from smithkit.server import EmbeddedServer, open_store
from smithkit.server.store.clickhouse.migrations import VERSION
from smithkit.server.upkeep.database import open_database
from smithkit.server.upkeep.errors import UpkeepError


@pytest.fixture
def new_url(chdb_server, tmp_path):
    """Give the URL of an empty database, with a SQLite file beside it."""

    def new():
        return chdb_server.url(meta=f"sqlite:///{tmp_path / uuid.uuid4().hex / 'meta.db'}")

    return new


@pytest.fixture
def url(new_url):
    return new_url()


@pytest.fixture
def source(filled):
    """A SQLite database with something of every kind in it, closed."""
    api = filled
    late, child = str(uuid.uuid4()), str(uuid.uuid4())
    post = {"name": "child", "run_type": "llm", "start_time": "2024-01-01T00:00:01", "parent_run_id": late}
    assert api.post("/runs", {**post, "id": child}).status == 202, "its parent is not there yet"
    assert api.post("/feedback", {"run_id": late, "key": "early", "score": 1}).status == 200
    noted = {"metadata": {"user": "u-7", "n": 3}, "runtime": {"sdk": "x" * 400}}
    run_id = api.new_run(name="noted", extra=noted, tags=["blue"], outputs={"a": "needle"}, error="it broke")
    assert api.call("PUT", f"/runs/{run_id}/share", b"{}").status == 200
    api.new_run(name="bare")
    api.server.close()
    return api.server.url, late


def lines(path):
    """An export's records, without the order in which they stand."""
    head, *records = path.read_text().splitlines()
    return [head, *sorted(records)]


def test_a_copy_of_a_sqlite_database_has_every_row_and_goes_on(source, db, url, make_api):
    path, late = source
    status, told = db("copy", path, url)
    assert (status, told["ok"], told["missing"]) == (0, True, 0)
    assert told["rows"]["runs"] == told["rows"]["run_payloads"] == [15, 15]
    assert told["rows"]["feedback"] == [13, 13]
    assert told["rows"]["run_shares"] == [1, 1]
    assert db("check", url=url)[0] == 0
    status, again = db("copy", path, url)
    assert (status, again["rows"]) == (0, told["rows"])
    with contextlib.closing(EmbeddedServer(path)) as before, contextlib.closing(EmbeddedServer(url)) as after:
        apis = [make_api(before), make_api(after)]
        for asked in (
            {},
            {"filter": 'search("needle")'},
            {"filter": 'and(eq(metadata_key, "user"), eq(metadata_value, "u-7"))'},
            {"filter": 'has(tags, "blue")'},
            {"filter": "gt(feedback_score, 0.5)"},
        ):
            found = [api.query(limit=100, **asked)["runs"] for api in apis]
            assert [told_of(run) for run in found[0]] == [told_of(run) for run in found[1]]
            assert found[0]
        assert apis[0].post("/runs/stats", {}).json == apis[1].post("/runs/stats", {}).json
        # What waited for a run goes on waiting, and finds it.
        for api in apis:
            api.new_run(id=late, name="late", session_name="p0", start_time="2024-01-01T00:00:00")
            (item,) = api.get(f"/feedback?run={late}").json
            assert item["session_id"] == api.project("p0")["id"]
            (child,) = api.query(parent_run=late)["runs"]
            assert child["dotted_order"].startswith(api.run(late)["dotted_order"])


def told_of(run):
    """What does not differ by where a server signs its links."""
    return {name: value for name, value in run.items() if not name.endswith("urls") and name != "share_token"}


def test_an_export_is_lossless_in_both_directions(source, db, new_url, tmp_path, contents):
    path, url = source[0], new_url()
    assert db("export", tmp_path / "sqlite.jsonl", url=path)[0] == 0
    status, told = db("import", tmp_path / "sqlite.jsonl", url=url)
    assert (status, told["added"]["runs"], told["refused"], told["renamed"]) == (0, 15, {}, [])
    status, told = db("import", tmp_path / "sqlite.jsonl", url=url)
    assert (status, told["added"]) == (0, {})
    assert db("export", tmp_path / "clickhouse.jsonl.zst", url=url)[0] == 0
    assert db("export", tmp_path / "clickhouse.jsonl", url=url)[0] == 0
    assert lines(tmp_path / "clickhouse.jsonl") == lines(tmp_path / "sqlite.jsonl")
    back, other = tmp_path / "back" / "b.db", new_url()
    for target in (back, other):
        assert db("import", tmp_path / "clickhouse.jsonl.zst", url=target)[0] == 0
    assert contents(back) == contents(path)
    assert db("export", tmp_path / "other.jsonl", url=other)[0] == 0
    assert (tmp_path / "other.jsonl").read_bytes() == (tmp_path / "clickhouse.jsonl").read_bytes()


def test_pages_of_an_export_have_everything(db, url, tmp_path, make_api, monkeypatch):
    for name in ("_PAGE", "_IDS", "_DOCUMENTS"):
        monkeypatch.setattr(f"smithkit.server.upkeep.clickhouse_rows.{name}", 3)
    with contextlib.closing(EmbeddedServer(url)) as server:
        api = make_api(server)
        for n in range(10):
            run_id = api.new_run(inputs={"n": n}, start_time=f"2024-01-0{1 + n // 5}T00:00:00")
            assert api.post("/feedback", {"run_id": run_id, "key": "k", "score": n}).status == 200
    assert db("export", tmp_path / "e.jsonl", url=url)[0] == 0
    rows = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    inputs = [row["row"]["inputs"] for row in rows if row.get("table") == "run_payloads"]
    assert sorted(json.loads(own)["n"] for own in inputs) == list(range(10))
    scores = [row["row"]["score"] for row in rows if row.get("table") == "feedback"]
    assert sorted(scores) == list(range(10))


def test_rows_that_nothing_here_belongs_to_are_refused(source, db, url, tmp_path):
    path, _ = source
    assert db("export", tmp_path / "e.jsonl", url=path)[0] == 0
    records = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    for record in records:
        if record.get("table") == "runs":
            record["row"]["session_id"] = str(uuid.uuid4())
    (tmp_path / "e.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    status, told = db("import", tmp_path / "e.jsonl", url=url)
    assert status == 1
    assert told["refused"] == {"runs": 15, "run_payloads": 13, "run_shares": 1}


def test_a_check_finds_runs_that_are_lost(db, url, make_api):
    with contextlib.closing(EmbeddedServer(url)) as server:
        make_api(server).new_run()
    assert db("check", url=url)[0] == 0
    with contextlib.closing(open_store(url)) as store:
        store._clickhouse.command("TRUNCATE TABLE run_homes")
    status, told = db("check", url=url)
    assert (status, told["checks"]["ClickHouse runs"]) == (1, ["1 runs cannot be found by their ids"])
    with contextlib.closing(open_store(url)) as store:
        store._clickhouse.insert("schema_versions", [{"version": VERSION + 1, "release": "99.0"}])
    status, told = db("check", url=url)
    assert status == 1
    assert "upgrade smithkit-server" in told["checks"]["ClickHouse schema"][0]
    with pytest.raises(UpkeepError, match=rf"version {VERSION + 1}"), open_database(url):
        pass


def test_a_vacuum_merges_and_removes_files_that_nothing_names(db, url, make_api):
    with contextlib.closing(EmbeddedServer(url)) as server:
        api = make_api(server)
        run_id = api.new_run(inputs={"n": 1}, attachments={"f": ["text/plain", "eA=="]})
        for n in range(3):
            assert api.patch(f"/runs/{run_id}", {"outputs": {"n": n}}).status == 202
    with open_database(url) as database:
        staged = database.blobs.sink(10)
        staged.write(b"left behind")
        database.blobs.place(staged.finish())
    status, told = db("vacuum", url=url)
    assert (status, told["blobs"]) == (0, 1)
    status, told = db("vacuum", "--full", url=url)
    assert (status, told["blobs"]) == (0, 0)
    assert 0 < told["after"] <= told["before"]
    with contextlib.closing(EmbeddedServer(url)) as server:
        assert make_api(server).run(run_id)["outputs"] == {"n": 2}


@pytest.mark.parametrize(
    ("command", "advice"),
    [("backup", "smithkit db export.*BACKUP DATABASE"), ("restore", "smithkit db import.*RESTORE DATABASE")],
)
def test_what_does_not_work_says_what_does(url, tmp_path, capsys, command, advice):
    open_store(url).close()
    assert main(["db", command, str(tmp_path / "x.zip"), "--db", url]) != 0
    assert re.search(advice, capsys.readouterr().err)


def test_a_url_that_is_wrong_is_told(tmp_path):
    with pytest.raises(UpkeepError, match="meta="), open_database("clickhouse://localhost/d"):
        pass
