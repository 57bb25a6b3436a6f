"""Runs on disk until they are delivered: an outage, a crash or a full disk loses none uncounted."""

from __future__ import annotations

import json
import logging
import os
import stat
import string
import subprocess
import sys
import threading
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smithkit import AsyncClient, Client
from smithkit.errors import LangSmithUserError
from smithkit.tracing._serialize import dumps
from smithkit.tracing.pipeline import _spool
from smithkit.tracing.pipeline._decoded import json_body
from smithkit.tracing.pipeline._snapshot import ATTACHMENTS, SIZE, WEIGHT, run_op
from smithkit.tracing.pipeline._spool import SpoolStore, _record
from smithkit.tracing.pipeline._spool._segment import Segment
from smithkit.tracing.spool import Spool

DEAD = "http://127.0.0.1:9"


class Report:
    """Keeps warnings."""

    def __init__(self) -> None:
        self.said = []

    def warn(self, cause, text, count=1):
        self.said.append((cause, count))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def spooled(make_client, folder):
    """Builds clients with a spool."""
    return lambda url=None, **options: make_client(url, plugins=[Spool(folder)], **options)


@pytest.fixture
def store(tmp_path):
    made = []

    def make(max_bytes=1 << 30):
        made.append(SpoolStore(tmp_path / "endpoint", max_bytes, Report()))
        return made[-1]

    yield make
    for one in made:
        one.close()


def op_of(run, **options):
    return run_op("post", run, dumps, None, with_runtime=False, **options)


def files(folder):
    return sorted(folder.rglob("*.runs"))


def balanced(stats):
    return stats.submitted == stats.queued + stats.spooled + stats.sent + stats.dropped + stats.failed


# ---------------------------------------------------------------- clients


def test_what_is_delivered_leaves_nothing_on_disk(server, spooled, folder, run_factory, end_factory):
    client = spooled()
    run = run_factory()
    client.submit_post(dict(run))
    client.submit_patch(end_factory(run))
    report = client.flush(20)

    assert report
    assert (report.delivered, report.spooled) == (2, 0)
    assert files(folder) == []
    assert [run["outputs"] for run in server.runs().values()] == [{"answer": "a"}]


def test_runs_are_on_disk_while_the_server_is_down_and_a_report_says_so(spooled, folder, run_factory):
    client = spooled(DEAD)
    for _ in range(10):
        client.submit_post(run_factory())
    report = client.close_tracing(0.5)

    assert report
    assert (report.delivered, report.spooled, report.lost, report.queued) == (0, 10, 0, 0)
    assert files(folder)
    assert balanced(client.tracing_stats())


@pytest.mark.parametrize("status", [401, 403, 503])
def test_what_may_be_accepted_later_is_kept_and_sent_then(server, spooled, run_factory, status, caplog):
    server.answer = lambda request, number: status
    client = spooled()
    lane = client._pipeline.main_lane
    lane.delivery.patience.seconds = 0.1
    with caplog.at_level(logging.WARNING, logger="smithkit.tracing"):
        client.submit_post(run_factory())
        report = client.flush(20)
        assert (report.spooled, report.failed) == (1, 0)
        client.flush(20)
    server.answer = lambda request, number: 202
    report = client.flush(20)

    assert (report.delivered, report.spooled) == (1, 0)
    assert len(server.runs()) == 1
    assert len([record for record in caplog.records if "wait on disk" in record.getMessage()]) == 1
    assert "lsv2-key" not in caplog.text


def test_a_run_that_is_refused_for_what_it_holds_is_not_kept(server, spooled, folder, run_factory):
    server.answer = lambda request, number: 422 if b"poison" in request.body else 202
    client = spooled()
    for number in range(8):
        client.submit_post(run_factory(inputs={"x": "poison" if number == 5 else "fine"}))
    report = client.flush(20)

    assert (report.delivered, report.failed, report.spooled) == (7, 1, 0)
    assert files(folder) == []


