"""Filters over stored runs mean what a plain reading of the syntax tree says."""

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smithkit.server.domain.filters import (
    RUN_FIELDS,
    And,
    Comparison,
    Not,
    Operator,
    Or,
    check_filter,
    evaluate,
    write_filter,
)
from smithkit.server.domain.filters.evaluate import pairs_of
from smithkit.server.domain.filters.fields import Kind
from smithkit.server.domain.filters.words import words_of
from smithkit.server.domain.jsons import text_of
from smithkit.server.domain.times import parse_time

MICROSECONDS = 1_000_000
WORDS = ["red", "green fox", "Blé", "re%d", "a_b", "", 'say "x"', "7", "null", "true"]
SCALARS = [*WORDS, 7, 7.0, 0, True, False, None]
KEYS = ["k", "z", "a.b"]
EXAMPLE = "11111111-1111-4111-8111-111111111111"


class PlainRun:
    """A run as the API gives it back, with its feedback, as a record of filters."""

    def __init__(self, run, feedback, session_name) -> None:
        self.run = run
        self.feedback = feedback
        self.session_name = session_name

    def value(self, field):  # noqa: PLR0911 - one a kind of field
        run = self.run
        match field:
            case "latency" | "first_token_latency":
                end = run["end_time" if field == "latency" else "first_token_time"]
                return None if end is None else parse_time(end) - parse_time(run["start_time"])
            case "is_root":
                return run["parent_run_id"] is None
            case "in_dataset":
                return run["reference_example_id"] is not None
            case "execution_order":
                return 1 if run["parent_run_id"] is None else 2
            case "error":
                return run["error"] or None
            case "session_name":
                return self.session_name
            case "prompt_cost" | "completion_cost" | "total_cost":
                return None if run[field] is None else round(float(run[field]) * 10**10)
            case "start_time" | "end_time" | "first_token_time":
                return None if run[field] is None else parse_time(run[field])
        return run[field]

    def document(self, field):
        return (self.run["extra"] or {}).get("metadata") if field == "metadata" else self.run[field]

    def elements(self, group):
        return self.feedback if group.value == "feedback" else pairs_of(self.document(group.value))

    def words(self, field):
        documents = {"metadata", "inputs", "outputs"}
        value = self.document(field) if field in documents else self.value(field)
        return [] if value is None else words_of(text_of(value))


def make_runs():
    """Runs that differ in everything that filters ask for."""
    runs = []
    for n in range(24):
        word, scalar = WORDS[n % len(WORDS)], SCALARS[n % len(SCALARS)]
        start = f"2024-01-{1 + n % 9:02}T00:00:00"
        runs.append(
            {
                "id": str(uuid.uuid4()),
                "name": word,
                "run_type": ["chain", "llm", "tool"][n % 3],
                "start_time": start,
                "end_time": None if n % 4 == 0 else f"2024-01-{1 + n % 9:02}T00:00:0{n % 8}.5",
                "tags": [None, [], ["red"], ["red", "7"], ["green fox"]][n % 5],
                "error": [None, None, "red fox", ""][n % 4],
                "extra": [
                    None,
                    {},
                    {"metadata": {"k": scalar}},
                    {"metadata": {"k": word, "z": [scalar], "a.b": {"k": 7}}},
                ][n % 4],
                "inputs": {"k": scalar, "deep": [{"z": word}]} if n % 2 else {},
                "outputs": {
                    "z": word,
                    "usage_metadata": {"input_tokens": n, "output_tokens": 7, "total_cost": n / 100},
                }
                if n % 3
                else None,
                "events": [{"name": "new_token", "time": f"{start[:-1]}1"}] if n % 5 == 0 else [],
                "reference_example_id": EXAMPLE if n % 6 == 0 else None,
                "parent_run_id": runs[n - 1]["id"] if n % 4 == 3 else None,
                "session_name": "first" if n % 2 else "second",
            }
        )
    return runs


