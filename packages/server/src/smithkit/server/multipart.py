"""Multipart bodies, parsed while they arrive."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from smithkit.server.body import stream_body
from smithkit.server.errors import bad_request, too_large

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from smithkit.server.body import Reservation
    from smithkit.server.limits import Limits
    from smithkit.server.store.blobs import BlobSink, StagedBlob

__all__ = ["Part", "PartReader", "read_parts"]

# The library tells about every odd byte; whoever sends it gets a 400 instead.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


@dataclass(slots=True)
class Part:
    """One part: its name and type, and either its bytes or, for a file, a staged blob."""

    name: str
    content_type: str
    data: bytearray
    blob: StagedBlob | None = None


class PartReader:
    """Collects parts from pieces of a body.

    Args:
        boundary: From the Content-Type.
        limits: The caps.
        held: Accounts for bytes in memory.
        sink: Begins a blob; used for parts that `is_file` says are files.
        is_file: Decides by a part's name.

    Example:
        >>> from smithkit.server.body import Budget
        >>> from smithkit.server.limits import Limits
        >>> body = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n'
        >>> with Budget(100).reserve() as held:
        ...     reader = PartReader(b"b", Limits(), held, lambda: None, lambda name: False)
        ...     reader.feed(body)
        ...     [part.name for part in reader.finish()]
        ['a']
    """

    def __init__(
        self,
        boundary: bytes,
        limits: Limits,
        held: Reservation,
        sink: Callable[[], BlobSink],
        is_file: Callable[[str], bool],
    ) -> None:
        self._limits = limits
        self._held = held
        self._new_sink = sink
        self._is_file = is_file
        self._parts: list[Part] = []
        self._part: Part | None = None
        self._sink: BlobSink | None = None
        self._headers: dict[bytes, bytes] = {}
        self._field = bytearray()
        self._value = bytearray()
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise bad_request(f"Malformed multipart boundary: {error}") from error

    def feed(self, data: bytes) -> None:
        """Parse the next piece of the body.

        Raises:
            ApiError: 400, it is malformed; 413 or 503, it is too much.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            place = f" in part {self._part.name!r}" if self._part else ""
            raise bad_request(f"Malformed multipart body{place}: {error}") from error

    def finish(self) -> list[Part]:
        """Say that the body has ended.

        Returns:
            The parts, in order.

        Raises:
            ApiError: 400, the closing boundary is missing.
        """
        if not self._ended:
            place = f" in part {self._part.name!r}" if self._part else ""
            raise bad_request(f"The multipart body ends{place} before its closing boundary")
        return self._parts

    def discard(self) -> None:
        """Give up; no temporary file is left behind."""
        if self._sink is not None:
            self._sink.discard()
        for part in self._parts:
            if part.blob is not None:
                part.blob.discard()

    def _on_part_begin(self) -> None:
        if len(self._parts) >= self._limits.parts:
            raise too_large(f"The body has more than {self._limits.parts} parts")
        self._headers = {}

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[bytes(self._field).lower()] = bytes(self._value)
        self._field.clear()
        self._value.clear()

    def _on_headers_finished(self) -> None:
        disposition, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if disposition != b"form-data" or b"name" not in options:
            raise bad_request(f"Part {len(self._parts) + 1} has no form-data name")
        try:
            name = options[b"name"].decode()
        except UnicodeDecodeError as error:
            raise bad_request(f"The name of part {len(self._parts) + 1} is not UTF-8") from error
        content_type = self._headers.get(b"content-type", b"application/json").decode("latin-1")
        self._part = Part(name, content_type, bytearray())
        self._sink = self._new_sink() if self._is_file(name) else None

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part is None:
            return
        if self._sink is not None:
            before = self._sink.in_memory
            self._sink.write(data[start:end])
            self._held.take(self._sink.in_memory - before)
            return
        self._held.take(end - start)
        self._part.data += data[start:end]
        if len(self._part.data) > self._limits.json_part:
            raise too_large(f"Part {self._part.name!r} is longer than {self._limits.json_part} bytes")

    def _on_part_end(self) -> None:
        if self._part is None:
            return
        if self._sink is not None:
            self._part.blob = self._sink.finish()
            self._sink = None
        self._parts.append(self._part)
        self._part = None

    def _on_end(self) -> None:
        self._ended = True


async def read_parts(
    request: Request,
    limits: Limits,
    held: Reservation,
    sink: Callable[[], BlobSink],
    is_file: Callable[[str], bool],
) -> PartReader:
    """Read a multipart request to its end.

    Args:
        request: The request.
        limits: The caps.
        held: Accounts for bytes in memory.
        sink: Begins a blob.
        is_file: Tells from a part's name whether it is a file.

    Returns:
        The reader, finished; `discard` it if its parts are not stored.

    Raises:
        ApiError: 400, 413, 415 or 503; nothing is left behind then.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise bad_request("The Content-Type must be multipart/form-data with a boundary")
    reader = PartReader(options[b"boundary"], limits, held, sink, is_file)
    try:
        async for data in stream_body(request, limits):
            reader.feed(data)
        reader.finish()
    except BaseException:
        reader.discard()
        raise
    return reader