def test_the_next_client_delivers_what_the_last_one_left(server, spooled, run_factory, soon):
    ids = [run_factory()["id"] for _ in range(5)]
    server.answer = lambda request, number: 503
    first = spooled()
    for key in ids:
        first.submit_post(run_factory(id=key, trace_id=key, dotted_order=f"20240506T070809123456Z{key}"))
    first.close_tracing(0.2)
    server.received.clear()
    server.answer = lambda request, number: 202
    second = spooled()
    soon(lambda: second.tracing_stats().sent == 5)

    assert {key for _, key in server.runs()} == set(ids)
    stats = second.tracing_stats()
    assert (stats.recovered, stats.submitted) == (5, 5)
    assert balanced(stats)


def test_a_closed_client_that_traces_again_delivers_what_it_had_left_once(server, spooled, run_factory, soon):
    server.answer = lambda request, number: 503
    client = spooled()
    client.submit_post(run_factory())
    client.close_tracing(0.2)
    assert client.tracing_stats().spooled == 1
    server.answer = lambda request, number: 202
    client.submit_post(run_factory())
    soon(lambda: client.tracing_stats().sent == 2)

    stats = client.tracing_stats()
    assert (stats.submitted, stats.recovered, stats.spooled) == (2, 0, 0)


def test_runs_for_one_endpoint_or_workspace_never_go_to_another(server, make_client, folder, run_factory):
    first = make_client(f"{server.url}/a", plugins=[Spool(folder)])
    server.answer = lambda request, number: 503
    first.submit_post(run_factory())
    first.close_tracing(0.2)
    server.received.clear()
    server.answer = lambda request, number: 202
    for options in (
        {"url": f"{server.url}/b"},
        {"url": f"{server.url}/a", "workspace_id": str(uuid.uuid4())},
    ):
        other = make_client(plugins=[Spool(folder)], **options)
        other.recover_runs()
        other.submit_post(run_factory())
        assert other.close_tracing(20).delivered == 1

    assert len(server.received) == 2
    assert len(files(folder)) == 1


def test_neither_a_key_nor_a_run_with_its_own_credentials_is_written(server, spooled, folder, run_factory):
    server.answer = lambda request, number: 503
    client = spooled(headers={"X-Extra": "header-secret"})
    client.submit_post(run_factory())
    client.submit_post(run_factory(api_key="run-secret", inputs={"x": "tenant"}))
    client._pipeline._guests.delivery.patience.seconds = 0.1
    client._pipeline.main_lane.delivery.patience.seconds = 0.1
    report = client.close_tracing(5)

    written = b"".join(path.read_bytes() for path in files(folder))
    names = " ".join(str(path) for path in folder.rglob("*"))
    assert b"question" in written
    for secret in ("lsv2-key", "header-secret", "run-secret", "tenant"):
        assert secret.encode() not in written
        assert secret not in names
    assert (report.spooled, report.failed + report.dropped) == (1, 1)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_files_are_readable_for_their_owner_alone(spooled, folder, run_factory):
    previous = os.umask(0)
    try:
        client = spooled(DEAD)
        client.submit_post(run_factory())
        client.close_tracing(0.3)
    finally:
        os.umask(previous)

    modes = {path.is_dir(): set() for path in folder.rglob("*")}
    for path in [folder, *folder.rglob("*")]:
        modes[path.is_dir()].add(stat.S_IMODE(path.stat().st_mode))
    assert modes == {True: {0o700}, False: {0o600}}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_folder_that_others_can_look_into_is_refused_and_runs_are_sent_all_the_same(
    server, spooled, folder, run_factory, caplog
):
    client = spooled()
    endpoint = client._pipeline.main_lane.spool._parent
    endpoint.mkdir(parents=True)
    endpoint.chmod(0o755)
    client.submit_post(run_factory())

    assert client.flush(20).delivered == 1
    assert files(folder) == []
    assert "chmod 700" in caplog.text


