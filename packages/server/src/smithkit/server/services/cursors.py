"""Cursors: where a page ended, as opaque text."""

from __future__ import annotations

import base64
import binascii
import struct
from uuid import UUID

from smithkit.server.errors import unprocessable

__all__ = ["decode_cursor", "encode_cursor"]

_FORM = struct.Struct(">BBq16s")
_VERSION = 1


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
    packed = _FORM.pack(_VERSION, ascending, moment, run_id.bytes)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


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
    try:
        packed = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        version, order, moment, run_id = _FORM.unpack(packed)
    except (binascii.Error, struct.error, ValueError) as error:
        raise unprocessable("cursor: is not one that this server gave") from error
    if version != _VERSION or order != ascending:
        raise unprocessable("cursor: belongs to another listing")
    return moment, UUID(bytes=run_id)
