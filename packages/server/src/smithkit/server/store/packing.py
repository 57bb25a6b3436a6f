"""Payloads as stored: JSON bytes word for word, compressed when that pays."""

from __future__ import annotations

import threading

import zstandard

__all__ = ["pack", "unpack"]

_WORTHWHILE = 512
_LEVEL = 3
# No JSON text starts with this, so packed and plain payloads tell themselves apart.
_MAGIC = b"\x28\xb5\x2f\xfd"

# Neither compressors nor decompressors may be shared between threads.
_local = threading.local()


def pack(data: bytes) -> bytes:
    """Compress JSON, unless it is short or does not shrink.

    Example:
        >>> pack(b"{}")
        b'{}'
    """
    if len(data) < _WORTHWHILE:
        return data
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    packed: bytes = _local.compressor.compress(data)
    return packed if len(packed) < len(data) else data


def unpack(data: bytes) -> bytes:
    """Give the JSON back that was packed.

    Example:
        >>> unpack(pack(b"[" + b"1," * 1000 + b"1]"))[:4]
        b'[1,1'
    """
    if not data.startswith(_MAGIC):
        return data
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor()
    unpacked: bytes = _local.decompressor.decompress(data)
    return unpacked