@pytest.fixture(scope="module", params=["indexed", "queued"])
def stored(request, store_api):
    """The same runs twice: as the full-text index has them, and as they are before it does."""
    store_api.server.close()  # what the tests before it stopped starts again with the next request
    store_api.get("/info")
    store = store_api.server.app.state.workspaces.default.store
    for session in store_api.get("/sessions").json:
        assert store_api.delete(f"/sessions/{session['id']}").status < 300
    if request.param == "queued":
        if not hasattr(store, "_indexer"):
            pytest.skip("this store finds what it wrote at once")
        store._indexer.close()
    runs = make_runs()
    assert store_api.post("/runs/batch", {"post": runs}).status == 202
    for n, run in enumerate(runs):
        for key, score, value in [("good", n % 3 / 2, "red"), ("bad", None, "green fox")][: n % 3]:
            body = {
                "run_id": run["id"],
                "key": key,
                "score": score,
                "value": value,
                "feedback_source": {"type": "api"},
            }
            assert store_api.post("/feedback", body).status == 200
    names = {store_api.project(name)["id"]: name for name in ("first", "second")}
    wait_for_index(store_api, 0 if request.param == "indexed" else len(runs))
    found = store_api.query()["runs"]
    assert len(found) == len(runs)
    return [PlainRun(run, _feedback(store_api, run["id"]), names[run["session_id"]]) for run in found]


def wait_for_index(api, left=0):
    header = "x-smithkit-unindexed-runs"
    for _ in range(600):
        answer = api.post("/runs/query", {"query": "any", "limit": 1})
        if answer.headers[header] == str(left):
            return
        time.sleep(0.05)
    raise AssertionError(answer.headers[header])


def _feedback(api, run_id):
    return [
        {
            "key": one["key"],
            "score": one["score"],
            "value": one["value"],
            "source": one["feedback_source"]["type"],
        }
        for one in api.get(f"/feedback?run={run_id}").json
    ]


def values_of(kind):  # noqa: PLR0911 - one a kind of field
    match kind:
        case Kind.ID:
            return st.sampled_from([EXAMPLE, str(uuid.UUID(int=0))])
        case Kind.STATUS:
            return st.sampled_from(["pending", "success", "error"])
        case Kind.TIME:
            return st.sampled_from(["2024-01-03", "2024-01-05T00:00:03.5", "2030-01-01T00:00:00Z"])
        case Kind.DURATION:
            return st.sampled_from([0, 1.5, "2500ms", "3.5s", "1h", -1])
        case Kind.COUNT | Kind.SCORE:
            return st.sampled_from([0, 0.5, 1, 2, 7, 12.0])
        case Kind.COST:
            return st.sampled_from([0, 0.05, 0.1, 3])
        case Kind.FLAG:
            return st.booleans()
        case Kind.SCALAR:
            return st.sampled_from(SCALARS)
    return st.sampled_from(WORDS)


@st.composite
def comparisons(draw):  # noqa: PLR0911 - one a form
    name = draw(st.sampled_from([*sorted(RUN_FIELDS), "metadata.k", "inputs.k", "metadata.a.b"]))
    kind = RUN_FIELDS[name].kind if name in RUN_FIELDS else Kind.SCALAR
    form = draw(st.sampled_from(["plain", "plain", "in", "null", "like", "exists", "search", "has"]))
    match form:
        case "null":
            return Comparison(draw(st.sampled_from([Operator.EQ, Operator.NEQ])), name, None)
        case "in":
            return Comparison(
                Operator.IN, name, tuple(draw(st.lists(values_of(kind) | st.none(), max_size=3)))
            )
        case "like":
            return Comparison(
                Operator.LIKE, name, draw(st.sampled_from(["%r_d%", "RE%", "%", "7", r"re\%d", "%x%"]))
            )
        case "exists":
            key = draw(st.sampled_from([True, True, "k", "nope"]))
            return Comparison(Operator.EXISTS, name, key)
        case "search":
            field = draw(st.sampled_from(["", "name", "inputs", "outputs", "error", "metadata", "tags"]))
            return Comparison(
                Operator.SEARCH,
                field,
                draw(st.sampled_from(["red", "gre*", '"green fox"', "fox red", "ble", "7"])),
            )
        case "has":
            wanted = draw(st.sampled_from([{}, {"k": 7}, {"k": "red"}, {"a.b": {"k": 7}}, {"z": [7]}, []]))
            return Comparison(Operator.HAS, name, draw(st.sampled_from(["red", json.dumps(wanted)])))
    plain = [Operator.EQ, Operator.NEQ, Operator.GT, Operator.GTE, Operator.LT, Operator.LTE]
    return Comparison(draw(st.sampled_from(plain)), name, draw(values_of(kind)))


