"""OTLP/HTTP: spans in protobuf and JSON become runs."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
import zstandard
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from smithkit.server.body import GzipStream
from smithkit.server.errors import ApiError
from smithkit.server.limits import Limits

PATH = "/otel/v1/traces"
PROTOBUF = "application/x-protobuf"
TRACE = "0af7651916cd43dd8448eb211c80319c"
START = 1_714_979_289_123_456_000


def attribute(key, value):
    kinds = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    if isinstance(value, list):
        return {"key": key, "value": {"arrayValue": {"values": [attribute("", v)["value"] for v in value]}}}
    return {"key": key, "value": {kinds[type(value)]: value}}


def span(number, parent=None, name="span", attributes=(), **fields):
    made = {
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "name": name,
        "startTimeUnixNano": str(START + number),
        "endTimeUnixNano": str(START + 1_000_000_000),
        "attributes": [attribute(key, value) for key, value in dict(attributes).items()],
        **fields,
    }
    return made if parent is None else {**made, "parentSpanId": f"{parent:016x}"}


def request(*spans):
    resource = {"attributes": [attribute("service.name", "shop")]}
    scopes = [{"scope": {"name": "library"}, "spans": list(spans)}]
    return {"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]}


def send(api, *spans, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.call(
        "POST", PATH, json.dumps(request(*spans)).encode(), {"content-type": "application/json"} | names
    )


def as_protobuf(body):
    recoded = json.loads(json.dumps(body))
    for one in recoded["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in ("traceId", "spanId", "parentSpanId"):
            if name in one:
                one[name] = base64.b64encode(bytes.fromhex(one[name])).decode()
    return json_format.ParseDict(recoded, ExportTraceServiceRequest()).SerializeToString()


def only_run(api):
    (run,) = api.query()["runs"]
    return run


def named(api):
    return {run["name"]: run for run in api.query()["runs"]}


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
@pytest.mark.parametrize("compress", [None, gzip.compress, zstandard.compress])
def test_a_span_of_any_encoding_becomes_a_run(api, encoding, compress):
    body = request(span(1, name="greet", attributes={"gen_ai.prompt": '{"q": 1}', "customer": 7}))
    raw = json.dumps(body).encode() if encoding == "json" else as_protobuf(body)
    kind = "application/json" if encoding == "json" else PROTOBUF
    headers = {"content-type": kind, "langsmith-project": "shop%20floor"}
    if compress is not None:
        raw = compress(raw)
        headers["content-encoding"] = compress.__module__.partition(".")[0].replace("zstandard", "zstd")

    answer = api.call("POST", PATH, raw, headers)

    assert (answer.status, answer.headers["content-type"]) == (200, kind)
    assert answer.body == (b"{}" if encoding == "json" else b"")
    run = only_run(api)
    assert (run["name"], run["inputs"], run["status"]) == ("greet", {"q": 1}, "success")
    assert run["start_time"] == "2024-05-06T07:08:09.123456+00:00"
    assert run["extra"]["metadata"] == {"customer": 7}
    assert run["extra"]["otel"]["resource"] == {"service.name": "shop"}
    assert run["session_id"] == api.project("shop floor")["id"]


def test_children_that_come_before_their_parents_find_their_place(api):
    for number, parent, name in ((3, 2, "leaf"), (2, 1, "middle"), (1, None, "root")):
        assert send(api, span(number, parent, name)).status == 200

    runs = named(api)
    assert runs["leaf"]["parent_run_id"] == runs["middle"]["id"]
    assert runs["leaf"]["dotted_order"].startswith(runs["middle"]["dotted_order"] + ".")
    assert {run["trace_id"] for run in runs.values()} == {runs["root"]["id"]}


def test_a_span_sent_again_stays_one_run(api):
    send(api, span(1))
    send(api, span(1))

    only_run(api)


def test_a_span_without_parent_below_a_run_hangs_where_its_state_says(api):
    run_id = "018cc778-5000-7a00-8000-00000000abcd"
    api.new_run(id=run_id, trace_id=run_id, dotted_order=f"20240101T000000000000Z{run_id}")
    state = f"other=1,smithkit={run_id.replace('-', '')}"

    send(api, span(2, 0x8000_0000_0000_ABCD, "below", traceState=state))
    send(api, span(3, 2, "deeper", traceState=state))

    runs = named(api)
    assert runs["below"]["parent_run_id"] == run_id
    assert runs["deeper"]["parent_run_id"] == runs["below"]["id"]
    assert runs["deeper"]["trace_id"] == run_id


EXPORTED = {
    "langsmith.span.kind": "llm",
    "langsmith.span.id": "018cc778-5000-7a00-8000-00000000abcd",
    "langsmith.trace.id": "018cc778-5000-7a00-8000-00000000abcd",
    "langsmith.span.dotted_order": "20240506T070809123456Z018cc778-5000-7a00-8000-00000000abcd",
    "langsmith.trace.session_name": "shop",
    "langsmith.span.tags": "a, b",
    "langsmith.metadata.k": "v",
    "langsmith.metadata.nested": '{"x": 1}',
    "gen_ai.prompt": '{"q": 1}',
    "gen_ai.completion": '{"a": 2}',
}


def test_a_run_that_was_exported_as_a_span_is_that_run(api):
    send(api, span(9, name="ignored", attributes={**EXPORTED, "langsmith.trace.name": "model"}))

    run = only_run(api)
    assert (run["id"], run["dotted_order"]) == (
        EXPORTED["langsmith.span.id"],
        EXPORTED["langsmith.span.dotted_order"],
    )
    assert (run["name"], run["run_type"], run["tags"]) == ("model", "llm", ["a", "b"])
    assert (run["inputs"], run["outputs"]) == ({"q": 1}, {"a": 2})
    assert run["extra"]["metadata"] == {"k": "v", "nested": {"x": 1}}
    assert run["session_id"] == api.project("shop")["id"]


@pytest.mark.parametrize("span_first", [True, False])
def test_what_a_run_says_of_itself_weighs_more_than_its_span(api, span_first):
    key = EXPORTED["langsmith.span.id"]
    order = EXPORTED["langsmith.span.dotted_order"]
    run = {"id": key, "trace_id": key, "dotted_order": order, "name": "own", "run_type": "llm"}
    run |= {"inputs": {"own": 1}, "extra": {"runtime": {"sdk": "x"}}, "session_name": "shop"}
    run |= {"start_time": "2024-05-06T07:08:09.123456"}
    steps = [lambda: send(api, span(9, attributes=EXPORTED)), lambda: api.new_run(**run)]

    for step in steps if span_first else reversed(steps):
        step()

    stored = only_run(api)
    assert (stored["inputs"], stored["extra"]) == ({"own": 1}, {"runtime": {"sdk": "x"}})
    assert (stored["outputs"], stored["status"]) == ({"a": 2}, "success")


@pytest.mark.parametrize(
    "changed",
    [
        {"langsmith.span.id": "nonsense"},
        {"langsmith.trace.id": "018cc778-5000-7a00-8000-00000000ffff"},
        {"langsmith.span.dotted_order": "nonsense"},
    ],
)
def test_a_span_that_names_its_run_badly_is_a_run_of_its_own(api, changed):
    assert send(api, span(9, attributes=EXPORTED | changed)).status == 200

    assert only_run(api)["id"] != EXPORTED["langsmith.span.id"]


def test_the_second_copy_of_a_run_that_langsmiths_client_sends_is_no_second_run(api):
    api.new_run(name="root", session_name="shop", start_time="2024-05-06T07:08:09.123456")
    body = request(
        span(1, name="root", attributes={"langsmith.trace.session_name": "shop"}),
        span(2, 1, name="other", attributes={"langsmith.trace.session_name": "shop"}),
    )
    (resource,) = body["resourceSpans"]
    resource["resource"]["attributes"].append(attribute("langsmith.internal_provider", True))
    resource["scopeSpans"][0]["scope"]["name"] = "langsmith"

    answer = api.call("POST", PATH, json.dumps(body).encode(), {"content-type": "application/json"})

    assert (answer.status, answer.body) == (200, b"{}")
    assert sorted(run["name"] for run in api.query()["runs"]) == ["other", "root"]


def test_parts_of_a_request_that_are_unsound_are_refused_and_counted(api):
    bad = [span(2, traceId="00"), span(3, spanId=""), span(4, parentSpanId="0102"), span(0)]
    answer = send(api, span(1, name="good"), *bad)

    assert answer.status == 200
    assert answer.json["partialSuccess"]["rejectedSpans"] == "4"
    assert "trace_id must have 16 bytes" in answer.json["partialSuccess"]["errorMessage"]
    assert only_run(api)["name"] == "good"

    raw = as_protobuf(request(span(1), *bad))
    answer = api.call("POST", PATH, raw, {"content-type": PROTOBUF})
    told = ExportTraceServiceResponse.FromString(answer.body)
    assert told.partial_success.rejected_spans == 4


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"resourceSpans": 1}', "application/json", 400),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "zz"}]}]}]}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"resourceSpans":' * 5000 + b"1" + b"}" * 5000, "application/json", 400),
        (b"\xff\xff\xff", PROTOBUF, 400),
        (b"\x0a\x05abc", PROTOBUF, 400),
        (json.dumps(request(span(0))).encode(), "application/json", 400),
        (json.dumps(request(span(1, startTimeUnixNano=str(2**64)))).encode(), "application/json", 400),
        (b"a=b", "application/x-www-form-urlencoded", 415),
        (b"", "", 415),
    ],
)
def test_hostile_bodies_are_refused(api, body, kind, status):
    assert api.call("POST", PATH, body, {"content-type": kind}).status == status


@pytest.mark.parametrize("raw", [b"no gzip", gzip.compress(b"x" * 9000, mtime=0)[:-9]])
def test_broken_gzip_is_refused(api, raw):
    headers = {"content-type": PROTOBUF, "content-encoding": "gzip"}

    assert api.call("POST", PATH, raw, headers).status == 400


def test_gzip_that_expands_beyond_measure_is_stopped():
    stream = GzipStream(Limits(decompressed=1_000_000))
    pieces = stream.feed(gzip.compress(b"\0" * 50_000_000))

    with pytest.raises(ApiError) as refused:
        list(pieces)

    assert refused.value.status == 413


def test_gzip_of_several_members_is_one_body():
    stream = GzipStream(Limits())
    members = gzip.compress(b"a") + gzip.compress(b"b")

    assert b"".join(part for byte in members for part in stream.feed(bytes([byte]))) == b"ab"
    stream.finish()


def test_deeply_nested_values_do_no_harm(api):
    deep = "[" * 900 + "]" * 900
    answers = [
        send(api, span(1, attributes={"gen_ai.prompt": deep})),
        send(api, span(2, attributes={"langsmith.metadata.deep": deep})),
    ]

    assert {answer.status for answer in answers} <= {200, 400}
    nested = {"stringValue": "x"}
    for _ in range(60):
        nested = {"kvlistValue": {"values": [{"key": "k", "value": nested}]}}
    one = span(3)
    one["attributes"] = [{"key": "deep", "value": nested}]
    assert send(api, one).status in {200, 400}


CHAT = {
    "openinference": {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt",
        "llm.provider": "openai",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "hi",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "ho",
        "llm.token_count.prompt": 3,
        "llm.token_count.completion": 4,
    },
    "traceloop": {
        "llm.request.type": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt",
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": "hi",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "ho",
        "gen_ai.usage.prompt_tokens": 3,
        "gen_ai.usage.completion_tokens": 4,
    },
    "genai": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt",
        "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]',
        "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"ho"}]}]',
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 4,
    },
}


@pytest.mark.parametrize("convention", CHAT)
def test_a_chat_of_any_convention_is_the_same_run(api, convention):
    send(api, span(1, attributes=CHAT[convention]))

    run = only_run(api)
    assert run["run_type"] == "llm"
    assert run["inputs"] == {"messages": [{"role": "user", "content": "hi"}]}
    assert run["outputs"] == {"messages": [{"role": "assistant", "content": "ho"}]}
    assert (run["prompt_tokens"], run["completion_tokens"], run["total_tokens"]) == (3, 4, 7)
    assert run["extra"]["metadata"]["ls_model_name"] == "gpt"
    assert run["extra"]["metadata"]["ls_provider"] == "openai"


def test_an_exception_is_the_error_and_other_events_stay(api):
    events = [
        {"name": "retry", "timeUnixNano": str(START), "attributes": [attribute("attempt", 2)]},
        {
            "name": "exception",
            "timeUnixNano": str(START),
            "attributes": [
                attribute("exception.type", "ValueError"),
                attribute("exception.message", "boom"),
                attribute("exception.stacktrace", "Traceback …"),
            ],
        },
    ]
    send(api, span(1, events=events, status={"code": "STATUS_CODE_ERROR"}))

    run = only_run(api)
    assert (run["status"], run["error"]) == ("error", "ValueError: boom\n\nTraceback …")
    assert run["events"] == [
        {"name": "retry", "time": "2024-05-06T07:08:09.123456+00:00", "kwargs": {"attempt": 2}}
    ]


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
jsons = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)
keys = st.sampled_from([*EXPORTED, *CHAT["genai"], *CHAT["openinference"], *CHAT["traceloop"], "session.id"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(attributes=st.dictionaries(keys, jsons.map(json.dumps) | st.text(), max_size=6))
def test_no_attribute_breaks_the_server(shared_api, attributes):
    assert send(shared_api, span(1, attributes=attributes)).status in {200, 400}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=200) | jsons.map(lambda value: json.dumps(value).encode()))
@pytest.mark.parametrize("kind", ["application/json", PROTOBUF])
def test_no_body_breaks_the_server(shared_api, kind, raw):
    assert shared_api.call("POST", PATH, raw, {"content-type": kind}).status in {200, 400}
