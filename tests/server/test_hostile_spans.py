"""OTLP bodies made up by a fuzzer: whatever comes, the answer is one, and a refusal says why."""

from __future__ import annotations

import base64
import gzip
import json
import uuid

import pytest
import zstandard
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

JSON, PROTOBUF = "application/json", "application/x-protobuf"
PATHS = st.sampled_from(["/otel/v1/traces", "/v1/traces", "/api/v1/otel/v1/traces"])
COMPRESSIONS = {None: bytes, "gzip": gzip.compress, "zstd": zstandard.compress}
FUZZ = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, *HealthCheck]
)

# What conventions look at, so that values of the wrong kind meet the code that reads them.
KEYS = st.sampled_from(
    [
        "langsmith.span.kind",
        "langsmith.span.id",
        "langsmith.trace.id",
        "langsmith.span.dotted_order",
        "langsmith.trace.session_name",
        "langsmith.trace.session_id",
        "langsmith.span.tags",
        "langsmith.metadata.k",
        "langsmith.reference_example_id",
        "gen_ai.prompt",
        "gen_ai.completion",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.prompt.0.content",
        "gen_ai.prompt.99999999999.role",
        "gen_ai.prompt.-1.role",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.request.model",
        "gen_ai.operation.name",
        "llm.token_count.prompt",
        "llm.input_messages.0.message.tool_calls.0.tool_call.function.arguments",
        "llm.request.type",
        "openinference.span.kind",
        "input.value",
        "output.value",
        "session.id",
        "traceloop.entity.input",
        "exception.message",
        "",
    ]
)
INT64 = st.integers(-(2**63), 2**63 - 1)
TIMES = st.one_of(
    st.sampled_from([0, 1, 1_714_979_289_123_456_000, 2**63 - 1, 2**63, 2**64 - 1]), st.integers(0, 2**64 - 1)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["{", "[1]", '{"a": null}', "NaN", "1e999", "\0", "9" * 400, str(uuid.UUID(int=1)), "[" * 300]
)
VALUES = st.recursive(
    st.one_of(
        st.builds(AnyValue, string_value=TEXTS),
        st.builds(AnyValue, int_value=INT64),
        st.builds(AnyValue, double_value=st.floats()),
        st.builds(AnyValue, bool_value=st.booleans()),
        st.builds(AnyValue, bytes_value=st.binary(max_size=20)),
        st.just(AnyValue()),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda some: AnyValue(array_value=ArrayValue(values=some))),
        st.lists(st.builds(KeyValue, key=KEYS | TEXTS, value=inner), max_size=4).map(
            lambda some: AnyValue(kvlist_value=KeyValueList(values=some))
        ),
    ),
    max_leaves=8,
)
ATTRIBUTES = st.lists(st.builds(KeyValue, key=KEYS | TEXTS, value=VALUES), max_size=6)
TRACE_IDS = st.binary(min_size=16, max_size=16) | st.binary(max_size=20)
SPAN_IDS = st.binary(min_size=8, max_size=8) | st.binary(max_size=12)
SPANS = st.builds(
    Span,
    trace_id=TRACE_IDS,
    span_id=SPAN_IDS,
    parent_span_id=st.just(b"") | SPAN_IDS,
    trace_state=TEXTS | TEXTS.map("smithkit={}".format),
    name=TEXTS,
    kind=st.integers(0, 5),
    start_time_unix_nano=TIMES,
    end_time_unix_nano=TIMES,
    attributes=ATTRIBUTES,
    events=st.lists(
        st.builds(
            Span.Event,
            time_unix_nano=TIMES,
            name=TEXTS | st.just("exception") | st.just("gen_ai.content.prompt"),
            attributes=ATTRIBUTES,
        ),
        max_size=2,
    ),
    links=st.lists(st.builds(Span.Link, trace_id=TRACE_IDS, span_id=SPAN_IDS), max_size=2),
    status=st.builds(Status, code=st.integers(0, 2), message=TEXTS),
    flags=st.integers(0, 2**32 - 1),
)
REQUESTS = st.lists(
    st.builds(
        ResourceSpans,
        resource=st.builds(Resource, attributes=ATTRIBUTES),
        scope_spans=st.lists(st.builds(ScopeSpans, spans=st.lists(SPANS, max_size=3)), max_size=2),
    ),
    max_size=2,
).map(lambda some: ExportTraceServiceRequest(resource_spans=some))


def send(api, body, kind, path="/otel/v1/traces", **headers):
    answer = api.call("POST", path, body, {"content-type": kind, **headers})
    if answer.status == 200:
        told = ExportTraceServiceResponse()
        json_format.Parse(answer.body, told) if kind == JSON else told.ParseFromString(answer.body)
        assert (told.partial_success.rejected_spans > 0) == bool(told.partial_success.error_message)
    else:
        assert answer.status in {400, 413}, answer.body
        assert answer.detail
    return answer


def as_json(message):
    """OTLP's own JSON: ids are hexadecimal."""
    value = json_format.MessageToDict(message)
    for resource in value.get("resourceSpans", ()):
        for scope in resource.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                for holder in (span, *span.get("links", ())):
                    for name in {"traceId", "spanId", "parentSpanId"} & holder.keys():
                        holder[name] = base64.b64decode(holder[name]).hex()
    return value


