from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit.server.errors import ApiError
from smithkit.server.services.cursors import decode_cursor, encode_cursor


@pytest.fixture(scope="module")
def tree(shared_api):
    """A trace: root a with children b (failed) and c (llm), and a root of another project."""
    ids = {name: str(uuid.uuid4()) for name in "abcd"}
    example = str(uuid.uuid4())
    segments = {name: f"2024010{place}T000000000000Z{ids[name]}" for place, name in enumerate("abcd", 1)}

    def run(name, start, **fields):
        return {
            "id": ids[name],
            "name": name,
            "run_type": "chain",
            "start_time": start,
            "session_name": "tree",
        } | fields

    child = {"trace_id": ids["a"], "parent_run_id": ids["a"]}
    runs = [
        run("a", "2024-01-01", dotted_order=segments["a"], trace_id=ids["a"], reference_example_id=example),
        run("b", "2024-01-02", dotted_order=f"{segments['a']}.{segments['b']}", error="bad", **child),
        run(
            "c", "2024-01-03", dotted_order=f"{segments['a']}.{segments['c']}", **child | {"run_type": "llm"}
        ),
        run("d", "2024-01-04", dotted_order=segments["d"], session_name="other"),
    ]
    assert shared_api.post("/runs/batch", {"post": runs}).status == 202
    return ids | {
        "example": example,
        "session": shared_api.project("tree")["id"],
        "other": shared_api.project("other")["id"],
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "cba"),
        ({"order": "asc"}, "abc"),
        ({"is_root": True}, "a"),
        ({"is_root": False}, "cb"),
        ({"execution_order": 1}, "a"),
        ({"execution_order": 2}, "cb"),
        ({"execution_order": 3}, ""),
        ({"execution_order": 1, "is_root": False}, ""),
        ({"execution_order": 2, "filter": 'eq(run_type, "llm")'}, "c"),
        ({"error": True}, "b"),
        ({"error": False}, "ca"),
        ({"run_type": "llm"}, "c"),
        ({"start_time": "2024-01-02"}, "cb"),
        ({"start_time": "2024-01-02T01:00:00+01:00"}, "cb"),
        ({"end_time": "2024-01-02T00:00:00Z"}, "ba"),
        ({"trace": "{a}"}, "cba"),
        ({"parent_run": "{a}"}, "cb"),
        ({"id": ["{a}", "{d}"]}, "a"),
        ({"reference_example": ["{example}"]}, "a"),
        ({"reference_example": "{example}"}, "a"),
        ({"session": "{session}"}, "cba"),
        ({"session": ["{session}", "{other}"]}, "dcba"),
        ({"session": None, "session_id": "{other}"}, "d"),
        ({"session": []}, ""),
        ({"limit": 2}, "cb"),
        ({"limit": 2, "skip_pagination": True}, "cb"),
        ({"filter": None, "query": None, "nonsense": 1}, "cba"),
    ],
)
def test_queries_select_and_order(shared_api, tree, body, expected):
    def fill(value):
        if isinstance(value, list):
            return [fill(one) for one in value]
        return value.format(**tree) if isinstance(value, str) and value.startswith("{") else value

    found = shared_api.query(
        **{"session": [tree["session"]]} | {name: fill(value) for name, value in body.items()}
    )
    assert "".join(run["name"] for run in found["runs"]) == expected


def test_who_asks_for_more_than_a_page_gets_a_page_and_a_cursor(api):
    runs = [
        {"id": str(uuid.uuid4()), "name": "n", "run_type": "tool", "start_time": "2024-01-01"}
        for _ in range(101)
    ]
    assert api.post("/runs/batch", {"post": runs}).status == 202
    first = api.query(limit=500)
    rest = api.query(limit=500, cursor=first["cursors"]["next"])
    assert (len(first["runs"]), len(rest["runs"]), rest["cursors"]["next"]) == (100, 1, None)


def test_who_wants_one_page_gets_no_cursor(shared_api, tree):
    body = {"session": [tree["session"]], "limit": 2}
    assert shared_api.query(**body)["cursors"]["next"]
    assert shared_api.query(**body, skip_pagination=False)["cursors"]["next"]
    assert shared_api.query(**body, skip_pagination=True)["cursors"]["next"] is None


def test_selected_fields_and_what_no_run_is_without_are_given(shared_api, tree):
    (run,) = shared_api.query(id=[tree["a"]], select=["name", "outputs", "child_run_ids", "unheard_of"])[
        "runs"
    ]
    assert run.pop("start_time")
    assert run == {
        "id": tree["a"],
        "name": "a",
        "run_type": "chain",
        "outputs": None,
        "child_run_ids": [tree["b"], tree["c"]],
    }


