"""Whatever stands in a path, a query or a body: the server never fails, and every refusal says why."""

from __future__ import annotations

import json
import uuid
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HALF = "\ud800"
TEXTS = [HALF, "a\0b", "x" * 100_000, "../../etc", "'; drop table runs; --", "%", "\\", ""]
NUMBERS = [float("inf"), float("nan"), -0.0, 10**400, 2**63, 2**64, -1]
SHAPES = [[], {}, None, True, [[HALF]], {HALF: 1}, {"a": {"b": "\0"}}]
RAW = [
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"NaN",
    b"\xff\xfe",
    b"",
    b"null",
    b'"x"',
    b"1e999",
    b"9" * 5000,
    b'{"name": Infinity}',
    b'{"id": NaN}',
]
WORDS = ["\0", HALF, "x" * 60_000, "9" * 5000, "-1", "1e9", "NaN", "%", "[" * 3000, "{", '{"a": NaN}']
TIMES = ["2024-01-01T00:00:00+99:99", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"]
PATHS = ["\0", "..", "a" * 9000, "../", "0", "-1", "9" * 5000, "٣", "²", "💩", "{}"]


def check(answer):
    assert answer.status < 500, answer.body
    if answer.status >= 400:
        assert answer.detail
    return answer


@pytest.fixture(scope="module")
def things(shared_api):
    """One of each thing."""
    api = shared_api
    dataset = api.new_dataset()
    run = api.new_run()
    api.post("/repos", {"repo_handle": "pp"})
    return {
        "dataset": dataset,
        "example": api.new_example(dataset),
        "session": api.post("/sessions", {"name": "hostile"}).json["id"],
        "run": run,
        "queue": api.post("/annotation-queues", {"name": "q"}).json["id"],
        "feedback": api.post("/feedback", {"run_id": run, "key": "k"}).json["id"],
    }


RUN = {"name": "n", "run_type": "llm", "start_time": "2024-01-01T00:00:00"}
MANIFEST = {"lc": 1, "type": "constructor", "id": ["a"], "kwargs": {}}
PART = {"part_type": "weighted_key", "weight": 1.0, "key": "a"}
BODIES = [
    ("POST", "/datasets", {"name": "z"}, "name description data_type id created_at metadata extra inputs_schema_definition transformations"),
    ("PATCH", "/datasets/{dataset}", {}, "name description metadata data_type"),
    ("POST", "/examples", {"dataset_id": "{dataset}", "inputs": {}}, "inputs outputs metadata split id created_at source_run_id attachments_operations"),
    ("PATCH", "/examples/{example}", {}, "inputs metadata split attachments_operations dataset_id"),
    ("POST", "/sessions", {"name": "zz"}, "name description extra metadata start_time id trace_tier"),
    ("PATCH", "/sessions/{session}", {}, "name description extra metadata end_time trace_tier"),
    ("POST", "/runs", RUN, "name run_type start_time end_time inputs outputs error extra tags events serialized dotted_order trace_id parent_run_id session_name session_id manifest_id"),
    ("POST", "/feedback", {"run_id": "{run}", "key": "k"}, "key score value comment correction feedback_source extra created_at feedback_config error"),
    ("PATCH", "/feedback/{feedback}", {}, "score value comment correction"),
    ("POST", "/feedback-configs", {"feedback_key": "kk", "feedback_config": {"type": "continuous"}}, "feedback_key feedback_config"),
    ("POST", "/feedback/formulas", {"feedback_key": "z", "aggregation_type": "sum", "formula_parts": [PART]}, "feedback_key formula_parts dataset_id"),
    ("POST", "/feedback/tokens", {"run_id": "{run}", "feedback_key": "k"}, "feedback_key expires_at expires_in feedback_config"),
    ("POST", "/annotation-queues", {"name": "q"}, "name description rubric_instructions rubric_items id"),
    ("POST", "/repos", {"repo_handle": "p2"}, "repo_handle description readme tags"),
    ("POST", "/commits/-/pp", {"manifest": MANIFEST}, "manifest parent_commit example_run_ids"),
    ("POST", "/runs/query", {}, "session id filter query select cursor limit order start_time tree_filter run_type"),
    ("POST", "/runs/stats", {}, "session filter group_by query"),
    ("POST", "/runs/group", {"session_id": "{session}"}, "session_id filter limit"),
    ("POST", "/datasets/{dataset}/search", {"inputs": {}}, "inputs filter limit"),
    ("POST", "/datasets/{dataset}/runs", {}, "session_ids filters offset limit"),
    ("PUT", "/datasets/{dataset}/tags", {"as_of": "latest", "tag": "t"}, "as_of tag"),
    ("PUT", "/datasets/{dataset}/splits", {"split_name": "t", "examples": ["{example}"]}, "split_name examples"),
    ("POST", "/settings/handle", {}, "tenant_handle"),
    ("POST", "/datasets/comparative", {"name": "c", "experiment_ids": ["{session}"], "reference_dataset_id": "{dataset}"}, "name description extra created_at"),
]  # fmt: skip
QUERIES = [
    ("/sessions", "name name_contains id limit offset metadata reference_free"),
    ("/datasets", "name name_contains id limit offset metadata data_type"),
    ("/datasets/{dataset}/versions", "limit offset search"),
    ("/datasets/{dataset}/version", "as_of tag"),
    ("/datasets/{dataset}/versions/diff", "from_version"),
    ("/datasets/{dataset}/splits", "as_of"),
    ("/examples", "dataset as_of order splits metadata filter select limit offset id"),
    ("/feedback", "run key session source min_created_at limit level"),
    ("/repos", "query tags sort_field limit"),
    ("/annotation-queues", "name name_contains ids"),
    ("/feedback-configs", "key name_contains"),
]
TEMPLATES = [
    "/runs/%s", "/sessions/%s", "/datasets/%s", "/examples/%s", "/feedback/%s", "/annotation-queues/%s",
    "/repos/-/%s", "/repos/%s/x", "/commits/-/pp/%s", "/repos/-/pp/tags/%s", "/public/%s/run",
    "/feedback/tokens/%s", "/blobs/%s", "/annotation-queues/{queue}/run/%s", "/sessions/{session}/insights/%s",
]  # fmt: skip


def fill(value, things):
    if isinstance(value, str):
        return things.get(value.strip("{}"), value) if value.startswith("{") else value
    if isinstance(value, list):
        return [fill(one, things) for one in value]
    return {name: fill(one, things) for name, one in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("case", BODIES, ids=lambda one: f"{one[0]} {one[1]}")
def test_no_value_of_a_field_makes_the_server_fail(shared_api, things, case):
    method, path, base, fields = case
    for field in fields.split():
        for bad in [*TEXTS, *NUMBERS, *SHAPES]:
            body = fill(base, things) | ({"id": str(uuid.uuid4())} if path == "/runs" else {}) | {field: bad}
            check(shared_api.call(method, path.format(**things), json.dumps(body).encode()))
    for raw in RAW:
        check(shared_api.call(method, path.format(**things), raw))


@pytest.mark.parametrize(("path", "names"), QUERIES)
def test_no_parameter_makes_the_server_fail(shared_api, things, path, names):
    for name in names.split():
        for bad in [*WORDS, *TIMES]:
            text = quote(bad, errors="surrogatepass")
            check(shared_api.get(f"{path.format(**things)}?{name}={text}"))


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_path_makes_the_server_fail(shared_api, things, template):
    for bad in PATHS:
        check(shared_api.get(template.format(**things) % quote(bad)))


@pytest.mark.parametrize("field", ["name", "description"])
@pytest.mark.parametrize("bad", [HALF, "a\0b"])
def test_texts_that_no_database_keeps_are_refused_with_the_field(shared_api, field, bad):
    answer = shared_api.post("/sessions", {"name": "x", field: bad})
    assert answer.status == 422
    assert answer.detail.startswith(f"{field}: ")


def test_feedback_with_half_a_character_is_kept_as_it_is(shared_api, things):
    made = shared_api.post(
        "/feedback", {"run_id": things["run"], "key": "half", "value": HALF, "comment": HALF}
    )
    assert made.status == 200
    assert shared_api.get(f"/feedback/{made.json['id']}").json["value"] == HALF


names = st.sampled_from(
    ["id", "name", "tags", "latency", "start_time", "metadata_key", "feedback_score", "error", "x"]
)
literals = st.one_of(
    st.text(max_size=20).map(json.dumps),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["true", "null", "[]", '["a"]', "'\\'", '"2024-13-01"']),
)
leaves = st.builds(
    "{}({}, {})".format,
    st.sampled_from(["eq", "neq", "gt", "gte", "lt", "lte", "in", "like", "has", "search", "exists", "zap"]),
    names,
    literals,
)
filters = st.recursive(
    leaves | st.text(max_size=40),
    lambda inner: st.builds(
        lambda name, parts: f"{name}({', '.join(parts)})",
        st.sampled_from(["and", "or", "not"]),
        st.lists(inner, max_size=4),
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters, st.sampled_from(["filter", "trace_filter", "tree_filter", "query"]))
def test_no_filter_makes_the_server_fail(shared_api, text, field):
    check(shared_api.post("/runs/query", {field: text}))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters)
def test_no_filter_of_examples_makes_the_server_fail(shared_api, things, text):
    check(
        shared_api.get(f"/examples?dataset={things['dataset']}&filter={quote(text, errors='surrogatepass')}")
    )
