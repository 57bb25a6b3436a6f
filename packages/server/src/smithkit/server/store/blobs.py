"""Files named by their content: on the way in, at rest, and on the way out. Here those in a folder."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Blob", "BlobFolder", "BlobSink", "Blobs", "DamagedBlobError", "StagedBlob", "open_blobs"]

_PIECE = 256 * 1024

_GROUP = re.compile("[0-9a-f]{2}")
_NAME = re.compile("[0-9a-f]{64}")


class DamagedBlobError(OSError):
    """The content of a blob is not what its name says."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob at rest.

    Attributes:
        digest: SHA-256 of its content.
        size: Its length.
        open: Opens it for reading.
        path: Its file, if it is on this machine.
    """

    digest: bytes
    size: int
    open: Callable[[], IO[bytes]]
    path: Path | None = None

    def pieces(self) -> Iterator[bytes]:
        """Give the content piece by piece.

        Raises:
            DamagedBlobError: It was another one; told after the last piece.
        """
        found = hashlib.sha256()
        with self.open() as file:
            while piece := file.read(_PIECE):
                found.update(piece)
                yield piece
        if found.digest() != self.digest:
            raise DamagedBlobError(f"the file {self.digest.hex()} is damaged: its content has another digest")


class Blobs(Protocol):
    """All blobs of one database, wherever they are.

    They are placed and removed inside write transactions alone. As those that place and those that remove exclude
    each other across processes, no file disappears while a record that names it is being written.
    """

    def sink(self, spill: int) -> BlobSink:
        """Begin to receive a blob."""
        ...

    def prepare(self, blob: StagedBlob) -> None:
        """Do before a transaction what takes long in `place`."""
        ...

    def place(self, blob: StagedBlob) -> None:
        """Keep a received blob; doing it again changes nothing."""
        ...

    def remove(self, digest: bytes) -> None:
        """Remove a blob that no record names any more."""
        ...

    def find(self, digest: bytes) -> Blob | None:
        """Give a blob; None if it is not there."""
        ...

    def groups(self) -> Iterator[dict[bytes, int]]:
        """Go through all blobs: digest → size, some at a time."""
        ...

    def sweep(self, before: float) -> list[int]:
        """Remove what uploads left that nobody has written to since a time (seconds since 1970); gives the sizes."""
        ...


def open_blobs(place: str | Path | None, default: Path) -> Blobs:
    """Find the blobs that a user means.

    Args:
        place: A folder, or a URL that fsspec knows, such as ``s3://bucket/prefix``.
        default: The folder without it.

    Raises:
        ValueError: What the URL needs is not installed.
    """
    text = str(place or default).removeprefix("file://")
    if "://" not in text:
        return BlobFolder(Path(text).expanduser().absolute())
    from smithkit.server.store.remote_blobs import RemoteBlobs

    return RemoteBlobs(text)


class StagedBlob:
    """Bytes that are received but belong to no record yet.

    Attributes:
        digest: SHA-256 of the content.
        size: Its length.
    """

    __slots__ = ("_data", "_path", "digest", "size")

    def __init__(self, digest: bytes, size: int, data: bytes | None, path: Path | None) -> None:
        self.digest = digest
        self.size = size
        self._data = data
        self._path = path

    def place(self, target: Path) -> None:
        """Make the content appear at its final path, whole or not at all; doing it again changes nothing."""
        if target.exists():
            return
        if self._path is not None:
            self._path.replace(target)
            return
        handle, name = tempfile.mkstemp(dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self._data or b"")
            Path(name).replace(target)
        finally:
            Path(name).unlink(missing_ok=True)

    @property
    def content(self) -> bytes | Path:
        """The bytes, or the file that has them."""
        return self._data or b"" if self._path is None else self._path

    def open(self) -> IO[bytes]:
        """Open the content for reading."""
        return io.BytesIO(self._data or b"") if self._path is None else self._path.open("rb")

    def discard(self) -> None:
        """Remove what was not placed."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


