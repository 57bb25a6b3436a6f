"""Runs: written in any order by anybody, read at once."""

from __future__ import annotations

import itertools
import json
import uuid
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smithkit.server.domain.filters import RUN_FIELDS, check_filter, parse_filter
from smithkit.server.domain.times import now
from smithkit.server.store import Duty, NameTakenError, RunGrouping, SessionSelection, TakenError

START = "2024-01-01T00:00:00"
REUSED = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def tree(depth):
    """Dotted orders and ids of a line of runs, the root first."""
    ids = [uuid.uuid4() for _ in range(depth)]
    orders = [".".join(f"20240101T000000000000Z{one}" for one in ids[: n + 1]) for n in range(depth)]
    return ids, orders


def messages_of(run_id):
    same = {"id": str(run_id), "name": "r", "run_type": "llm", "start_time": START, "tags": ["a"]}
    opening = ("post", same | {"inputs": {"q": 1}, "extra": {"metadata": {"k": "v", "thread_id": "t"}}})
    finished = ("post", same | {"outputs": {"a": 2}, "end_time": "2024-01-01T00:00:01", "name": "done"})
    patch = ("patch", {"id": str(run_id), "error": "broken", "end_time": "2024-01-01T00:00:02"})
    return [opening, finished, patch]


def settled(bench, run_id):
    row = bench.run(run_id)
    for moment in ("created_at", "modified_at", "id", "trace_id", "dotted_order", "session_id"):
        row.pop(moment)
    return row, bench.payloads(run_id, "inputs", "outputs", "error", "extra")


@REUSED
@given(st.permutations(range(3)), st.lists(st.booleans(), min_size=3, max_size=3), st.integers(0, 2))
def test_messages_about_a_run_give_the_same_record_in_any_order(bench, order, cut, again):
    first, second = uuid.uuid4(), uuid.uuid4()
    bench.write(*messages_of(first))
    messages = messages_of(second)
    request = []
    for place in [*order, again]:
        request.append(messages[place])
        if cut[place]:
            bench.write(*request)
            request = []
    if request:
        bench.write(*request)
    assert settled(bench, second) == settled(bench, first)


def test_a_write_is_read_at_once_by_everybody(bench, open_bench):
    with open_bench() as other:
        run_id = bench.new_run(inputs={"q": "?"})
        assert other.run(run_id)["name"] == "r"
        other.write(("patch", {"id": str(run_id), "outputs": {"a": "!"}, "end_time": "2024-01-01T00:00:01"}))
        assert bench.payloads(run_id, "inputs", "outputs") == {"inputs": {"q": "?"}, "outputs": {"a": "!"}}


def test_what_was_written_is_there_when_the_store_is_opened_again(bench, open_bench):
    run_id = bench.new_run(inputs={"q": "?"})
    bench.store.close()
    with open_bench() as again:
        assert again.payloads(run_id, "inputs") == {"inputs": {"q": "?"}}
        assert again.store.workspace.id is not None


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_runs_without_dotted_order_find_their_place_whoever_comes_first(bench, order):
    ids = [uuid.uuid4() for _ in range(3)]
    for place in order:
        parent = str(ids[place - 1]) if place else None
        bench.new_run(id=str(ids[place]), parent_run_id=parent)
    rows = [bench.run(run_id) for run_id in ids]
    assert [row["dotted_order"].count(".") for row in rows] == [0, 1, 2]
    assert {row["trace_id"] for row in rows} == {ids[0]}
    assert bench(bench.store.read_children(ids)) == {ids[0]: [ids[1]], ids[1]: [ids[2]]}


def test_a_tree_is_read_from_any_of_its_places(bench):
    from smithkit.server.store import Place

    ids, orders = tree(4)
    for run_id, order in zip(ids, orders, strict=True):
        bench.new_run(id=str(run_id), dotted_order=order)
    below = bench.runs(below=Place(ids[0], orders[1]))
    assert {row["id"] for row in below} == set(ids[1:])
    assert [row["id"] for row in bench.runs(traces=[ids[0]], is_root=True)] == [ids[0]]
    assert [row["id"] for row in bench.runs(parent=ids[2])] == [ids[3]]


