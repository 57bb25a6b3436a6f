"""``multipart/form-data`` bodies that are read a piece at a time: files among them stay on disk."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import Self

__all__ = ["Body", "FilePiece", "Piece", "StreamPiece", "header_value", "part", "part_name", "size_of"]

_PIECE = 1 << 18
_BOUNDARY = os.urandom(16).hex()
_END = f"--{_BOUNDARY}--\r\n".encode()


class FilePiece(NamedTuple):
    """A file that is read when its turn comes.

    Attributes:
        path: Where it is.
        size: Its bytes.
    """

    path: Path
    size: int

    @classmethod
    def at(cls, path: Path) -> Self:
        """The file at a path.

        Args:
            path: Where it is.

        Raises:
            OSError: There is none.
        """
        return cls(path, path.stat().st_size)


class StreamPiece(NamedTuple):
    """An open file, from a place to its end, that is read when its turn comes.

    Attributes:
        file: The file; it is the caller's to close.
        start: Where what is sent begins.
        size: The bytes from there.
    """

    file: BinaryIO
    start: int
    size: int

    @classmethod
    def of(cls, file: BinaryIO) -> Self:
        """What is left of a file.

        Args:
            file: It can be sought in.
        """
        start = file.tell()
        end = file.seek(0, io.SEEK_END)
        file.seek(start)
        return cls(file, start, end - start)


Piece = bytes | FilePiece | StreamPiece


def size_of(piece: Piece) -> int:
    """The bytes of a piece.

    Args:
        piece: The piece.
    """
    return len(piece) if isinstance(piece, bytes) else piece.size


def part(
    name: str, content: Piece, content_type: str | None = None, filename: str | None = None
) -> Iterator[Piece]:
    r"""The pieces of one part.

    Args:
        name: The part's name.
        content: What it holds.
        content_type: Its ``Content-Type``.
        filename: Its file's name.

    Example:
        >>> b"".join(part("q", b"1", "application/json")).partition(b"\r\n")[2]
        b'Content-Disposition: form-data; name="q"\r\nContent-Type: application/json\r\n\r\n1\r\n'
    """
    head = b'--%b\r\nContent-Disposition: form-data; name="%b"' % (_BOUNDARY.encode(), part_name(name))
    if filename is not None:
        head += b'; filename="%b"' % part_name(filename)
    if content_type is not None:
        head += b"\r\nContent-Type: %b" % header_value(content_type)
    yield head + b"\r\n\r\n"
    yield content
    yield b"\r\n"


def part_name(name: str) -> bytes:
    """A name that cannot end its header, escaped as browsers do it.

    Args:
        name: Any text.
    """
    text = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    return text.encode("utf-8", "replace")


def header_value(value: Any) -> bytes:
    """A MIME type that cannot end its header; one that tries becomes the type of any bytes.

    Args:
        value: The type.
    """
    text = str(value)
    return b"application/octet-stream" if "\r" in text or "\n" in text else text.encode("utf-8", "replace")


class Body(io.RawIOBase):
    r"""Parts as one file, to be the `content` of a `Request`: it can be read again from the start.

    Args:
        pieces: The pieces of the parts, see `part`.

    Example:
        >>> body = Body(part("q", b"1"))
        >>> len(body) == len(body.read())
        True
    """

    def __init__(self, pieces: Iterable[Piece]) -> None:
        super().__init__()
        self._pieces = [*pieces, _END]
        self._ends = list(accumulate(map(size_of, self._pieces)))
        self._place = 0
        self._open: tuple[int, BinaryIO] | None = None

    @property
    def headers(self) -> dict[str, str | None]:
        """What a request says about it."""
        return {
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
            "Content-Length": str(len(self)),
        }

    def __len__(self) -> int:
        return self._ends[-1]

    def __next__(self) -> bytes:
        # Lines mean nothing here, and a raw file would look for them byte by byte.
        if piece := self.read(_PIECE):
            return piece
        raise StopIteration

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: len(self)}[whence]
        self._place = max(0, start + offset)
        return self._place

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer."""
        view = memoryview(buffer)
        filled = 0
        while filled < len(view) and self._place < len(self):
            data = self._read_piece(len(view) - filled)
            view[filled : filled + len(data)] = data
            filled += len(data)
            self._place += len(data)
        return filled

    def close(self) -> None:
        """Close the file that is being read."""
        if self._open is not None:
            self._open[1].close()
            self._open = None
        super().close()

    def _read_piece(self, most: int) -> bytes | memoryview:
        """From the piece at the position, at least one byte."""
        index = bisect_right(self._ends, self._place)
        start = self._ends[index - 1] if index else 0
        piece = self._pieces[index]
        offset = self._place - start
        if isinstance(piece, bytes):
            return memoryview(piece)[offset:][:most]
        if isinstance(piece, FilePiece):
            return _read(self._opened(index, piece), offset, min(most, piece.size - offset), str(piece.path))
        return _read(piece.file, piece.start + offset, min(most, piece.size - offset), "the file")

    def _opened(self, index: int, piece: FilePiece) -> BinaryIO:
        if self._open is None or self._open[0] != index:
            if self._open is not None:
                self._open[1].close()
            self._open = index, piece.path.open("rb")
        return self._open[1]


def _read(file: BinaryIO, place: int, most: int, name: str) -> bytes:
    file.seek(place)
    data = file.read(most)
    if not data:
        raise OSError(f"{name} became shorter while it was sent")
    return data
