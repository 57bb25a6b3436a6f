"""Ids and times of runs."""

from __future__ import annotations

import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit.tracing import _identity, uuid7, uuid7_from_datetime

times = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
ids = st.uuids().map(str)


def test_a_uuid7_holds_version_variant_and_time():
    before = time.time_ns() // 1_000_000
    made = uuid7()
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_ids_are_unique_over_threads_and_in_the_order_of_their_making():
    def many(_):
        made = [_identity.new_id(time.time_ns()) for _ in range(2000)]
        assert made == sorted(made)
        return made

    with ThreadPoolExecutor(4) as pool:
        assert len({each for made in pool.map(many, range(4)) for each in made}) == 8000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_makes_ids_of_its_own():
    reader, writer = os.pipe()
    now = time.time_ns()
    child = os.fork()
    if not child:
        os.write(writer, _identity.new_id(now).encode())
        os._exit(0)
    mine = _identity.new_id(now)
    theirs = os.read(reader, 36).decode()
    os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)
    assert mine[19:] != theirs[19:]


def test_uuid7_from_datetime_holds_the_millisecond():
    when = datetime(2024, 1, 2, 3, 4, 5, 600000, tzinfo=timezone(timedelta(hours=2)))
    made = uuid7_from_datetime(when)
    assert made.version == 7
    assert abs((made.int >> 80) - 1_704_157_445_600) <= 1
    assert uuid7_from_datetime(when) != made


@given(times)
def test_times_keep_their_microseconds(when):
    ns = _identity.from_datetime(when)
    stamp, text = _identity.texts(ns)
    assert _identity.to_datetime(ns) == when
    assert text == when.isoformat(timespec="microseconds") == _identity.iso(ns)
    assert stamp == when.strftime("%Y%m%dT%H%M%S%fZ").rjust(22, "0")
    assert _identity.from_iso(text) == ns


def test_a_time_without_zone_is_in_utc():
    assert _identity.from_iso("2024-05-06T07:08:09.123456") == 1_714_979_289_123_456_000


@given(st.lists(st.tuples(times, ids), min_size=1, max_size=5))
def test_a_dotted_order_can_be_read_back(runs):
    known = [(_identity.from_datetime(when), run_id) for when, run_id in runs]
    text = ".".join(_identity.dotted_segment(ns, run_id) for ns, run_id in known)
    assert _identity.parse_dotted_order(text) == known


@given(st.text(max_size=200))
def test_what_is_no_dotted_order_is_a_value_error(text):
    with pytest.raises(ValueError, match=r".*"):
        _identity.parse_dotted_order(text)


@given(st.text(max_size=40))
def test_what_is_no_id_is_a_value_error(text):
    try:
        assert _identity.parse_id(text) == str(uuid.UUID(text))
    except ValueError:
        with pytest.raises(ValueError, match=r".*"):
            uuid.UUID(text)


def test_ids_become_canonical():
    one = uuid.uuid4()
    assert {_identity.parse_id(each) for each in (one, str(one), str(one).upper(), one.hex)} == {str(one)}
