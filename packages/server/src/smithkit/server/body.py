"""Reading request bodies as a stream, within the caps, compressed or not."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Protocol, Self

import zstandard

from smithkit.server.domain.jsons import load
from smithkit.server.errors import ApiError, bad_request, busy, too_large

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.requests import Request

    from smithkit.server.limits import Limits

__all__ = ["Budget", "GzipStream", "Reservation", "ZstdStream", "read_body", "read_json", "stream_body"]

# zstd expands at most 128 KiB out of 4 bytes: a step of this size bounds what one call can give.
_STEP = 1024
_CHUNK = 256 * 1024
_WINDOW = 2**23  # what HTTP allows (RFC 9659); a decompressor holds as much for as long as a body arrives
_GZIP = 16 + zlib.MAX_WBITS


class Budget:
    """Bytes of requests that may be held in memory at one time, over all requests.

    Args:
        total: The bytes.

    Example:
        >>> with Budget(100).reserve() as held:
        ...     held.take(60)
    """

    def __init__(self, total: int) -> None:
        self._free = total

    def reserve(self) -> Reservation:
        """Begin to hold bytes for one request; leaving the context gives them all back."""
        return Reservation(self)

    def move(self, size: int) -> None:
        """Take bytes, or give them back if `size` is negative.

        Raises:
            ApiError: 503, there is no room at present.
        """
        if size > self._free:
            raise busy("The server holds as many unwritten bytes as it may; try again shortly")
        self._free -= size


class Reservation:
    """What one request holds of a budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held = 0

    def take(self, size: int) -> None:
        """Hold more bytes, or fewer if `size` is negative."""
        self._budget.move(size)
        self._held += size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._budget.move(-self._held)


class _Stream(Protocol):
    """Decompresses a body piece by piece."""

    def feed(self, data: bytes) -> Iterator[bytes]: ...

    def finish(self) -> None: ...


class _Caps:
    """Counts what goes into a decompressor and what comes out, and stops it at the caps."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._taken = 0
        self._given = 0

    def take(self, size: int) -> None:
        self._taken += size

    def give(self, size: int) -> None:
        limits = self._limits
        self._given += size
        if self._given > limits.decompressed:
            raise too_large(f"The body is longer than {limits.decompressed} bytes when decompressed")
        if self._given > limits.free_decompressed + self._taken * limits.ratio:
            raise too_large("The body expands suspiciously when decompressed")


class GzipStream:
    """Decompresses a gzip stream, never giving more than the caps allow.

    Args:
        limits: The caps.

    Example:
        >>> import gzip
        >>> from smithkit.server.limits import Limits
        >>> stream = GzipStream(Limits())
        >>> b"".join(stream.feed(gzip.compress(b"abc")))
        b'abc'
        >>> stream.finish()
    """

    def __init__(self, limits: Limits) -> None:
        self._caps = _Caps(limits)
        self._limits = limits
        self._members = 0
        self._member: zlib._Decompress | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decompress the next piece.

        Args:
            data: Compressed bytes, cut anywhere.

        Yields:
            Pieces of moderate length.

        Raises:
            ApiError: 400, this is not gzip; 413, a cap is reached.
        """
        self._caps.take(len(data))
        while data:
            member = self._member or self._begin()
            try:
                out = member.decompress(data, _CHUNK)
            except zlib.error as error:
                raise bad_request(f"The body is not valid gzip: {error}") from error
            self._caps.give(len(out))
            data = member.unconsumed_tail or member.unused_data
            if member.eof:
                self._member = None
            if out:
                yield out

    def finish(self) -> None:
        """Check that the last member is complete.

        Raises:
            ApiError: 400, it is not.
        """
        if self._member is not None:
            raise bad_request("The gzip body is truncated")

    def _begin(self) -> zlib._Decompress:
        self._members += 1
        if self._members > self._limits.frames:
            raise too_large(f"The body has more than {self._limits.frames} gzip members")
        self._member = zlib.decompressobj(wbits=_GZIP)
        return self._member


class ZstdStream:
    """Decompresses a stream of zstd frames, never giving more than the caps allow.

    Sizes that a frame declares are not looked at: what counts is what comes out.

    Args:
        limits: The caps.

    Example:
        >>> from smithkit.server.limits import Limits
        >>> stream = ZstdStream(Limits())
        >>> b"".join(stream.feed(zstandard.compress(b"abc")))
        b'abc'
        >>> stream.finish()
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._frames = 0
        self._caps = _Caps(limits)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decompress the next piece.

        Args:
            data: Compressed bytes, cut anywhere.

        Yields:
            Pieces of moderate length.

        Raises:
            ApiError: 400, this is not zstd; 413, a cap is reached.
        """
        pending = bytearray()
        for at in range(0, len(data), _STEP):
            piece = data[at : at + _STEP]
            self._caps.take(len(piece))
            for out in self._decompress(piece):
                pending += out
                self._caps.give(len(out))
            if len(pending) >= _CHUNK:
                yield bytes(pending)
                pending.clear()
        if pending:
            yield bytes(pending)

    def finish(self) -> None:
        """Check that the last frame is complete.

        Raises:
            ApiError: 400, it is not.
        """
        if self._frame is not None:
            raise bad_request("The zstd body is truncated")

    def _decompress(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            if self._frame is None:
                self._frames += 1
                if self._frames > self._limits.frames:
                    raise too_large(f"The body has more than {self._limits.frames} zstd frames")
                self._frame = self._decompressor.decompressobj()
            try:
                yield self._frame.decompress(piece)
            except zstandard.ZstdError as error:
                raise bad_request(f"The body is not valid zstd: {error}") from error
            piece = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame = None


_STREAMS: dict[str, type[GzipStream | ZstdStream]] = {"gzip": GzipStream, "zstd": ZstdStream}


async def stream_body(request: Request, limits: Limits) -> AsyncIterator[bytes]:
    """Read a body piece by piece, decompressed.

    Args:
        request: The request.
        limits: The caps.

    Yields:
        Its bytes.

    Raises:
        ApiError: 400, 413 or 415.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "", *_STREAMS}:
        raise ApiError(415, f"Content-Encoding {encoding!r} is not supported; use zstd, gzip or none")
    if request.headers.get("content-length", "0").isdecimal():
        _check_size(int(request.headers.get("content-length", "0")), limits)
    stream: _Stream | None = _STREAMS[encoding](limits) if encoding in _STREAMS else None
    received = 0
    async for data in request.stream():
        received += len(data)
        _check_size(received, limits)
        if stream is None:
            if data:
                yield data
        else:
            for piece in stream.feed(data):
                yield piece
    if stream is not None:
        stream.finish()


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.body:
        raise too_large(f"The body is longer than {limits.body} bytes")


async def read_body(request: Request, limits: Limits, held: Reservation) -> bytearray:
    """Read a whole body.

    Args:
        request: The request.
        limits: The caps.
        held: Accounts for the bytes.

    Raises:
        ApiError: 400, 413, 415 or 503.
    """
    body = bytearray()
    async for data in stream_body(request, limits):
        held.take(len(data))
        body += data
    return body


async def read_json(request: Request, limits: Limits, held: Reservation) -> Any:
    """Read a whole JSON body.

    Args:
        request: The request.
        limits: The caps.
        held: Accounts for the bytes.

    Returns:
        The value.

    Raises:
        ApiError: 400, 413, 415 or 503.
    """
    body = await read_body(request, limits, held)
    try:
        return load(body)
    except ValueError as error:
        raise bad_request(f"The body is not valid JSON: {error}") from error
