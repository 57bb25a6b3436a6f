"""What the store on ClickHouse promises beyond the conformance suite, and its parts."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smithkit.server import EmbeddedServer
from smithkit.server.domain.filters.patterns import is_like
from smithkit.server.services.changes import make_change
from smithkit.server.store import RunBatch, RunSelection, open_store
from smithkit.server.store.clickhouse.address import parse_address
from smithkit.server.store.clickhouse.client import Bound, Clickhouse
from smithkit.server.store.clickhouse.patterns import regex_of
from smithkit.server.store.storage import StorageError
from smithkit.server.upkeep.database import open_database
from smithkit.server.upkeep.errors import UpkeepError

URL = "clickhouse://me:secret@db.example:9000/traces?meta=sqlite:///runs.db"


@pytest.fixture
def url(chdb_server, tmp_path):
    return chdb_server.url(meta=f"sqlite:///{tmp_path / 'meta.db'}")


@pytest.fixture
def store(url):
    with contextlib.closing(open_store(url)) as store:
        yield store


def change(run_id, kind="post", **fields):
    body = {"id": str(run_id), "name": "r", "run_type": "chain"} if kind == "post" else {"id": str(run_id)}
    return make_change(kind, None, body | fields, "test")


def write(store, *changes):
    asyncio.run(store.write(RunBatch(list(changes))))


def find(store, **selection):
    return asyncio.run(store.find_runs(RunSelection(**selection)))


def test_a_url_names_server_database_and_what_stands_beside_it():
    address = parse_address(URL)
    assert (address.host, address.port, address.database, address.user) == (
        "db.example",
        9000,
        "traces",
        "me",
    )
    assert (address.meta, address.secure) == ("sqlite:///runs.db", False)
    assert parse_address(URL.replace("clickhouse:", "clickhouses:").replace(":9000", "")).port == 8443
    assert "secret" not in f"{address!r} {address}"
    both = parse_address(URL.replace("sqlite:///runs.db", "postgresql://me:hidden@db/runs"))
    assert "hidden" not in f"{both!r} {both}"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (URL.partition("?")[0], "meta="),
        (URL.replace("/traces", ""), "no database"),
        (URL + "&replicas=2", "'replicas'"),
        (URL.replace(":9000", ":port"), "Port"),
        (URL.replace("sqlite:///runs.db", "mysql://me:secret@db/runs"), "postgresql"),
    ],
)
def test_an_incomplete_url_is_refused_without_telling_the_password(wrong, said):
    with pytest.raises(ValueError, match=said) as refused:
        open_store(wrong)
    assert "secret" not in str(refused.value)


def test_upkeep_of_the_sql_database_says_that_it_is_not_that_of_runs():
    with pytest.raises(UpkeepError, match="BACKUP DATABASE"), open_database(URL):
        pass


def test_a_server_that_does_not_answer_is_told_clearly(tmp_path):
    with pytest.raises(StorageError, match=r"127.0.0.1:1\b.*Look whether the server runs") as refused:
        open_store(f"clickhouse://me:secret@127.0.0.1:1/d?meta=sqlite:///{tmp_path / 'm.db'}")
    assert "secret" not in str(refused.value)


def test_a_missing_client_is_told_with_its_cure(monkeypatch, url):
    monkeypatch.setitem(sys.modules, "clickhouse_connect.driver.httpclient", None)
    with pytest.raises(StorageError, match=r"pip install 'smithkit-server\[clickhouse\]'"):
        open_store(url)


def test_a_run_that_moves_is_found_in_its_new_place_alone(store):
    run_id = uuid.uuid4()
    write(store, change(run_id, session_name="old", start_time="2024-01-01T00:00:00"))
    write(store, change(run_id, "patch", session_name="new", start_time="2024-01-02T00:00:00"))
    write(store, change(run_id, "patch", session_name="old", start_time="2024-01-01T00:00:00"))
    write(store, change(run_id, "patch", session_name="new"))
    everywhere, by_id = find(store), find(store, ids=[run_id])
    assert [row["id"] for row in everywhere] == [run_id]
    assert by_id == everywhere
    assert find(store, sessions=[everywhere[0]["session_id"]]) == everywhere


def test_a_write_that_was_cut_short_is_healed_by_the_next(store, monkeypatch):
    """Whatever is stored before the run itself leads nowhere, and harms nobody."""
    run_id = uuid.uuid4()
    write(store, change(run_id, session_name="old", inputs={"a": 1}))
    insert = store._clickhouse.insert

    def fail_at_runs(table, rows):
        if table == "runs":
            raise OSError("the server is gone")
        insert(table, rows)

    with monkeypatch.context() as patch:
        patch.setattr(store._clickhouse, "insert", fail_at_runs)
        with pytest.raises(OSError, match="gone"):
            write(store, change(run_id, "patch", session_name="new", outputs={"b": 2}))
    assert len(find(store, ids=[run_id])) == len(find(store)) == 1
    write(store, change(run_id, "patch", session_name="new", outputs={"b": 2}))
    (row,) = find(store)
    assert find(store, ids=[run_id]) == [row]
    assert asyncio.run(store.read_payloads([run_id], ("inputs", "outputs"))) == {
        run_id: {"inputs": b'{"a":1}', "outputs": b'{"b":2}'}
    }


def test_requests_that_come_together_are_written_together_and_refused_apart(store):
    other = asyncio.run(store.directory.create_workspace("other", "other", b"s" * 32))
    foreign, own = uuid.uuid4(), [uuid.uuid4() for _ in range(20)]
    write(store.in_workspace(other["id"]), change(foreign))

    async def together():
        batches = [RunBatch([change(run_id)]) for run_id in (*own, foreign)]
        return await asyncio.gather(*map(store.write, batches), return_exceptions=True)

    *stored, refused = asyncio.run(together())
    assert stored == [None] * len(own)
    assert "is in use" in str(refused)
    assert {row["id"] for row in find(store)} == set(own)


def test_a_server_that_goes_away_is_asked_for_again_later(chdb_server, tmp_path, make_api):
    with contextlib.closing(chdb_server.door()) as door:
        server = EmbeddedServer(door.url(meta=f"sqlite:///{tmp_path / 'meta.db'}"))
        with contextlib.closing(server):
            api = make_api(server)
            run = {"id": str(uuid.uuid4()), "name": "r", "run_type": "chain"}
            assert api.post("/runs", run).status == 202
            door.shut()
            answers = [
                api.post("/runs", run | {"id": str(uuid.uuid4())}),
                api.post("/runs/query", {"limit": 1}),
            ]
            assert [(one.status, "retry-after" in one.headers) for one in answers] == [(503, True)] * 2


@pytest.fixture(scope="module")
def clickhouse(chdb_server):
    with contextlib.closing(Clickhouse(parse_address(chdb_server.url(meta="sqlite:///m.db")))) as clickhouse:
        yield clickhouse


@given(
    st.text("aA%_\\.*bä\n", max_size=8),
    st.lists(st.text("aAbB.*%_\\äÄ\n", max_size=8), min_size=1, max_size=30),
)
@settings(deadline=None)
def test_patterns_mean_what_the_evaluator_says(clickhouse, pattern, texts):
    regex = regex_of(pattern)
    expected = [is_like(text, pattern) for text in texts]
    if regex is None:
        assert not any(expected)
        return
    bound = Bound()
    own, like = bound(texts, "Array(String)"), bound(regex, "String")
    (row,) = clickhouse.query(f"SELECT arrayMap(text -> match(text, {like}), {own}) AS found", bound)
    assert [bool(one) for one in row["found"]] == expected
