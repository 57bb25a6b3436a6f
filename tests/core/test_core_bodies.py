"""Multipart bodies, JSON of request bodies, and flows that run together."""

from __future__ import annotations

import asyncio
import datetime as dt
import enum
import io
import threading
from decimal import Decimal
from email.parser import BytesParser
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit import jsons
from smithkit.errors import LangSmithUserError
from smithkit.multipart import Body, FilePiece, StreamPiece, part
from smithkit.operations import Request, Together, operation


def parsed(body):
    head = f"Content-Type: {body.headers['Content-Type']}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + body.read())
    return [(one.get_param("name", header="content-disposition"), one) for one in message.get_payload()]


@given(
    contents=st.lists(st.binary(max_size=50), max_size=4),
    reads=st.lists(st.integers(1, 40), max_size=30),
    place=st.integers(0, 500),
)
def test_a_body_reads_as_its_pieces_joined(contents, reads, place):
    body = Body(piece for number, content in enumerate(contents) for piece in part(f"p{number}", content))
    whole = body.read()

    body.seek(0)
    pieces = b"".join(body.read(size) for size in reads)
    body.seek(place)

    assert len(whole) == len(body)
    assert whole.startswith(pieces)
    assert body.read() == whole[place:]
    assert all(content in whole for content in contents)


def test_a_body_is_iterated_in_large_pieces():
    body = Body(part("p", b"line\n" * 100_000))

    pieces = list(body)

    body.seek(0)
    assert b"".join(pieces) == body.read()
    assert len(pieces) == 2


def test_files_stay_on_disk_until_their_turn_comes(tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(b"12345")
    body = Body([*part("first", b"x"), *part("file", FilePiece.at(file), "text/plain", "a.bin")])

    first, second = parsed(body)
    file.write_bytes(b"54321")
    body.seek(0)

    assert (first[0], second[0], second[1].get_filename()) == ("first", "file", "a.bin")
    assert b"54321" in body.read()
    body.close()


def test_what_is_left_of_an_open_file_is_sent_and_can_be_sent_again():
    file = io.BytesIO(b"read already, and what is left")
    file.seek(14)
    body = Body(part("f", StreamPiece.of(file), "text/plain"))

    for _ in range(2):
        body.seek(0)
        ((name, found),) = parsed(body)
        assert (name, found.get_payload()) == ("f", "and what is left")


def test_a_file_that_became_shorter_is_told(tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(b"12345")
    body = Body(part("file", FilePiece.at(file)))
    file.write_bytes(b"1")

    with pytest.raises(OSError, match="became shorter"):
        body.read()
    body.close()


def test_no_name_or_type_ends_its_header():
    body = Body(part('a"\r\nX: 1', b"", "text/plain\r\nX: 1"))

    text = body.read()

    assert b"X: 1\r\n" not in text
    assert b'name="a%22%0D%0AX: 1"\r\nContent-Type: application/octet-stream\r\n' in text


class Colour(enum.Enum):
    red = 1


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (UUID(int=1), b'"00000000-0000-0000-0000-000000000001"'),
        (Decimal("1.50"), b'"1.50"'),
        (dt.date(2024, 5, 6), b'"2024-05-06"'),
        (Colour.red, b"1"),
        ({1}, b"[1]"),
        (np.float32(0.5), b"0.5"),
        (np.array([[1, 2]]), b"[[1, 2]]"),
    ],
)
def test_values_of_programs_become_json(value, encoded):
    assert jsons.dumps(value) == encoded


def test_what_json_does_not_have_is_refused():
    loop = []
    loop.append(loop)
    for value, strict in ((float("nan"), True), (object(), False), ({(1,): 2}, False), (loop, False)):
        with pytest.raises(LangSmithUserError, match="sent as JSON"):
            jsons.dumps(value, strict=strict)


class Methods:
    @operation
    def ask(self, paths, most, seen):
        def one(path):
            return (yield Request("GET", path)).json()

        yield Together((one(path) for path in paths), most, seen.append)
        return seen


def ask(api, kind, *arguments):
    if kind == "AsyncClient":
        return asyncio.run(Methods.__dict__["ask"].__get__(api.async_client())(*arguments))
    return Methods.__dict__["ask"].__get__(api.client())(*arguments)


@pytest.mark.parametrize("kind", ["Client", "AsyncClient"])
@pytest.mark.parametrize("most", [1, 2, 9])
def test_flows_run_together_and_each_result_is_handed_over(api, kind, most):
    for number in range(5):
        api.answer("GET", f"/{number}", number)

    assert sorted(ask(api, kind, [f"/{number}" for number in range(5)], most, [])) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", ["Client", "AsyncClient"])
@pytest.mark.parametrize("most", [1, 3])
def test_what_succeeded_is_handed_over_before_the_failure_is_raised(api, kind, most):
    api.answer("GET", "/good", "good")
    seen = []

    with pytest.raises(Exception, match="404"):
        ask(api, kind, ["/good", "/bad", "/good", "/good", "/good", "/good"], most, seen)

    assert seen
    assert set(seen) == {"good"}


def test_results_are_handed_over_in_the_callers_thread(api):
    api.answer("GET", "/", 1)
    threads = []

    class Seen(list):
        def append(self, one):
            threads.append(threading.current_thread())

    ask(api, "Client", ["/"] * 3, 3, Seen())

    assert threads == [threading.current_thread()] * 3


def test_a_body_goes_over_the_wire_of_the_asynchronous_client_with_its_length(api):
    class Sender:
        @operation
        def send(self):
            body = Body(part("q", b"1" * 1_000_000))
            yield Request("POST", "/", content=body, headers=body.headers)

    api.answer("POST", "/", {})

    asyncio.run(Sender.__dict__["send"].__get__(api.async_client())())

    assert api.requests[0].headers["Content-Length"] == str(len(api.requests[0].body))
    assert "Transfer-Encoding" not in api.requests[0].headers
    assert io.BytesIO(api.requests[0].body).read(2) == b"--"