def test_the_environment_turns_it_on(monkeypatch, tmp_path, server, run_factory):
    def spool_of(value):
        monkeypatch.setenv("LANGSMITH_TRACING_SPOOL", value)
        return Client(server.url, api_key="k").state["tracing"].spool

    assert spool_of("") is spool_of("false") is spool_of("0") is None
    assert spool_of("true").folder == tmp_path / "smithkit-home" / "spool"
    assert spool_of(str(tmp_path / "there")).folder == tmp_path / "there"
    monkeypatch.setenv("LANGSMITH_TRACING_SPOOL_MAX_BYTES", "1000")
    assert spool_of("true").max_bytes == 1000
    monkeypatch.setenv("LANGSMITH_TRACING_SPOOL_MAX_BYTES", "0")
    with pytest.raises(LangSmithUserError, match="must be positive"):
        spool_of("true")


def test_without_a_spool_or_with_an_empty_one_nothing_starts(make_client, folder):
    before = threading.active_count()
    make_client().recover_runs()
    make_client(plugins=[Spool(folder)])

    assert threading.active_count() == before
    assert not folder.exists()


def test_the_asynchronous_client_reports_what_is_spooled(folder, run_factory):
    import asyncio

    async def run():
        client = AsyncClient(DEAD, api_key="k", info={}, plugins=[Spool(folder)])
        client.submit_post(run_factory())
        return await client.aclose(0.5)

    report = asyncio.run(run())
    assert (report.spooled, report.queued, bool(report)) == (1, 0, True)


# ---------------------------------------------------------------- files


def test_a_live_process_keeps_its_runs_and_a_dead_ones_are_taken_over(store, run_factory):
    living, other = store(), store()
    living.append([op_of(run_factory())])
    other.recover()
    assert other.backlog == 0

    living.close()
    other._look_at = 0
    other.recover()
    assert other.backlog == other.stats.recovered == 1


def test_a_torn_end_is_skipped_and_what_stands_before_it_is_whole(store, run_factory):
    runs = [run_factory() for _ in range(3)]
    first = store()
    first.append([op_of(dict(run)) for run in runs])
    path = first.take().path
    content = path.read_bytes()
    for length in [*range(0, len(content), 41), len(content) - 1]:
        path.write_bytes(content[:length])
        found = Segment.find(path)
        ids = [op[1] for _, op in found.load()]
        assert ids == [run["id"] for run in runs][: len(ids)]
        assert found.damaged == 0
        assert path.stat().st_size <= max(length, 1)
    assert len(ids) == 2


def test_a_damaged_record_is_counted_and_costs_no_other(store, run_factory):
    runs = [run_factory(inputs={"marker": name}) for name in ("one", "two", "three")]
    first = store()
    first.append([op_of(dict(run)) for run in runs])
    path = first.take().path
    path.write_bytes(path.read_bytes().replace(b"two", b"tw0"))
    first.close()
    second = store()
    second.recover()

    assert [op[1] for _, op in second.take().load()] == [runs[0]["id"], runs[2]["id"]]
    assert (second.stats.submitted, second.stats.failed, second.stats.recovered) == (3, 1, 2)
    assert second._report.said == [("spool damaged", 1)]


def test_files_of_another_version_are_left_alone_and_reported(store, run_factory):
    first = store()
    first.append([op_of(run_factory())])
    path = first.take().path
    future = path.with_name(f"0{path.name}")
    future.write_bytes(b"smithkit runs 9\nwho knows")
    first.close()
    second = store()
    second.recover()

    assert second.backlog == 1
    assert future.read_bytes() == b"smithkit runs 9\nwho knows"
    assert second._report.said == [("spool version", 1)]


def test_what_was_delivered_is_not_delivered_again_after_a_crash(store, run_factory):
    runs = [run_factory() for _ in range(4)]
    first = store()
    first.append([op_of(dict(run)) for run in runs])
    segment = first.take()
    first.settle(segment, [number for number, _ in segment.load()][:3])
    first.close()
    second = store()
    second.recover()

    assert [op[1] for _, op in second.take().load()] == [runs[3]["id"]]


def test_the_oldest_make_room_and_are_counted(store, tmp_path, run_factory):
    spool = store(max_bytes=200_000)
    total = 0
    for _ in range(60):
        spool.append([op_of(run_factory(inputs={"x": "y" * 1000})) for _ in range(10)])
        total += 10
        size = sum(path.stat().st_size for path in (tmp_path / "endpoint").rglob("*.runs"))
        assert size <= 200_000

    assert spool.backlog + spool.stats.dropped == total
    assert spool.backlog > 50
    newest = list(spool._segments)[-1]
    assert newest.load()
    assert {cause for cause, _ in spool._report.said} == {"spool full"}