@pytest.mark.parametrize(
    "body",
    [
        {"filter": 'eq(nonsense, "a")'},
        {"trace_filter": "x"},
        {"tree_filter": "x"},
        {"query": "?!"},
        {"limit": 0},
        {"limit": 1.5},
        {"limit": "many"},
        {"execution_order": 0},
        {"execution_order": "first"},
        {"skip_pagination": "perhaps"},
        {"cursor": "????"},
        {"cursor": "AAAA"},
        {"order": "up"},
        {"id": ["no"]},
        {"session": "no"},
        {"start_time": "no"},
        {"is_root": "perhaps"},
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_field_named(shared_api, body):
    answer = shared_api.post("/runs/query", body)
    assert answer.status == 422
    assert next(iter(body)) in answer.detail


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_paging_loses_and_repeats_nothing_among_equal_start_times(api, order):
    ids = {str(uuid.uuid4()) for _ in range(250)}
    runs = [
        {"id": one, "name": "n", "run_type": "tool", "start_time": f"2024-01-01T00:00:0{place % 3}"}
        for place, one in enumerate(ids)
    ]
    assert api.post("/runs/batch", {"post": runs}).status == 202
    seen, cursor, pages = [], None, 0
    while True:
        page = api.query(order=order, cursor=cursor, session=[api.project("default")["id"]])
        assert len(page["runs"]) <= 100
        seen += [(run["start_time"], run["id"]) for run in page["runs"]]
        pages += 1
        cursor = page["cursors"]["next"]
        if cursor is None:
            break
    assert pages == 3
    assert len(seen) == 250
    assert {run_id for _, run_id in seen} == ids
    assert seen == sorted(seen, reverse=order == "desc")


def test_a_page_of_exactly_the_limit_is_the_last(api):
    for _ in range(2):
        api.new_run()
    assert api.query(limit=2)["cursors"]["next"] is None
    assert api.query(limit=1)["cursors"]["next"] is not None


def test_pages_end_early_when_payloads_are_large(tmp_path, make_api):
    from smithkit.server import EmbeddedServer, Limits

    server = EmbeddedServer(str(tmp_path / "runs.db"))
    api = make_api(server)
    try:
        server.app.state.workspaces.default.runs._limits = Limits(page_payload=1000)
        ids = {api.new_run(inputs={"t": "x" * 200}) for _ in range(60)}
        seen, cursor = [], None
        while True:
            page = api.query(cursor=cursor)
            seen.append([run["id"] for run in page["runs"]])
            if (cursor := page["cursors"]["next"]) is None:
                break
        assert [len(page) for page in seen] == [25, 25, 10]
        assert {run_id for page in seen for run_id in page} == ids
    finally:
        server.close()


def test_a_cursor_of_the_other_order_is_refused():
    cursor = encode_cursor(1, uuid.UUID(int=1), ascending=True)
    with pytest.raises(ApiError):
        decode_cursor(cursor, ascending=False)


@given(st.integers(-(2**62), 2**62), st.uuids(), st.booleans())
def test_cursors_round_trip(moment, run_id, ascending):
    cursor = encode_cursor(moment, run_id, ascending=ascending)
    assert decode_cursor(cursor, ascending=ascending) == (moment, run_id)


@given(st.text(max_size=60))
def test_made_up_cursors_are_refused(text):
    with pytest.raises(ApiError) as caught:
        decode_cursor(text, ascending=False)
    assert caught.value.status == 422


def test_every_index_serves_its_query(api, database):
    """No query for a page of a project reads the whole table."""
    import sqlite3

    api.new_run()
    connection = sqlite3.connect(database)
    try:
        for condition, index in (
            ("session_id = x'00'", "ix_runs_session"),
            ("session_id = x'00' AND parent_run_id IS NULL", "ix_runs_roots"),
            ("parent_run_id = x'00'", "ix_runs_parent"),
            ("reference_example_id = x'00'", "ix_runs_example"),
            ("parent_run_id = x'00' AND linked = 0", "ix_runs_unlinked"),
            ("1", "ix_runs_start"),
        ):
            statement = f"EXPLAIN QUERY PLAN SELECT * FROM runs WHERE {condition} ORDER BY start_time DESC, id DESC LIMIT 100"  # noqa: S608
            plan = " ".join(row[3] for row in connection.execute(statement))
            assert index in plan, (condition, plan)
        sessions = "SELECT {} FROM runs WHERE session_id IN (x'00', x'01') AND parent_run_id IS NULL"
        for columns, condition in (("*", "IN (x'00', x'01')"), ("count(*)", "IS NOT NULL")):
            statement = f"EXPLAIN QUERY PLAN {sessions.format(columns)} AND reference_example_id {condition}"
            plan = " ".join(row[3] for row in connection.execute(statement))
            assert "ix_runs_answers" in plan, (condition, plan)
    finally:
        connection.close()