def test_a_request_is_stored_whole_or_not_at_all(bench, make):
    from smithkit.server.store import FeedbackRefusedError

    run_id = uuid.uuid4()
    lost = make.feedback(None, session_id=uuid.uuid4())
    with pytest.raises(FeedbackRefusedError):
        bench.write(("post", {"id": str(run_id), "name": "r", "start_time": START}), feedback=[lost])
    assert bench.runs(ids=[run_id]) == []


def test_what_stands_in_texts_comes_back(bench):
    name = "Blé 🦊 '\"; -- %_\\ \n\t"
    inputs = {"text": "nul \x00 and \ud83e", "deep": [[[{"a": 1.5e300}]]], "big": 2**63}
    run_id = bench.new_run(name=name, inputs=json.loads(json.dumps(inputs)) | {"text": "nul \x00"})
    assert bench.run(run_id)["name"] == name
    assert bench.payloads(run_id, "inputs")["inputs"] == inputs | {"text": "nul \x00"}


def test_no_text_is_too_strange_for_a_name_or_a_tag(bench):
    strange = "a\x00b"
    run_id = bench.new_run(name=strange, tags=[strange, "plain"], session_name="p\x00q")
    assert bench.run(run_id)["id"] == run_id
    node = check_filter(parse_filter('has(tags, "plain")'), RUN_FIELDS)
    assert [row["id"] for row in bench.runs(filter=node)] == [run_id]


def test_very_long_names_and_threads_are_kept(bench):
    long = "".join(str(uuid.uuid4()) for _ in range(300))
    run_id = bench.new_run(name=long, session_name=long[:2000], extra={"metadata": {"thread_id": long}})
    assert bench.run(run_id)["name"] == long


def test_files_keep_their_order_and_the_newest_content(bench):
    run_id = uuid.uuid4()
    bench.write(files=[(run_id, "b", b"one"), (run_id, "a", b"two")])  # before their run
    bench.new_run(id=str(run_id))
    bench.write(files=[(run_id, "b", b"three")])
    files = bench(bench.store.read_attachments([run_id]))[run_id]
    assert [(file["name"], file["size"]) for file in files] == [("b", 5), ("a", 3)]


@pytest.mark.parametrize("ascending", [False, True])
def test_pages_give_every_run_once_also_where_start_times_are_equal(bench, ascending):
    runs = [
        ("post", {"id": str(uuid.uuid4()), "name": "r", "start_time": f"2024-01-01T00:00:0{n // 7}"})
        for n in range(40)
    ]
    bench.write(*runs)
    found, after = [], None
    while page := bench.runs(after=after, ascending=ascending, limit=6):
        found += page
        after = (page[-1]["start_time"], page[-1]["id"])
    keys = [(row["start_time"], row["id"].bytes) for row in found]
    assert keys == sorted(set(keys), reverse=not ascending)
    assert len(found) == len(runs)


def test_what_a_selection_names_is_found(bench):
    project = bench.project("p")
    example = uuid.uuid4()
    good = bench.new_run(
        session_id=str(project), run_type="llm", reference_example_id=str(example), tags=["x"]
    )
    bad = bench.new_run(error="oh", start_time="2024-02-01T00:00:00")
    moment = bench.run(bad)["start_time"]
    for selection, expected in (
        ({"sessions": [project]}, {good}),
        ({"sessions": []}, set()),
        ({"ids": [good, uuid.uuid4()]}, {good}),
        ({"ids": []}, set()),
        ({"run_type": "llm"}, {good}),
        ({"error": True}, {bad}),
        ({"error": False}, {good}),
        ({"examples": [example]}, {good}),
        ({"started_from": moment}, {bad}),
        ({"started_to": moment - 1}, {good}),
        ({"is_root": False}, set()),
    ):
        assert {row["id"] for row in bench.runs(**selection)} == expected, selection
    answers = bench(bench.store.read_answers([project], [example]))
    assert [row["id"] for row in answers] == [good]


