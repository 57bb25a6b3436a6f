"""A file of records that is only ever appended to: it is whole, or its last record is torn.

After a line that names the format come frames: a letter, a length, a checksum, and so many bytes. ``R`` frames
are records, numbered from 0; ``D`` frames hold the numbers of records that are done with. A file with nothing
left to do is deleted.
"""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from smithkit.tracing.pipeline._snapshot import WEIGHT
from smithkit.tracing.pipeline._spool import _record

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from smithkit.tracing.pipeline._snapshot import Op

__all__ = ["SUFFIX", "Segment", "is_known"]

SUFFIX = ".runs"
"""How the names of segments end."""
_FORMAT = b"smithkit runs 1\n"
_FRAME = struct.Struct("<cII")
_RECORD, _DONE = b"R", b"D"
_NUMBER_BYTES = 4
_PRIVATE = 0o600


def is_known(path: Path) -> bool:
    """Whether a file is in this version's format, or so short that it holds nothing.

    Raises:
        OSError: It could not be read.
    """
    with path.open("rb") as file:
        start = file.read(len(_FORMAT))
    return start == _FORMAT[: len(start)]


class Segment:
    """One file; of two threads, one appends until another takes it to deliver it.

    Args:
        path: The file.

    Attributes:
        path: The file.
        pending: Number → weight of the records that are not done with.
        weight: How many operations those are.
        bytes: Its size.
        damaged: Records that could not be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pending: dict[int, int] = {}
        self.weight = 0
        self.bytes = 0
        self.damaged = 0
        self._count = 0

    @classmethod
    def create(cls, path: Path) -> Segment:
        """A new file.

        Raises:
            OSError: It could not be made.
        """
        made = cls(path)
        made._write(_FORMAT, os.O_CREAT | os.O_EXCL)
        return made

    @classmethod
    def find(cls, path: Path) -> Segment:
        """A file that another process has left; a torn end is cut off.

        Raises:
            OSError: It could not be read.
        """
        found = cls(path)
        content = path.read_bytes()
        end = min(len(_FORMAT), len(content))
        for kind, body, end in _frames(content):  # noqa: B007 - the last end counts
            found._take_over(kind, body)
        if end < len(content):
            os.truncate(path, end)
        found.bytes = end
        return found

    def append(self, ops: Sequence[Op], records: Sequence[bytes]) -> None:
        """Write ops; they are on disk when this returns, or none of them is.

        Args:
            ops: What is written.
            records: Their records.

        Raises:
            OSError: There is no room, or the disk fails.
        """
        self._write(b"".join(_frame(_RECORD, record) for record in records))
        for op in ops:
            self._add(op[WEIGHT])

    def load(self) -> list[tuple[int, Op]]:
        """The ops that are not done with, and their numbers.

        Raises:
            OSError: The file could not be read.
        """
        loaded: list[tuple[int, Op]] = []
        number = -1
        for kind, body, _ in _frames(self.path.read_bytes()):
            number += kind == _RECORD
            if kind != _RECORD or number not in self.pending:
                continue
            try:
                loaded.append((number, _record.decode(body or b"")))
            except (ValueError, KeyError, TypeError):
                self._spoil(number)
        for number in self.pending.keys() - {known for known, _ in loaded}:
            self._spoil(number)
        return loaded

    def settle(self, numbers: Collection[int]) -> None:
        """Records are done with; the file goes with the last of them.

        Args:
            numbers: Their numbers.
        """
        for number in numbers:
            self._pop(number)
        if not self.pending:
            self.delete()
        elif numbers:
            with suppress(OSError):  # then they are delivered twice, which does no harm
                self._write(_frame(_DONE, struct.pack(f"<{len(numbers)}I", *numbers)))

    def delete(self) -> None:
        """Remove the file."""
        self.pending.clear()
        self.weight = 0
        with suppress(OSError):
            self.path.unlink()

    def _take_over(self, kind: bytes, body: bytes | None) -> None:
        if kind == _RECORD:
            if body is None:
                self.damaged += 1
                self._count += 1
            else:
                self._add(_record.weight(body))
        elif kind == _DONE and body is not None:
            for number in struct.unpack(f"<{len(body) // _NUMBER_BYTES}I", body):
                self._pop(number)

    def _add(self, weight: int) -> None:
        self.pending[self._count] = weight
        self.weight += weight
        self._count += 1

    def _pop(self, number: int) -> int:
        weight = self.pending.pop(number, 0)
        self.weight -= weight
        return weight

    def _spoil(self, number: int) -> None:
        self.damaged += self._pop(number)

    def _write(self, data: bytes, flags: int = 0) -> None:
        """Append bytes, all of them or none."""
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | flags, _PRIVATE)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(fd, self.bytes)
            raise
        finally:
            os.close(fd)
        self.bytes += len(data)


def _frame(kind: bytes, body: bytes) -> bytes:
    return _FRAME.pack(kind, len(body), zlib.crc32(body)) + body


def _frames(content: bytes) -> Iterator[tuple[bytes, bytes | None, int]]:
    """(kind, body or None if it is damaged, where it ends) of each frame that is there whole."""
    start = len(_FORMAT)
    while start + _FRAME.size <= len(content):
        kind, length, checksum = _FRAME.unpack_from(content, start)
        end = start + _FRAME.size + length
        if end > len(content):
            return
        body = content[start + _FRAME.size : end]
        yield kind, body if zlib.crc32(body) == checksum else None, end
        start = end
