"""W3C's form of a run's place: distinct, valid, and read strictly."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit.tracing._identity import new_id
from smithkit.tracing._w3c import format_traceparent, parse_traceparent, span_id_of, trace_id_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


def test_runs_of_one_millisecond_have_spans_of_their_own() -> None:
    ids = [new_id(1_700_000_000_000_000_000) for _ in range(1000)]
    assert len({span_id_of(run) for run in ids}) == len(ids)


@given(st.uuids(), st.uuids(), st.booleans())
def test_what_is_written_is_read_again(trace: object, run: object, sampled: bool) -> None:
    text = format_traceparent(str(trace), str(run), sampled)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", text)
    assert parse_traceparent(text) == (trace_id_of(str(trace)), span_id_of(str(run)), sampled)


def test_no_id_becomes_the_number_that_stands_for_none() -> None:
    nil = "00000000-0000-0000-0000-000000000000"
    assert parse_traceparent(format_traceparent(nil, nil)) == (1, 1, True)


@pytest.mark.parametrize("text", ["", "+1", "1_0" * 12, "x" * 32, "-" * 36, "0" * 31])
def test_what_is_not_an_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an id|invalid literal"):
        trace_id_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01\n",
        f"01-{TRACE}-{SPAN}-01more",
        f"01-{TRACE}-{SPAN}-01-" + "x" * 1000,
    ],
)
def test_headers_that_the_standard_forbids_are_ignored(text: str) -> None:
    assert parse_traceparent(text) is None


@pytest.mark.parametrize(("version", "more"), [("00", ""), ("01", ""), ("fe", "-what-comes")])
def test_later_versions_are_read_as_far_as_they_are_known(version: str, more: str) -> None:
    expected = (int(TRACE, 16), int(SPAN, 16), True)
    assert parse_traceparent(f" {version}-{TRACE}-{SPAN}-03{more}") == expected


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    parse_traceparent(text)
