"""What the store on ClickHouse promises beyond the conformance suite, and its parts."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smithkit.server import EmbeddedServer
from smithkit.server.domain.filters import RUN_FIELDS, check_filter, parse_filter
from smithkit.server.domain.filters.patterns import is_like
from smithkit.server.services.changes import make_change
from smithkit.server.store import RunBatch, RunSelection, open_store
from smithkit.server.store.clickhouse.address import parse_address
from smithkit.server.store.clickhouse.client import Bound, Clickhouse
from smithkit.server.store.clickhouse.migrations import VERSION, prepare, read_version
from smithkit.server.store.clickhouse.patterns import regex_of
from smithkit.server.store.storage import StorageError

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
    options = "postgresql://db/runs?sslmode=require%26connect_timeout=3"
    assert parse_address(URL.replace("sqlite:///runs.db", options)).meta == options.replace("%26", "&")


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


def test_words_that_were_replaced_are_not_found_any_more(store):
    """The index knows older versions of a document too, in parts of the table that are not merged yet."""
    store._clickhouse.command("SYSTEM STOP MERGES run_documents")
    run_id = uuid.uuid4()
    for n in range(3):
        write(store, change(uuid.uuid4(), inputs={"q": f"another {n}"}))
    write(store, change(run_id, outputs={"a": "quick brown fox"}))
    write(store, change(run_id, "patch", outputs={"a": "lazy dog"}))

    def found(text):
        return [row["id"] for row in find(store, filter=check_filter(parse_filter(text, 9999), RUN_FIELDS))]

    assert found('search("lazy")') == found('search("laz*")') == found('search("\\"lazy dog\\"")') == [run_id]
    assert found('search("fox")') == found('search("fo*")') == found('search("\\"brown fox\\"")') == []
    assert len(found('search("another")')) == 3


def test_a_phrase_of_more_words_than_the_index_takes_at_once_is_found(store):
    run_id, words = uuid.uuid4(), [f"w{n}" for n in range(200)]
    write(store, change(run_id, inputs={"q": " ".join(words)}), change(uuid.uuid4(), inputs={"q": "w1 w2"}))
    text = 'search("\\"{}\\"")'.format(" ".join(words[5:]))
    (row,) = find(store, filter=check_filter(parse_filter(text, 9999), RUN_FIELDS))
    assert row["id"] == run_id


OLDER_INDEX = (
    "ALTER TABLE run_documents DROP INDEX ix_text",
    "ALTER TABLE run_documents ADD INDEX ix_words words TYPE tokenbf_v1(65536, 3, 0) GRANULARITY 1",
    "DROP TABLE schema_versions",
)


def test_a_database_of_an_older_release_is_migrated_and_one_of_a_newer_is_left_alone(url):
    run_id = uuid.uuid4()
    with contextlib.closing(open_store(url)) as store:
        write(store, change(run_id, inputs={"q": "needle"}))
        for statement in OLDER_INDEX:
            store._clickhouse.command(statement)
        assert read_version(store._clickhouse) == 1
    with contextlib.closing(open_store(url)) as store:
        assert read_version(store._clickhouse) == VERSION
        indexes = store._clickhouse.query(
            "SELECT name FROM system.data_skipping_indices"
            " WHERE database = currentDatabase() AND table = 'run_documents'"
        )
        assert indexes == [{"name": "ix_text"}]
        node = check_filter(parse_filter('search("needle")', 99), RUN_FIELDS)
        assert [row["id"] for row in find(store, filter=node)] == [run_id]
        store._clickhouse.insert("schema_versions", [{"version": VERSION + 1, "release": "99.0"}])
    with pytest.raises(StorageError, match=rf"version {VERSION + 1}.*upgrade smithkit-server"):
        open_store(url)


def test_an_old_clickhouse_is_refused(store, monkeypatch):
    monkeypatch.setattr(Clickhouse, "query", lambda *_: [{"version": "25.8.2.29"}])
    with pytest.raises(StorageError, match=r"25\.8.* is too old: .* needs 26\.2"):
        prepare(store._clickhouse)


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


def test_writes_that_wait_are_counted_whichever_view_of_a_workspace_they_came_through(store):
    view = store.in_workspace(store.workspace.id)

    async def together():
        begun, gate = threading.Event(), threading.Event()
        store._inner.access.writer.submit(lambda _db: (begun.set(), gate.wait(30)))
        assert begun.wait(30)
        try:
            tasks = []
            for one in (store, view, store, view):
                tasks.append(asyncio.create_task(one.write(RunBatch([change(uuid.uuid4())]))))
                for _ in range(10):  # it goes as far as it can
                    await asyncio.sleep(0)
            figures = await asyncio.gather(store.figures(), view.figures())
        finally:
            gate.set()
        await asyncio.gather(*tasks)
        return [one.queued_writes for one in figures]

    assert asyncio.run(together()) == [4, 4], "one is next, and three are written together after it"
    assert len(find(store)) == 4


def test_a_store_that_cannot_be_opened_leaves_no_connection_open(url, monkeypatch):
    closed = []
    close = Clickhouse.close
    monkeypatch.setattr(Clickhouse, "close", lambda own: closed.append(own) or close(own))
    monkeypatch.setattr(Clickhouse, "query", lambda *_: [{"version": "25.8.2.29"}])
    with pytest.raises(StorageError, match="too old"):
        open_store(url)
    assert len(closed) == 1


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


ORDERS = [
    lambda requests: requests,
    lambda requests: requests[::-1],
    lambda requests: [requests[at] for at in (1, 0, 3, 2)],
    lambda requests: [requests[at] for at in (2, 3, 0, 1)],
]


@pytest.fixture
def shared(chdb_server, postgres):
    return chdb_server.url(meta=postgres())


@pytest.mark.slow
def test_several_servers_share_clickhouse_and_postgresql(shared, start_server, make_remote_api):
    """Posts and patches of one run, its files and feedback reach different servers, all at once."""
    count = 40
    with start_server(shared) as first, start_server(shared) as second:
        apis = [make_remote_api(one.url) for one in (first, second)]

        def send(number):
            """One run in four requests, half of them to each server, in an order of its own."""
            run_id = str(uuid.UUID(int=number + 1))
            began = "2024-01-01T00:00:00"
            post = {"id": run_id, "name": f"r{number}", "run_type": "chain", "start_time": began}
            requests = [
                ("post", "/runs", {**post, "inputs": {"q": number}, "session_name": f"p{number % 3}"}),
                ("patch", f"/runs/{run_id}", {"outputs": {"a": number}, "end_time": "2024-01-01T00:00:01"}),
                ("post", "/feedback", {"run_id": run_id, "key": "good", "score": 1.0}),
                ("post", "/annotation-queues", {"name": f"q{number}", "id": str(uuid.UUID(int=number + 1))}),
            ]
            requests = ORDERS[number % len(ORDERS)](requests)
            return [
                getattr(apis[at % 2], method)(path, body).status
                for at, (method, path, body) in enumerate(requests)
            ]

        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(send, range(count)))
        assert {status for one in statuses for status in one} <= {200, 202}
        seen = [api.query(limit=100)["runs"] for api in apis]
        told = [api.get("/feedback?limit=100").json for api in apis]
        queues = [api.get("/annotation-queues?limit=100").json for api in apis]
    assert seen[0] == seen[1]
    assert {(run["name"], run["inputs"]["q"], run["outputs"]["a"]) for run in seen[0]} == {
        (f"r{n}", n, n) for n in range(count)
    }
    assert all(run["status"] == "success" for run in seen[0])
    assert len({run["session_id"] for run in seen[0]}) == 3
    assert [len(own) for own in (*told, *queues)] == [count] * 4
    assert all(item["session_id"] for item in told[0]), "feedback has found its run, whichever was first"


@pytest.mark.slow
def test_of_servers_that_start_at_once_one_makes_the_tables(shared):
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: open_store(shared), range(4)))
    rows = stores[0]._clickhouse.query("SELECT version FROM schema_versions")
    for store in stores:
        store.close()
    assert rows == [{"version": VERSION}]


@pytest.mark.slow
def test_everything_else_may_be_in_postgresql(shared, make_api):
    """What the SQL database has a part in, over HTTP."""
    with contextlib.closing(EmbeddedServer(shared)) as server:
        api = make_api(server)
        run_id = api.new_run(
            inputs={"q": 1}, outputs={"a": 2}, attachments={"f": ["text/plain", "eA=="]}, session_name="p"
        )
        dataset = api.new_dataset()
        body = {"source_run_id": run_id, "use_source_run_io": True, "use_source_run_attachments": ["f"]}
        api.new_example(dataset, inputs=None, **body)
        (example,) = api.examples(dataset)
        assert (example["inputs"], example["outputs"]) == ({"q": 1}, {"a": 2})
        project = api.project("p")["id"]
        assert api.patch(f"/sessions/{project}", {"extra": {"retention_days": 1}}).status == 200
        retention = server.app.state.workspaces.retention
        assert server.start().call(retention.run_once()).result(60) == 0, "what came in today is kept"
        assert api.delete(f"/sessions/{project}").status == 200
        assert api.query()["runs"] == []