def percentile(values, percent):
    values = sorted(values)
    return values[max(0, -(-len(values) * percent // 100) - 1)]


def test_figures_are_those_of_the_runs(bench, make):
    from smithkit.server.store import RunSelection

    begin = datetime.fromisoformat(START)
    ids = [
        bench.new_run(
            error="oh" if n % 4 == 0 else None,
            end_time=(begin + timedelta(milliseconds=n * 10)).isoformat(),
            outputs={"usage_metadata": {"input_tokens": n, "output_tokens": 1, "total_cost": 0.5}},
        )
        for n in range(1, 24)
    ]
    bench(bench.store.feedback.put([make.feedback(run_id, score=n % 2) for n, run_id in enumerate(ids[:10])]))
    figures = bench(bench.store.run_stats(RunSelection()))
    assert figures["run_count"] == 23
    assert figures["error_rate"] == 5 / 23
    assert type(figures["total_tokens"]) is int
    assert figures["total_tokens"] == sum(range(1, 24)) + 23
    assert figures["median_tokens"] == percentile(range(2, 25), 50)
    assert figures["latency_p99"] == percentile([n / 100 for n in range(1, 24)], 99)
    assert figures["feedback_stats"]["good"]["n"] == 10
    project = bench.run(ids[0])["session_id"]
    own = bench(bench.store.session_stats([project]))[project]
    assert (own["run_count"], own["total_tokens"]) == (23, figures["total_tokens"])
    assert own["feedback_stats"]["good"]["avg"] == 0.5
    nobody = bench(bench.store.run_stats(RunSelection(ids=[])))
    assert (nobody["run_count"], nobody["error_rate"], nobody["latency_p50"]) == (0, None, None)


@pytest.mark.parametrize(
    ("grouping", "expected"),
    [
        (RunGrouping("name"), (["b", "a"], 2)),
        (RunGrouping("tag"), (["x", "y"], 2)),
        (RunGrouping("metadata", "k"), (["2", "one"], 2)),
        (RunGrouping("thread"), (["t2", "t1"], 2)),
        (RunGrouping("name", limit=1, offset=1), (["a"], 2)),
    ],
)
def test_runs_are_grouped(bench, grouping, expected):
    from smithkit.server.store import RunSelection

    for name, tags, metadata, day in (
        ("a", ["x", 7, None], {"k": "one", "thread_id": "t1"}, 1),
        ("b", ["x", "y"], {"k": 2, "thread_id": "t1"}, 2),
        ("b", None, {"k": 2, "session_id": "t2"}, 3),
        ("b", ["x"], {"k": ["no"]}, 4),
    ):
        bench.new_run(name=name, tags=tags, extra={"metadata": metadata}, start_time=f"2024-01-0{day}")
    assert bench(bench.store.group_runs(RunSelection(), grouping)) == expected


def test_a_run_is_shared_under_one_token(bench):
    store = bench.store
    run_id, other, token = bench.new_run(), bench.new_run(), uuid.uuid4()
    assert bench(store.share_run(run_id, token)) == token
    assert bench(store.share_run(run_id, uuid.uuid4())) == token
    assert bench(store.share_run(uuid.uuid4(), uuid.uuid4())) is None
    with pytest.raises(NameTakenError):
        bench(store.share_run(other, token))
    assert bench(store.find_shared(token))["id"] == run_id
    assert bench(store.directory.owner_of_link(token)) == store.workspace.id
    bench(store.delete_share(run_id))
    assert bench(store.find_shared(token)) is None


def test_projects_are_made_changed_and_found(bench):
    store = bench.store
    first, second = bench.project("One"), bench.project("Two_%")
    assert bench(store.create_session({"id": uuid.uuid4(), "name": "One"}, upsert=False)) is None
    changed = bench(store.update_session(first, {"extra": json.dumps({"metadata": {"k": {"z": 1, "y": 2}}})}))
    assert changed["name"] == "One"
    with pytest.raises(NameTakenError):
        bench(store.update_session(first, {"name": "Two_%"}))
    assert bench(store.update_session(uuid.uuid4(), {"name": "x"})) is None
    for selection, expected in (
        ({"name": "One"}, {first}),
        ({"name_contains": "o_%"}, {second}),
        ({"name_contains": "NE"}, {first}),
        ({"ids": [second]}, {second}),
        ({"metadata": {"k": {"y": 2}}}, {first}),
        ({"reference_datasets": [uuid.uuid4()]}, set()),
    ):
        found = bench(store.find_sessions(SessionSelection(**selection)))
        assert {row["id"] for row in found} == expected, selection


def test_a_project_goes_with_all_that_is_its(bench, make):
    store = bench.store
    project, kept = bench.project("gone"), bench.new_run()
    run_id = bench.new_run(session_id=str(project), inputs={"q": "needle"})
    bench.write(files=[(run_id, "f", b"shared"), (run_id, "g", b"own"), (kept, "f", b"shared")])
    bench(store.feedback.put([make.feedback(run_id)]))
    bench(store.share_run(run_id, uuid.uuid4()))
    assert bench(store.delete_session(project))
    assert not bench(store.delete_session(project))
    assert bench.runs(ids=[run_id]) == []
    assert bench(store.read_payloads([run_id], ["inputs"])) == {}
    assert bench(store.read_attachments([run_id])) == {}
    assert bench(store.read_feedback([run_id])) == {}
    assert bench.run(kept)["id"] == kept
    again = bench.new_run(id=str(run_id))
    assert bench.payloads(again, "inputs") == {}


def test_workspaces_do_not_see_each_other(bench):
    store = bench.store
    row = bench(store.directory.create_workspace("Other", "other", b"s" * 32))
    with pytest.raises(NameTakenError):
        bench(store.directory.create_workspace("Again", "other", b"s" * 32))
    other = bench.of(store.in_workspace(row["id"]))
    mine, project = bench.new_run(inputs={"q": "needle"}), bench.project("p")
    node = check_filter(parse_filter('search("needle")'), RUN_FIELDS)
    assert [found["id"] for found in bench.runs(filter=node)] == [mine]
    assert other.runs(filter=node) == other.runs(ids=[mine]) == other.runs(sessions=[project]) == []
    assert bench(other.store.read_children([mine])) == {}
    assert bench(other.store.share_run(mine, uuid.uuid4())) is None
    assert not bench(other.store.delete_session(project))
    with pytest.raises(TakenError):
        other.new_run(id=str(mine), name="stolen")
    with pytest.raises(TakenError):
        other.write(files=[(mine, "f", b"x")])
    with pytest.raises(TakenError):
        other.new_run(session_id=str(project))
    assert bench.run(mine)["name"] == "r"
    assert other.project("p") != project


def test_keys_and_settings_are_kept(bench):
    directory, digest, key = bench.store.directory, b"d" * 32, uuid.uuid4()
    assert not bench(directory.has_keys())
    row = {
        "id": key,
        "workspace_id": bench.store.workspace.id,
        "name": "ci",
        "role": "write",
        "digest": digest,
        "hint": "abcd",
        "created_at": 1,
        "expires_at": None,
        "revoked_at": None,
    }
    bench(directory.add_key(row))
    assert bench(directory.find_key(digest)) == row
    assert bench(directory.revoke_key(key))
    assert not bench(directory.revoke_key(key))
    assert [found["id"] for found in bench(directory.keys())] == [key]
    assert bench(bench.store.set_handle("me"))["handle"] == "me"
    bench(bench.store.change_secrets(["B", "A"], []))
    bench(bench.store.change_secrets(["A"], ["B"]))
    assert bench(bench.store.list_secrets()) == ["A"]


def test_jobs_are_kept_with_their_project(bench):
    store, project, job = bench.store, bench.project("p"), uuid.uuid4()
    values = {"id": job, "session_id": project, "name": "j", "status": "queued", "request": "{}"}
    values |= {"created_at": 1}
    assert not bench(store.create_insights_job({**values, "session_id": uuid.uuid4()}))
    assert bench(store.create_insights_job(values))
    bench(store.update_insights_job(job, {"status": "success", "clusters": b"[]"}))
    (found,) = bench(store.find_insights_jobs(project, job))
    assert (found["status"], found["clusters"]) == ("success", b"[]")


def test_traces_that_are_too_old_go_whole_and_no_others_do(bench, make):
    project = bench.project("old")
    (root, child), orders = tree(2)
    kept = bench.new_run(start_time="2100-01-01T00:00:00", session_id=str(project))
    elsewhere = bench.new_run(start_time=START)
    for run_id, order, parent in ((root, orders[0], None), (child, orders[1], str(root))):
        bench.new_run(
            id=str(run_id),
            trace_id=str(root),
            dotted_order=order,
            parent_run_id=parent,
            session_id=str(project),
        )
    bench(bench.store.feedback.put([make.feedback(root)]))
    assert project in {row["id"] for row in bench(bench.store.list_retentions())}
    assert bench(bench.store.delete_expired(project, now() + 60_000_000)) == 2
    assert bench(bench.store.delete_expired(project, now() + 60_000_000)) == 0
    assert {row["id"] for row in bench.runs(ids=[root, child, kept, elsewhere])} == {kept, elsewhere}
    assert bench(bench.store.read_feedback([root])) == {}
    bench(bench.store.give_space_back())


AWKWARD = [
    "tab\there",
    "line\nbreak\r",
    "back\\slash \\N \\. \\x00",
    "'quotes\"",
    "größe 東京 \U0001f600",
    "",
    "\\N",
    "\\.",
]


def test_a_large_batch_keeps_every_text_and_null(bench):
    runs = [
        run_body(name=f"{AWKWARD[n % 8]}{n}", tags=[AWKWARD[n % 8]], inputs={"q": AWKWARD[n % 8]})
        for n in range(100)
    ]
    bench.write(*[("post", run) for run in runs])
    found = {str(row["id"]): row for row in bench.runs()}
    for run in runs:
        row = found[run["id"]]
        assert (row["name"], json.loads(row["tags"])) == (run["name"], run["tags"])
        assert row["parent_run_id"] is row["total_tokens"] is None
        assert bench.payloads(uuid.UUID(run["id"]), "inputs", "outputs") == {"inputs": run["inputs"]}


def test_large_batches_with_the_same_runs_are_merged(bench, open_bench):
    posts = [run_body(name="posted", inputs={"n": n}) for n in range(60)]
    ends = [{"id": run["id"], "outputs": {"a": 1}, "end_time": "2024-01-01T00:00:02"} for run in posts]
    with open_bench() as again:
        bench.together(
            bench.store.write(bench.batch(*[("post", run) for run in posts])),
            again.store.write(again.batch(*[("patch", run) for run in ends])),
            bench.store.write(bench.batch(*[("patch", run) for run in reversed(ends)])),
        )
    rows = bench.runs()
    assert len(rows) == 60
    assert {row["name"] for row in rows} == {"posted"}
    assert all(row["end_time"] is not None for row in rows)
    for run in posts[::20]:
        found = bench.payloads(uuid.UUID(run["id"]), "inputs", "outputs")
        assert found == {"inputs": run["inputs"], "outputs": {"a": 1}}


def test_a_duty_is_done_by_one_server_at_a_time(bench, open_bench):
    mine, other = uuid.uuid4(), uuid.uuid4()
    with open_bench() as again:
        assert bench(bench.store.claim(Duty.RETENTION, mine, 60))
        assert not again(again.store.claim(Duty.RETENTION, other, 60))
        assert again(again.store.claim(Duty.INDEX, other, 60))
        assert bench(bench.store.claim(Duty.RETENTION, mine, -1)), "who has it may claim it again"
        assert again(again.store.claim(Duty.RETENTION, other, 60)), "a claim ends by itself"
        bench(bench.store.release(Duty.RETENTION, mine))
        assert not bench(bench.store.claim(Duty.RETENTION, mine, 60)), "nobody releases what is another's"
        again(again.store.release(Duty.RETENTION, other))
        assert bench(bench.store.claim(Duty.RETENTION, mine, 60))


def test_figures_tell_how_large_the_database_is(bench):
    before = bench(bench.store.figures()).size
    bench.write(*[("post", run_body(inputs={"q": str(uuid.uuid4())})) for _ in range(300)])
    after = bench(bench.store.figures())
    assert 0 < before < after.size
    assert after.queued_writes == 0


def run_body(**fields):
    return {"id": str(uuid.uuid4()), "name": "r", "run_type": "chain", "start_time": START} | fields
