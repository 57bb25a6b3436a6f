"""The tracing benchmark's own promises: it counts what arrives, and memory stays where it is on the way."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "tracing"
pytestmark = pytest.mark.slow


@pytest.fixture
def arrivals(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import arrivals

    yield arrivals
    del sys.modules["arrivals"]


def multipart(*parts):
    return (
        b"".join(
            b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), body)
            for name, body in parts
        )
        + b"--b--\r\n"
    )


def field(number, value):
    """A length-delimited field of a protobuf message."""
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


def test_a_run_has_arrived_when_both_of_its_halves_have(arrivals):
    one, other = str(uuid.uuid4()), str(uuid.uuid4())
    seen = arrivals.Seen()
    begun = multipart((f"post.{one}", b'{"end_time":null}'), (f"post.{one}.inputs", b'{"end_time":"no"}'))
    seen.add("/runs/multipart", "", begun)
    assert (seen.complete, seen.incomplete) == (0, 1)
    seen.add("/runs/multipart", "", multipart((f"patch.{one}", b'{"end_time":"2024"}')))
    seen.add("/runs/batch", "", json.dumps({"post": [{"id": other, "end_time": "2024"}]}).encode())
    assert (seen.complete, seen.incomplete) == (2, 0)


def test_spans_count_once_and_notes_of_spans_that_have_begun_do_not(arrivals):
    one, other = (field(1, b"t" * 16) + field(2, key * 8) for key in (b"1", b"2"))
    pending = field(1, b"t" * 16) + field(2, b"3" * 8) + field(9, field(1, b"logfire.pending_parent_id"))
    body = b"".join(
        field(1, field(2, b"".join(field(2, span) for span in spans)))
        for spans in ([one, other], [one, pending])
    )
    seen = arrivals.Seen()
    seen.add("/v1/traces", "gzip", gzip.compress(body))
    assert seen.complete == 2


def test_memory_stays_where_it_is_over_many_runs_and_all_of_them_arrive():
    done = subprocess.run(
        [sys.executable, FOLDER / "soak.py", "--runs", "60000"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
