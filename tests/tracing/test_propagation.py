"""A run's way through the headers of a request. What comes in is hostile until it is read."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit.tracing import RunTree
from smithkit.tracing._w3c import format_traceparent

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=30), inner, max_size=3),
    max_leaves=5,
)
header_text = st.text(st.characters(codec="utf-8"), max_size=200)


class NoClient:
    """Fails if anything is sent."""


def make(**fields):
    return RunTree(name="up", client=NoClient(), **fields)


def test_the_headers_are_those_of_the_api():
    run = make(
        id="a0000000-0000-4000-8000-000000000001",
        start_time="2024-05-06T07:08:09.123456+00:00",
        project_name="hdr proj",
        tags=["t 1", "t2"],
        extra={"metadata": {"m": "v,=", "n": 2}},
    )
    place = "20240506T070809123456Za0000000-0000-4000-8000-000000000001"
    assert run.to_headers() == {
        "langsmith-trace": place,
        "baggage": "langsmith-metadata=%7B%22m%22%3A%22v%2C%3D%22%2C%22n%22%3A2%7D,"
        "langsmith-tags=t%201%2Ct2,langsmith-project=hdr%20proj",
    }
    child = run.create_child("kid")
    assert child.to_headers()["baggage"] == "langsmith-project=hdr%20proj"


@given(
    metadata=st.dictionaries(st.text(max_size=30), json_values, max_size=4),
    tags=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters=","), min_size=1, max_size=30), max_size=4
    ),
    project=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(
        lambda text: text == text.strip() and text
    ),
    as_bytes=st.booleans(),
)
def test_a_run_survives_the_way(metadata, tags, project, as_bytes):
    up = make(project_name=project, tags=tags, extra={"metadata": metadata}).create_child("kid")
    up.add_tags(tags)
    up.add_metadata(metadata)
    headers = up.to_headers()
    if as_bytes:
        headers = {name.title().encode(): value.encode() for name, value in headers.items()}
    back = RunTree.from_headers(headers)
    assert (back.id, back.trace_id, back.parent_run_id) == (up.id, up.trace_id, up.parent_run_id)
    assert back.dotted_order == up.dotted_order
    assert (back.name, back.run_type, back.session_name) == ("parent", "chain", project)
    assert back.metadata == without_reserved(metadata)
    assert back.tags == list(dict.fromkeys(tags))


def without_reserved(metadata):
    reserved = ("ls_", "__", "usage_metadata")
    return {name: value for name, value in metadata.items() if not name.startswith(reserved)}


def test_what_tells_of_runs_themselves_is_not_taken_from_a_caller():
    told = {"usage_metadata": {"total_cost": -1}, "ls_provider": "p", "__ls_runner": "r", "thread_id": "t"}
    headers = make(extra={"metadata": told}).to_headers()
    assert RunTree.from_headers(headers).metadata == {"thread_id": "t"}


@pytest.mark.parametrize("name", ["baggage", "Baggage"])
def test_other_headers_and_other_programs_baggage_are_kept(name):
    run = make(project_name="p")
    headers = run.to_headers({name: "user=u1;secret, langsmith-project=old ,n=1", "Accept": "*/*"})
    assert headers == {
        "Accept": "*/*",
        "baggage": "user=u1;secret,n=1,langsmith-project=p",
        "langsmith-trace": run.dotted_order,
    }
    assert run.to_headers(headers) == headers
    assert RunTree.from_headers(headers).session_name == "p"


def test_a_traceparent_is_written_where_it_is_wanted(monkeypatch):
    run = make()
    theirs = {"Traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01", "tracestate": "vendor=1"}
    expected = format_traceparent(run.trace_id_text, run.id_text)
    assert run.to_headers(theirs)["Traceparent"] == theirs["Traceparent"]
    assert "traceparent" not in run.to_headers()
    written = run.to_headers(theirs, traceparent=True)
    assert {name.lower() for name in written} == {"langsmith-trace", "baggage", "traceparent"}
    assert written["traceparent"] == expected
    monkeypatch.setenv("LANGSMITH_OTEL_ENABLED", "true")
    assert run.to_headers()["traceparent"] == expected
    assert "traceparent" not in run.to_headers(traceparent=False)


@pytest.mark.parametrize("exports", [True, False])
def test_a_client_that_exports_spans_has_their_ids_sent_along(make_client, exports):
    run = RunTree(name="up", client=make_client(otel_enabled=exports))
    assert ("traceparent" in run.to_headers()) is exports


def test_a_traceparent_alone_names_no_run():
    headers = make().to_headers(traceparent=True)
    assert RunTree.from_headers({"traceparent": headers["traceparent"], "tracestate": "a=1"}) is None


def test_headers_stay_short_enough_for_servers(caplog):
    run = make(project_name="p", tags=["t"], extra={"metadata": {"document": "x" * 100_000}})
    headers = run.to_headers()
    assert headers["baggage"] == "langsmith-tags=t,langsmith-project=p"
    assert "langsmith-metadata is not sent along" in caplog.text


def test_what_is_read_is_limited():
    many = {f"k{i}": i for i in range(1000)}
    baggage = "langsmith-metadata=" + quote(json.dumps({"n" * 300: 1, **many}))
    back = RunTree.from_headers({"langsmith-trace": make().dotted_order, "baggage": baggage})
    assert 0 < len(back.metadata) < 200
    tags = ",".join(["t" * 300, *map(str, range(1000))])
    baggage = f"langsmith-tags={quote(tags)},langsmith-project={'p' * 300}"
    back = RunTree.from_headers({"langsmith-trace": make().dotted_order, "baggage": baggage})
    assert 0 < len(back.tags) < 200
    assert all(len(tag) < 300 for tag in back.tags)
    assert len(back.session_name) < 300


def test_metadata_that_is_no_json_and_lone_surrogates_do_not_break_headers():
    run = make(tags=["\ud800"], extra={"metadata": {"o": object(), 3: 1, ("t",): 1}}, project_name="p\udfff")
    headers = run.to_headers()
    assert all(value.isascii() for value in headers.values())
    assert RunTree.from_headers(headers).metadata["3"] == 1


def test_own_fields_win_over_the_baggages_metadata_and_its_project_over_theirs():
    headers = make(project_name="theirs", tags=["t"], extra={"metadata": {"a": 1, "b": 1}}).to_headers()
    back = RunTree.from_headers(
        headers, project_name="mine", tags=["own"], extra={"metadata": {"b": 2}, "beside": 3}, name="n"
    )
    assert back.session_name == "theirs"
    assert back.metadata == {"a": 1, "b": 2}
    assert back.extra["beside"] == 3
    assert (back.name, back.tags) == ("n", ["t", "own"])


@pytest.mark.parametrize("headers", [{}, {"baggage": "langsmith-project=p"}, {"langsmith-trace": " "}])
def test_without_a_trace_there_is_no_run(headers):
    assert RunTree.from_headers(headers) is None


@given(trace=header_text, baggage=header_text)
def test_any_text_in_the_headers_is_ignored_or_read(trace, baggage):
    good = make().dotted_order
    assert RunTree.from_headers({"langsmith-trace": trace, "baggage": baggage}) is None or trace.strip()
    back = RunTree.from_headers({"langsmith-trace": good, "baggage": baggage})
    assert back.dotted_order == good


@given(
    trace=st.binary(max_size=100),
    key=st.sampled_from(
        ["langsmith-metadata", "langsmith-tags", "langsmith-project", "langsmith-replicas", "x"]
    ),
    value=header_text
    | st.sampled_from(["[" * 50_000, '{"a":' * 5000, "1" * 5000, "{}", "[]", "NaN", '{"a":NaN}']),
)
def test_hostile_baggage_sets_nothing_but_metadata_tags_and_project(trace, key, value):
    assert RunTree.from_headers({b"langsmith-trace": trace}) is None or trace.strip()
    up, plain = make(), make()
    headers = {"langsmith-trace": up.dotted_order, "baggage": f"{key}={quote(value)}"}
    back = RunTree.from_headers(headers)
    expected = RunTree.from_headers({"langsmith-trace": up.dotted_order})
    read = {"langsmith-metadata": "extra", "langsmith-tags": "tags", "langsmith-project": "session_name"}.get(
        key
    )
    for name, field in expected.model_dump().items():
        if name not in {read, "start_time"}:
            assert back.model_dump()[name] == field
    assert back.ls_client is None
    assert back.replicas is None
    assert plain.ls_client is not None


@pytest.mark.parametrize(
    "baggage",
    [
        'langsmith-replicas=[{"api_url":"http://evil","api_key":"k"}]',
        "langsmith-api-url=http://evil,langsmith-client=x,ls_client=x,attachments=x",
        'langsmith-metadata={"a":1},langsmith-attachments={"a":["text/plain","/etc/passwd"]}',
    ],
)
def test_endpoints_credentials_and_files_are_never_read(baggage):
    back = RunTree.from_headers({"langsmith-trace": make().dotted_order, "baggage": baggage})
    assert back.ls_client is None
    assert back.replicas is None
    assert not back.attachments


def test_headers_of_odd_kinds_are_ignored(caplog):
    class Odd:
        def items(self):
            raise RuntimeError("odd")

    assert RunTree.from_headers(Odd()) is None
    assert RunTree.from_headers({"langsmith-trace": None, 3: 4}) is None


def test_absurd_lengths_are_refused():
    segment = make().dotted_order
    assert RunTree.from_headers({"langsmith-trace": ".".join([segment] * 2000)}) is None
    back = RunTree.from_headers({"langsmith-trace": segment, "baggage": "langsmith-tags=" + "a" * 100_000})
    assert back.tags == []


def test_from_dotted_order_wants_one():
    up = make().create_child("kid")
    back = RunTree.from_dotted_order(up.dotted_order, project_name="p")
    assert (back.id, back.parent_run_id, back.session_name) == (up.id, up.parent_run_id, "p")
    with pytest.raises(ValueError, match="dotted order"):
        RunTree.from_dotted_order("nonsense")
