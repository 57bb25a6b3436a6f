"""Multipart bodies, parsed while they arrive."""
# pyright: reportUnnecessaryTypeIgnoreComment=false
# (mypy needs the comment at the import below, pyright does not)

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from multipart import (  # type: ignore[import-untyped]  # it ships no type information
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from smithkit.server.body import stream_body
from smithkit.server.errors import bad_request, too_large
from smithkit.server.part_cutter import PartCutter

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from smithkit.server.body import Reservation
    from smithkit.server.limits import Limits
    from smithkit.server.store.blobs import BlobSink, StagedBlob

__all__ = ["Part", "PartReader", "read_parts"]

_MOST_WAITING = 128 * 1024  # bytes of a part whose end is not there yet


@dataclass(slots=True)
class Part:
    """One part: its name and type, and either its bytes or, for a file, a staged blob.

    `file_name` is what the client calls the file, if it says so.
    """

    name: str
    content_type: str
    data: bytes | bytearray
    blob: StagedBlob | None = None
    file_name: str | None = None


class PartReader:
    r"""Collects parts from pieces of a body.

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
        ...     reader = PartReader("b", Limits(), held, lambda: None, lambda name: False)
        ...     reader.feed(body)
        ...     [part.name for part in reader.finish()]
        ['a']
    """

    def __init__(
        self,
        boundary: str,
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
        try:
            # Strict, it would refuse a line break after the end that comes in a piece of its own.
            self._parser = PushMultipartParser(boundary, max_segment_count=limits.parts + 1, strict=False)
        except ValueError as error:
            raise bad_request(f"Malformed multipart boundary: {error}") from error
        self._shortcut: PartCutter | None = PartCutter(boundary, min(limits.spill, _MOST_WAITING))

    @property
    def parts(self) -> list[Part]:
        """The parts that are complete so far, in order."""
        return self._parts

    def feed(self, data: bytes) -> None:
        """Parse the next piece of the body.

        Args:
            data: Bytes, cut anywhere; not empty.

        Raises:
            ApiError: 400, it is malformed; 413 or 503, it is too much.
        """
        if self._shortcut is not None:
            data = self._cut(self._shortcut, data)
        if data:
            self._parse(data)

    def _cut(self, shortcut: PartCutter, data: bytes) -> bytes:
        """Take the parts that can be cut out; gives what the parser is to read."""
        taken = -len(shortcut.waiting)
        for name, content_type, content in shortcut.cut(data):
            if self._is_file(name):
                self._begin(name, content_type, None)
                self._take(content)
                self._end()
            else:
                self._check_count()
                self._parts.append(Part(name, content_type, content))
                taken += len(content)
        if shortcut.is_over:
            self._shortcut = None
            self._held.take(taken)
            return shortcut.waiting
        self._held.take(taken + len(shortcut.waiting))
        return b""

    def _parse(self, data: bytes) -> None:
        try:
            for event in self._parser.parse(data):
                if event is None:
                    self._end()
                elif isinstance(event, MultipartSegment):
                    self._begin(event.name or "", event.header("content-type"), event.filename)
                else:
                    self._take(event)
        except ParserLimitReached as error:
            raise too_large(f"The multipart body is too large{self._place()}: {error}") from error
        except MultipartError as error:
            raise bad_request(f"Malformed multipart body{self._place()}: {error}") from error

    def finish(self) -> list[Part]:
        """Say that the body has ended.

        Returns:
            The parts, in order.

        Raises:
            ApiError: 400, the closing boundary is missing.
        """
        if self._shortcut is not None:
            rest, self._shortcut = self._shortcut.waiting, None
            self._held.take(-len(rest))
            if rest:
                self._parse(rest)
        try:
            self._parser.close()
        except MultipartError as error:
            raise bad_request(f"Malformed multipart body{self._place()}: {error}") from error
        return self._parts

    def discard(self) -> None:
        """Give up; no temporary file is left behind."""
        if self._sink is not None:
            self._sink.discard()
        for part in self._parts:
            if part.blob is not None:
                part.blob.discard()

    def _place(self) -> str:
        if self._part is not None:
            return f" in part {self._part.name!r}"
        return f" after part {self._parts[-1].name!r}" if self._parts else ""

    def _begin(self, name: str, content_type: str | None, file_name: str | None) -> None:
        if not name:
            raise bad_request(f"Part {len(self._parts) + 1} has no name")
        self._check_count()
        self._part = Part(name, "application/json" if content_type is None else content_type, b"")
        self._part.file_name = file_name
        self._sink = self._new_sink() if self._is_file(name) else None

    def _check_count(self) -> None:
        if len(self._parts) >= self._limits.parts:
            raise too_large(f"The multipart body has more than {self._limits.parts} parts")

    def _take(self, data: bytes | bytearray) -> None:
        part = self._part
        if part is None:
            return
        if self._sink is not None:
            before = self._sink.in_memory
            self._sink.write(data)
            self._held.take(self._sink.in_memory - before)
            return
        self._held.take(len(data))
        if not part.data:
            part.data = data  # most parts come in one piece
            return
        if not isinstance(part.data, bytearray):
            part.data = bytearray(part.data)
        part.data += data
        if len(part.data) > self._limits.json_part:
            raise too_large(f"Part {part.name!r} is longer than {self._limits.json_part} bytes")

    def _end(self) -> None:
        if self._part is None:
            return
        if self._sink is not None:
            self._part.blob = self._sink.finish()
            self._sink = None
        self._parts.append(self._part)
        self._part = None


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
        The reader, at the end of the body; `discard` it if its parts are not stored.

    Raises:
        ApiError: 400, 413, 415 or 503; nothing is left behind then.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise bad_request("The Content-Type must be multipart/form-data with a boundary")
    reader = PartReader(options["boundary"], limits, held, sink, is_file)
    try:
        async for data in stream_body(request, limits):
            reader.feed(data)
        reader.finish()
    except BaseException:
        reader.discard()
        raise
    return reader
