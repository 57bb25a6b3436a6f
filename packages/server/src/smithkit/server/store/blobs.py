"""Files named by their content, beside the database."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BlobFolder", "BlobSink", "StagedBlob"]

_GROUP = re.compile("[0-9a-f]{2}")
_NAME = re.compile("[0-9a-f]{64}")


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
    """All blobs of one database.

    Files are placed and removed inside write transactions alone. As those exclude each other across
    processes, no file disappears while a record that names it is being written.

    Args:
        root: The folder; made when first needed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def sink(self, spill: int) -> BlobSink:
        """Begin to receive a blob."""
        return BlobSink(self._root, spill)

    def groups(self) -> Iterator[dict[bytes, Path]]:
        """Go through all blobs: digest → file, those of one folder at a time."""
        if self._root.is_dir():
            for folder in sorted(self._root.iterdir()):
                if folder.is_dir() and _GROUP.fullmatch(folder.name):
                    own = (path for path in sorted(folder.iterdir()) if _NAME.fullmatch(path.name))
                    yield {bytes.fromhex(path.name): path for path in own}

    def remains(self, before: float) -> Iterator[Path]:
        """Go through files of uploads that nobody has written to since a time (seconds since 1970)."""
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