def test_processes_share_one_limit(store, tmp_path, run_factory):
    spools = [store(max_bytes=300_000) for _ in range(3)]
    for number in range(90):
        spools[number % 3].append([op_of(run_factory(inputs={"x": "y" * 1000})) for _ in range(10)])

    size = sum(path.stat().st_size for path in (tmp_path / "endpoint").rglob("*.runs"))
    assert size <= 300_000 * 1.5
    assert sum(spool.backlog + spool.stats.dropped for spool in spools) == 900


def test_a_full_disk_leaves_no_half_of_a_batch(store, run_factory, monkeypatch):
    spool = store()
    spool.append([op_of(run_factory())])
    written = os.write

    def full(fd, data):
        written(fd, bytes(data)[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert not spool.append([op_of(run_factory())])
    monkeypatch.undo()
    spool._fit_at = 0
    assert spool.append([op_of(run_factory())])

    assert len(spool.take().load()) == 2


def test_with_a_failing_disk_runs_are_sent_from_memory(server, spooled, run_factory, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    client = spooled()
    monkeypatch.setattr(_spool._folder.OwnFolder, "__init__", fail)
    for _ in range(5):
        client.submit_post(run_factory())

    assert client.flush(20).delivered == 5


_texts = st.text(string.printable, max_size=20)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(
    fields=st.fixed_dictionaries(
        {"name": _texts},
        optional={
            "inputs": st.dictionaries(_texts, _json, max_size=4),
            "outputs": st.dictionaries(_texts, _json, max_size=4),
            "tags": st.lists(_texts, max_size=3),
            "error": _texts,
            "extra": st.dictionaries(_texts, _json, max_size=3),
            "events": st.lists(st.dictionaries(_texts, _json, max_size=2), max_size=2),
        },
    ),
    attachments=st.dictionaries(
        st.text("abc", min_size=1, max_size=5),
        st.tuples(st.just("image/png"), st.binary(max_size=50)),
        max_size=2,
    ),
)
def test_a_record_is_read_as_it_was_written(fields, attachments):
    key = str(uuid.uuid4())
    run = {"id": key, "trace_id": key, "dotted_order": f"20240506T070809123456Z{key}", **fields}
    op = op_of({**run, "attachments": attachments})
    back = _record.decode(_record.encode(op))

    assert json.loads(json_body(back)) == json.loads(json_body(op))
    assert back[:3] == op[:3]
    assert back[ATTACHMENTS] == op[ATTACHMENTS]
    assert (back[SIZE], back[WEIGHT]) == (op[SIZE], op[WEIGHT])


def test_an_attachment_that_names_a_file_is_kept_as_it_was(tmp_path, run_factory):
    file = tmp_path / "picture"
    file.write_bytes(b"before")
    op = op_of(run_factory(attachments={"p": ("image/png", file)}, dangerously_allow_filesystem=True))
    record = _record.encode(op)
    file.write_bytes(b"after")

    assert _record.decode(record)[ATTACHMENTS] == (("p", "image/png", b"before", None),)


@pytest.mark.slow
def test_several_processes_share_one_folder(server, folder):
    program = (
        "import sys, uuid\n"
        "from smithkit import Client\n"
        "client = Client(sys.argv[1], api_key='k', info={})\n"
        "for _ in range(200):\n"
        "    key = str(uuid.uuid4())\n"
        "    client.create_run('run', {}, 'chain', id=key, trace_id=key,\n"
        "                      dotted_order='20240506T070809123456Z' + key)\n"
        "assert client.close(30)\n"
    )
    environment = {**os.environ, "LANGSMITH_TRACING_SPOOL": str(folder)}
    processes = [
        subprocess.Popen([sys.executable, "-c", program, server.url], env=environment) for _ in range(4)
    ]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert len(server.runs()) == 800
    assert files(folder) == []
