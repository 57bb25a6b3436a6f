"""The body of ``POST /runs/multipart``: one part for each run and each of its larger fields."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, NamedTuple

from smithkit import environment
from smithkit.multipart import header_value, part_name
from smithkit.tracing.pipeline._decoded import extra_json, main_json
from smithkit.tracing.pipeline._snapshot import (
    ATTACHMENTS,
    EXTRA,
    FEEDBACK,
    FIELDS,
    FIRST_FIELD,
    ID,
    KIND,
    PATCH,
    PENDING_REVISION,
    POST,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from smithkit.tracing.pipeline._snapshot import Op

__all__ = ["Body", "Compressor", "encode"]

_BOUNDARY = os.urandom(16).hex().encode()
_CONTENT_TYPE = f"multipart/form-data; boundary={_BOUNDARY.decode()}"
_START = b"--" + _BOUNDARY + b'\r\nContent-Disposition: form-data; name="'
_AS_JSON = b'"\r\nContent-Type: application/json\r\nContent-Length: '
_END = b"--" + _BOUNDARY + b"--\r\n"
_STARTS = {
    kind: _START + name for kind, name in ((POST, b"post."), (PATCH, b"patch."), (FEEDBACK, b"feedback."))
}
_FIELDS = tuple((place, b"." + name.encode() + _AS_JSON) for place, name in enumerate(FIELDS, FIRST_FIELD))
_CACHED = 2048
_LENGTHS = [b"%d\r\n\r\n" % length for length in range(_CACHED)]
_DEFAULT_LEVEL = 1
_log = logging.getLogger("smithkit.tracing")


class Body(NamedTuple):
    """A request body and what its headers say about it."""

    content: bytes
    headers: dict[str, str | None]


class Compressor:
    """Compresses bodies with zstd, a frame each; its tables are kept from one body to the next."""

    def __init__(self) -> None:
        self._level: int | None = None
        self._compressor: Any = None

    def compress(self, body: bytes) -> bytes:
        """One zstd frame of the body.

        Args:
            body: Plain.
        """
        level = _level()
        if level != self._level:
            import zstandard

            # One thread: compression is to leave the machine to the traced program.
            self._compressor = zstandard.ZstdCompressor(level=level, write_content_size=False)
            self._level = level
        compressed: bytes = self._compressor.compress(body)
        return compressed


def encode(ops: Iterable[Op], compressor: Compressor | None = None) -> Body:
    """Encode ops.

    Args:
        ops: Merged, in their order.
        compressor: Compresses the body; None leaves it plain.
    """
    pieces: list[bytes] = []
    payload = 0
    for op in ops:
        payload += _append(pieces, op)
    pieces.append(_END)
    body = b"".join(pieces)
    if compressor is None:
        return Body(body, {"Content-Type": _CONTENT_TYPE})
    compressed = compressor.compress(body)
    headers: dict[str, str | None] = {
        "Content-Type": _CONTENT_TYPE,
        "Content-Encoding": "zstd",
        "X-Pre-Compressed-Size": str(payload),
        "X-Post-Compressed-Size": str(len(compressed)),
    }
    return Body(compressed, headers)


def _append(pieces: list[bytes], op: Op) -> int:
    """Append an op's parts; the size of what they hold."""
    start = _STARTS[op[KIND]] + op[ID].encode()
    value = main_json(op)
    size = len(value)
    pieces += (start, _AS_JSON, _LENGTHS[size] if size < _CACHED else b"%d\r\n\r\n" % size, value, b"\r\n")
    for place, field in _FIELDS:
        value = op[place]
        if value is not None:
            if place == EXTRA and op[PENDING_REVISION]:
                value = extra_json(op) or value
            length = len(value)
            size += length
            pieces += (
                start,
                field,
                _LENGTHS[length] if length < _CACHED else b"%d\r\n\r\n" % length,
                value,
                b"\r\n",
            )
    if op[ATTACHMENTS] is not None:
        for attachment in op[ATTACHMENTS]:
            size += _append_attachment(pieces, op[ID].encode(), attachment)
    return size


def _append_attachment(pieces: list[bytes], run: bytes, attachment: tuple[Any, ...]) -> int:
    name, mime, data, path = attachment
    if data is not None:
        described = b"%b\r\nContent-Length: %d" % (header_value(mime), len(data))
    else:
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - the op holds text
                data = file.read()
        except OSError as error:
            _log.warning("Attachment %r is left out: %s", name, error)
            return 0
        described = b"%b; length=%d" % (header_value(mime), len(data))
    header = b'%battachment.%b.%b"\r\nContent-Type: %b\r\n\r\n' % (_START, run, part_name(name), described)
    pieces += (header, data, b"\r\n")
    return len(data)


def _level() -> int:
    try:
        return int(environment.get("RUN_COMPRESSION_LEVEL") or _DEFAULT_LEVEL)
    except ValueError:
        return _DEFAULT_LEVEL
