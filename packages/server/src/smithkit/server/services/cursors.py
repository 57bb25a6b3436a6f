"""Cursors: where a page ended, as opaque text."""

from __future__ import annotations

import base64
import binascii
import struct
from typing import Any
from uuid import UUID

from smithkit.server.errors import unprocessable

__all__ = ["decode_cursor", "decode_offset", "encode_cursor", "encode_offset"]

_FORM = struct.Struct(">BBq16s")
_VERSION = 1
_OFFSET = struct.Struct(">BI")
_OFFSET_VERSION = 2


def encode_cursor(moment: int, run_id: UUID, *, ascending: bool) -> str:
    """Write the position after a run.

    Args:
        moment: Its start time.
        run_id: Its id.
        ascending: Order of the listing.

    Returns:
        Text that `decode_cursor` reads.

    Example:
        >>> decode_cursor(encode_cursor(5, UUID(int=1), ascending=True), ascending=True)
        (5, UUID('00000000-0000-0000-0000-000000000001'))
    """
    return _write(_FORM.pack(_VERSION, ascending, moment, run_id.bytes))


def decode_cursor(text: str, *, ascending: bool) -> tuple[int, UUID]:
    """Read a position. It is only ever compared with, so a forged one shows nothing that a query would not.

    Args:
        text: A cursor.
        ascending: Order of the listing.

    Returns:
        Start time and id of the last run of the page before.

    Raises:
        ApiError: 422, it is not a cursor, or one of the other order.
    """
    version, order, moment, run_id = _read(text, _FORM)
    if version != _VERSION or order != ascending:
        raise unprocessable("cursor: belongs to another listing")
    return moment, UUID(bytes=run_id)


def encode_offset(offset: int) -> str:
    """Write a place in a listing of which pages are found by number.

    Example:
        >>> decode_offset(encode_offset(20))
        20
    """
    return _write(_OFFSET.pack(_OFFSET_VERSION, offset))


def decode_offset(text: str) -> int:
    """Read such a place.

    Raises:
        ApiError: 422, it is not one.
    """
    version, offset = _read(text, _OFFSET)
    if version != _OFFSET_VERSION:
        raise unprocessable("cursor: belongs to another listing")
    return int(offset)


def _write(packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _read(text: str, form: struct.Struct) -> tuple[Any, ...]:
    try:
        packed = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return form.unpack(packed)
    except (binascii.Error, struct.error, ValueError) as error:
        raise unprocessable("cursor: is not one that this server gave") from error
