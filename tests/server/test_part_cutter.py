"""What is cut out of a multipart body is what the parser reads in it, whatever stands there and however it is cut."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multipart import MultipartError, PushMultipartParser

from smithkit.server.body import Budget
from smithkit.server.errors import ApiError
from smithkit.server.limits import Limits
from smithkit.server.multipart_body import PartReader
from smithkit.server.part_cutter import PartCutter

_BOUNDARY = "0b"
_NAMES = st.sampled_from(["post.1", "post.1.inputs", "a b", "ä", 'quo"ted', "per%22cent", ""])
_KINDS = st.sampled_from(["application/json", "application/json; length=3", "text/plain; charset=utf-8"])
_CONTENT = st.lists(
    st.sampled_from([b"{}", b"\r\n", b"--0b", b"\r\n--0", b"\r\n--0c", b"--", b"\x00\xff", b"word " * 20])
).map(b"".join)
_HEADS = st.sampled_from(
    [
        b'Content-Disposition: form-data; name="%s"\r\nContent-Type: %s',
        b'Content-Type: %.0s%s\r\nContent-Disposition: form-data; name="x"',
        b'content-disposition: form-data; name="%s"; filename="f.txt"\r\ncontent-type: %s',
        b'Content-Disposition: form-data; name="%s"%.0s',
    ]
)


@st.composite
def _bodies(draw):
    parts = []
    for _ in range(draw(st.integers(0, 6))):
        head = draw(_HEADS)
        if draw(st.booleans()):
            head = b'Content-Disposition: form-data; name="%s"\r\nContent-Type: %s'
        parts.append(b"--0b\r\n" + head % (draw(_NAMES).encode(), draw(_KINDS).encode()))
        parts.append(b"\r\n\r\n" + draw(_CONTENT) + b"\r\n")
    ending = draw(st.sampled_from([b"--0b--\r\n", b"--0b--", b"--0b--\r\nmore", b"", b"--0b", b"--0bx"]))
    body = draw(st.sampled_from([b"", b"", b"", b"before\r\n", b"\r\n"])) + b"".join(parts) + ending
    if draw(st.booleans()) and body:
        at = draw(st.integers(0, len(body) - 1))
        body = body[:at] + draw(st.sampled_from([b"", b"\r", b"\n", b"-", b"\xff"])) + body[at + 1 :]
    return body


def _by_the_parser(body):
    parser, found = PushMultipartParser(_BOUNDARY, strict=False), []
    try:
        for event in parser.parse(body) if body else ():
            if event is None:
                continue
            if isinstance(event, bytes | bytearray):
                found[-1][3] += bytes(event)
            else:
                found.append([event.name, event.header("content-type"), event.filename, b""])
        parser.close()
    except MultipartError:
        return None
    if not all(name for name, *_ in found):
        return None
    return [(name, kind or "application/json", file, content) for name, kind, file, content in found]


def _read(pieces, limits=None):
    budget = Budget(10**9)
    with budget.reserve() as held:
        reader = PartReader(_BOUNDARY, limits or Limits(), held, lambda: None, lambda _: False)
        try:
            for piece in pieces:
                reader.feed(piece)
            parts = reader.finish()
        except ApiError as error:
            return error
        return [(part.name, part.content_type, part.file_name, bytes(part.data)) for part in parts]


@given(_bodies(), st.lists(st.integers(0, 400), max_size=8))
def test_the_short_way_gives_what_the_parser_gives(body, cuts):
    ends = sorted({min(cut, len(body)) for cut in cuts} | {0, len(body)})
    pieces = [body[begin:end] for begin, end in pairwise(ends)]
    expected, found = _by_the_parser(body), _read(pieces)
    if expected is None:
        assert isinstance(found, ApiError)
        assert found.status == 400
    else:
        assert found == expected


def _usual(count, content=b"{}"):
    head = b'--0b\r\nContent-Disposition: form-data; name="post.%d"\r\nContent-Type: application/json\r\n\r\n'
    return b"".join(head % number + content + b"\r\n" for number in range(count)) + b"--0b--\r\n"


def test_a_long_part_is_not_waited_for():
    body = _usual(3, b"x" * 300_000)
    pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)]
    cutter = PartCutter(_BOUNDARY, 20_000)
    held = 0
    for piece in pieces:
        list(cutter.cut(piece))
        held = max(held, len(cutter.waiting))
        if cutter.is_over:
            break
    assert cutter.is_over
    assert held < 22_000
    assert [len(content) for *_, content in _read(pieces)] == [300_000] * 3


def test_the_number_of_parts_is_capped_on_both_ways():
    for body in (_usual(5), _usual(5).replace(b"Content-Type: application/json\r\n", b"")):
        assert len(_read([body], Limits(parts=5))) == 5
        refusal = _read([body], Limits(parts=4))
        assert refusal.status == 413
        assert re.search("more than 4 parts", refusal.detail)


def test_bytes_that_wait_count_as_held():
    budget = Budget(100)
    with budget.reserve() as held:
        reader = PartReader(_BOUNDARY, Limits(), held, lambda: None, lambda _: False)
        with pytest.raises(ApiError) as refusal:
            reader.feed(_usual(1, b"x" * 200)[:150])
        assert refusal.value.status == 503