@FUZZ
@given(message=REQUESTS, path=PATHS, compression=st.sampled_from([*COMPRESSIONS]))
def test_any_spans_are_answered_in_both_encodings(shared_api, message, path, compression):
    compress = COMPRESSIONS[compression]
    headers = {"content-encoding": compression} if compression else {}
    send(shared_api, compress(message.SerializeToString()), PROTOBUF, path, **headers)
    send(shared_api, compress(json.dumps(as_json(message)).encode()), JSON, path, **headers)


@FUZZ
@given(message=REQUESTS, data=st.data())
def test_damaged_protobuf_is_answered(shared_api, message, data):
    body = bytearray(message.SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(place, min(place + 8, len(body))))
        body[place:end] = data.draw(st.binary(max_size=8))
    send(shared_api, bytes(body[: data.draw(st.integers(0, len(body)))]), PROTOBUF)


STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["-1", "1.5", "zz", "0" * 31, "0" * 33, "ß", "\ud800", 10**400, [], {}, [[]], [None], {"": {}}]
    ),
)


def places_of(value):
    """Every holder and key below a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield value, key
        yield from places_of(inner)


@FUZZ
@given(message=REQUESTS.filter(lambda one: one.resource_spans), data=st.data())
def test_json_of_the_wrong_types_is_answered(shared_api, message, data):
    value = as_json(message)
    for _ in range(data.draw(st.integers(1, 3))):
        places = list(places_of(value))
        if places:
            holder, key = data.draw(st.sampled_from(places))
            holder[key] = data.draw(STRANGE)
    body = json.dumps(value).encode()
    send(shared_api, body[: data.draw(st.integers(0, len(body)))] if data.draw(st.booleans()) else body, JSON)


def one_span(**fields):
    own = {"traceId": uuid.uuid4().hex, "spanId": "00000000000000aa", "name": "s", "startTimeUnixNano": "9"}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [own | fields]}]}]}


def nested(depth, kind):
    value = {"stringValue": "x"}
    for _ in range(depth):
        value = {kind: {"values": [value if kind == "arrayValue" else {"key": "k", "value": value}]}}
    return one_span(attributes=[{"key": "deep", "value": value}])


def message_of(body):
    for resource in body["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in {"traceId", "spanId"} & span.keys():
                    span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return json_format.ParseDict(body, ExportTraceServiceRequest(), max_recursion_depth=100_000)


@pytest.mark.parametrize("kind", ["arrayValue", "kvlistValue"])
@pytest.mark.parametrize("depth", [1, 10, 30, 40, 60, 150])
def test_deep_values_are_taken_or_refused_alike_in_both_encodings(shared_api, kind, depth):
    by_json = send(shared_api, json.dumps(nested(depth, kind)).encode(), JSON)
    by_protobuf = send(shared_api, message_of(nested(depth, kind)).SerializeToString(), PROTOBUF)
    assert by_json.status == (200 if depth <= 10 else by_json.status)
    assert depth < 150 or {by_json.status, by_protobuf.status} == {400}


HUGE = {
    "attributes": one_span(attributes=[{"key": f"k{n}", "value": {"intValue": n}} for n in range(50_000)]),
    "equal keys": one_span(attributes=[{"key": "k", "value": {"stringValue": "v"}}] * 50_000),
    "messages": one_span(
        attributes=[
            {"key": f"gen_ai.prompt.{n}.content", "value": {"stringValue": "v"}} for n in range(20_000)
        ]
    ),
    "a far message": one_span(
        attributes=[{"key": f"gen_ai.prompt.{10**12}.content", "value": {"stringValue": "v"}}]
    ),
    "deep path": one_span(
        attributes=[{"key": "llm.input_messages.0." + "message." * 5000 + "x", "value": {"stringValue": "v"}}]
    ),
    "events": one_span(events=[{"name": "e", "timeUnixNano": "9"}] * 20_000),
    "links": one_span(links=[{"traceId": "00" * 16, "spanId": "00" * 8}] * 20_000),
    "a long text": one_span(attributes=[{"key": "k", "value": {"stringValue": "x" * 5_000_000}}]),
    "a long name": one_span(name="n" * 1_000_000),
    "a long state": one_span(parentSpanId="00000000000000bb", traceState="a=b," * 200_000),
    "a long key": one_span(attributes=[{"key": "k" * 1_000_000, "value": {"boolValue": True}}]),
    "empty resources": {"resourceSpans": [{}] * 100_000},
}


@pytest.mark.parametrize("name", HUGE)
def test_what_is_huge_is_stored_or_refused(shared_api, name):
    assert send(shared_api, json.dumps(HUGE[name]).encode(), JSON).status in {200, 400}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"traceId": "00"}, "trace_id must have 16 bytes"),
        ({"traceId": "00" * 16}, "an id is zero"),
        ({"spanId": ""}, "span_id 8"),
        ({"parentSpanId": "0102"}, "parent_span_id has not 8 bytes"),
        ({"startTimeUnixNano": str(2**64)}, "OTLP trace request"),
        ({"startTimeUnixNano": "-1"}, "OTLP trace request"),
        ({"traceId": "zz" * 16}, "OTLP trace request"),
        ({"traceId": 7}, "OTLP trace request"),
        ({"attributes": {"k": "v"}}, "OTLP trace request"),
        ({"name": ["n"]}, "OTLP trace request"),
    ],
)
def test_a_refusal_of_spans_says_what_is_wrong(shared_api, fields, said):
    answer = send(shared_api, json.dumps(one_span(**fields)).encode(), JSON)
    assert (answer.status, said in answer.detail) == (400, True), answer.detail
