"""Which runs have arrived: reads the bodies of LangSmith's and OpenTelemetry's ingestion.

A LangSmith run is complete when its beginning and its end are there, in one request or in two. A span
of OpenTelemetry is sent when it has ended; Logfire's notes that a span has begun do not count.
"""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterator

_RUN_ID = 36
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_PENDING = b"logfire.pending_parent_id"


class Seen:
    """Ids of the runs that have begun, and of those that have ended."""

    def __init__(self) -> None:
        self._begun: set[bytes] = set()
        self._ended: set[bytes] = set()

    @property
    def complete(self) -> int:
        """Runs of which everything is there."""
        return len(self._begun & self._ended)

    @property
    def incomplete(self) -> int:
        """Runs of which one half is missing."""
        return len(self._begun ^ self._ended)

    def add(self, path: str, encoding: str, body: bytes) -> None:
        """Look into a request."""
        body = _plain(encoding, body)
        if path == "/runs/multipart":
            for operation, run_id, fields in _parts(body):
                self._note(operation, run_id, b'"end_time":"' in fields)
        elif path == "/runs/batch":
            given = json.loads(body)
            for operation in ("post", "patch"):
                for run in given.get(operation, ()):
                    self._note(operation, run["id"], bool(run.get("end_time")))
        elif path.endswith("/v1/traces"):
            spans = set(_spans(body))
            self._begun |= spans
            self._ended |= spans

    def _note(self, operation: str, run_id: str, has_ended: bool) -> None:  # noqa: FBT001 - what was found
        key = bytes.fromhex(run_id.replace("-", ""))
        if operation == "post":
            self._begun.add(key)
        if has_ended:
            self._ended.add(key)


def _plain(encoding: str, body: bytes) -> bytes:
    if encoding == "zstd":
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body)).read()
    return gzip.decompress(body) if encoding == "gzip" else body


def _parts(body: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Operation, run id and small fields of each run in a multipart body."""
    boundary = body[: body.find(b"\r\n")]
    for part in body.split(boundary + b"\r\n"):
        head, _, content = part.partition(b"\r\n\r\n")
        name = head.partition(b'name="')[2].partition(b'"')[0].decode()
        operation, _, run_id = name.partition(".")
        if operation in {"post", "patch"} and len(run_id) == _RUN_ID:
            yield operation, run_id, content


def _spans(body: bytes) -> Iterator[bytes]:
    """Trace id and span id of each ended span in an OTLP request."""
    for resource in _values(body, 1):
        for scope in _values(resource, 2):
            for span in _values(scope, 2):
                keys = (next(_values(attribute, 1)) for attribute in _values(span, 9))
                if _PENDING not in keys:
                    yield next(_values(span, 1)) + next(_values(span, 2))


def _values(message: bytes, wanted: int) -> Iterator[bytes]:
    """The length-delimited values of one field of a protobuf message."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            _, at = _varint(message, at)
        elif kind == _BYTES:
            length, at = _varint(message, at)
            if tag >> 3 == wanted:
                yield message[at : at + length]
            at += length
        elif kind in {_FIXED32, _FIXED64}:
            at += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"not a protobuf message: wire type {kind}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return value, at
        shift += 7