class BlobSink:
    """Takes a blob piece by piece; short ones stay in memory, others go to a temporary file.

    Args:
        folder: Where temporary files go: the file system of the final place.
        spill: Length from which on a file is used.

    Example:
        >>> sink = BlobSink(Path("."), 100)
        >>> sink.write(b"abc")
        >>> sink.finish().size
        3
    """

    __slots__ = ("_buffer", "_file", "_folder", "_hash", "_path", "_spill", "size")

    def __init__(self, folder: Path, spill: int) -> None:
        self.size = 0
        self._folder = folder
        self._spill = spill
        self._buffer = bytearray()
        self._hash = hashlib.sha256()
        self._file: int | None = None
        self._path: Path | None = None

    @property
    def in_memory(self) -> int:
        """Bytes that are held in memory at present."""
        return len(self._buffer)

    def write(self, data: bytes | bytearray) -> None:
        """Take the next piece."""
        self.size += len(data)
        self._hash.update(data)
        self._buffer += data
        if self.size > self._spill:
            self._flush()

    def finish(self) -> StagedBlob:
        """Say that all was written."""
        if self._file is None:
            return StagedBlob(self._hash.digest(), self.size, bytes(self._buffer), None)
        os.close(self._file)
        self._file = None
        return StagedBlob(self._hash.digest(), self.size, None, self._path)

    def discard(self) -> None:
        """Give up; nothing is left behind."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _flush(self) -> None:
        if self._file is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file, name = tempfile.mkstemp(dir=self._folder, prefix=".incoming-")
            self._path = Path(name)
        view = memoryview(self._buffer)
        while view:
            view = view[os.write(self._file, view) :]
        view.release()
        self._buffer = bytearray()


class BlobFolder:
    """Blobs in a folder; fulfils `Blobs`.

    Args:
        root: The folder; made when first needed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def sink(self, spill: int) -> BlobSink:
        """Begin to receive a blob."""
        return BlobSink(self._root, spill)

    def prepare(self, blob: StagedBlob) -> None:
        """Nothing: a file is placed as fast as it is renamed."""

    def find(self, digest: bytes) -> Blob | None:
        """Give a blob; None if it is not there."""
        path = self.path(digest)
        return Blob(digest, path.stat().st_size, lambda: path.open("rb"), path) if path.is_file() else None

    def groups(self) -> Iterator[dict[bytes, int]]:
        """Go through all blobs: digest → size, those of one folder at a time."""
        for files in self.files():
            yield {digest: path.stat().st_size for digest, path in files.items()}

    def files(self) -> Iterator[dict[bytes, Path]]:
        """Go through all blobs: digest → file, those of one folder at a time."""
        if self._root.is_dir():
            for folder in sorted(self._root.iterdir()):
                if folder.is_dir() and _GROUP.fullmatch(folder.name):
                    own = (path for path in sorted(folder.iterdir()) if _NAME.fullmatch(path.name))
                    yield {bytes.fromhex(path.name): path for path in own}

    def sweep(self, before: float) -> list[int]:
        """Remove what uploads left that nobody has written to since a time (seconds since 1970); gives the sizes."""
        sizes = []
        for path in self._remains(before):
            sizes.append(path.stat().st_size)
            path.unlink(missing_ok=True)
        return sizes

    def _remains(self, before: float) -> Iterator[Path]:
        if self._root.is_dir():
            for path in self._root.rglob("*"):
                if path.is_file() and not _NAME.fullmatch(path.name) and path.stat().st_mtime < before:
                    yield path

    def path(self, digest: bytes) -> Path:
        """Tell where the blob with this digest is, or would be."""
        name = digest.hex()
        return self._root / name[:2] / name

    def place(self, blob: StagedBlob) -> None:
        """Keep a received blob."""
        target = self.path(blob.digest)
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        blob.place(target)

    def remove(self, digest: bytes) -> None:
        """Remove a blob that no record names any more."""
        self.path(digest).unlink(missing_ok=True)