def checked(tree):
    try:
        return check_filter(tree, RUN_FIELDS)
    except ValueError:
        return None


FILTERS = st.recursive(
    comparisons().filter(checked),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


def found_by(api, **body):
    return {run["id"] for run in api.query(select=["id"], **body)["runs"]}


@settings(max_examples=150, deadline=None)
@given(FILTERS)
def test_a_filter_finds_what_it_holds_for(store_api, stored, tree):
    expected = {one.run["id"] for one in stored if evaluate(checked(tree), one)}
    assert found_by(store_api, filter=write_filter(tree)) == expected


@settings(max_examples=40, deadline=None)
@given(FILTERS)
def test_filters_of_traces_ask_roots_and_whole_trees(store_api, stored, tree):
    text, node = write_filter(tree), checked(tree)
    hits = [one.run for one in stored if evaluate(node, one)]
    roots = {run["trace_id"] for run in hits if run["parent_run_id"] is None}
    traces = {run["trace_id"] for run in hits}
    by_root = {one.run["id"] for one in stored if one.run["trace_id"] in roots}
    by_tree = {one.run["id"] for one in stored if one.run["trace_id"] in traces}
    assert found_by(store_api, trace_filter=text) == by_root
    assert found_by(store_api, tree_filter=text) == by_tree


@settings(max_examples=60, deadline=None)
@given(FILTERS)
def test_figures_are_those_of_the_runs_that_a_filter_finds(store_api, stored, tree):
    expected = sum(evaluate(checked(tree), one) for one in stored)
    answer = store_api.post("/runs/stats", {"filter": write_filter(tree)})
    assert (answer.status, answer.json["run_count"]) == (200, expected)


def test_the_largest_filter_is_answered(store_api, stored):
    from smithkit.server.domain.filters.grammar import DEEPEST, MOST_NODES

    leaves = [
        "eq(metadata.k, 1)",
        "eq(feedback_score, 1)",
        'has(tags, "x")',
        'search("nothing")',
        "eq(session_name, 'x')",
    ]
    wide = f"or({', '.join(leaves[n % len(leaves)] for n in range(MOST_NODES - 1))})"
    deep = "not(" * (DEEPEST - 1) + "eq(feedback_score, 1)" + ")" * (DEEPEST - 1)
    mixed = 'or(eq(name, "a"), and(has(tags, "b"), not(' * (DEEPEST // 3)
    mixed = mixed + "eq(feedback_score, 1)" + ")))" * (DEEPEST // 3)
    for text in (wide, deep, mixed):
        for name in ("filter", "trace_filter", "tree_filter"):
            assert store_api.post("/runs/query", {name: text}).status == 200
    members = json.dumps(list(range(4000)))
    assert store_api.post("/runs/query", {"filter": f"in(total_tokens, {members})"}).status == 200


@pytest.mark.parametrize("name", ["filter", "trace_filter", "tree_filter", "search_filter"])
def test_a_wrong_filter_is_refused_with_its_place(store_api, name):
    answer = store_api.post("/runs/query", {name: 'and(eq(name, "a"), eq(nonsense, 1))'})
    assert answer.status == 422
    assert answer.detail.startswith(f"{name}: column 23: there is no field 'nonsense'")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["filter", "trace_filter", "tree_filter", "query"]))
def test_no_text_is_too_much(store_api, text, name):
    assert store_api.post("/runs/query", {name: text}).status in {200, 422}


def test_values_are_bound_and_not_spliced(store_api, stored):
    hostile = "'; DROP TABLE runs; --"
    body = {
        "filter": f"or(eq(name, {json.dumps(hostile)}), like(metadata.k, {json.dumps(hostile)}), has(tags, {json.dumps(hostile)}))"
    }
    assert store_api.query(**body)["runs"] == []
    assert len(store_api.query()["runs"]) == len(stored)


def test_times_are_those_of_the_run(stored):
    assert any(one.value("latency") == round(1.5 * MICROSECONDS) for one in stored)
    assert all(datetime.fromisoformat(one.run["start_time"]).tzinfo for one in stored)
