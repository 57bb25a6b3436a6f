"""Blobs on storage that several machines reach, such as S3, through fsspec."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smithkit.server.store.blobs import Blob, BlobFolder, BlobSink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smithkit.server.store.blobs import StagedBlob

__all__ = ["RemoteBlobs"]

_GROUP = re.compile("[0-9a-f]{2}")
_NAME = re.compile("[0-9a-f]{64}")


class RemoteBlobs:
    """Blobs below a URL; fulfils `Blobs`. What is being received stands in a folder of this machine.

    Args:
        url: Whatever fsspec knows: ``s3://bucket/prefix``, ``gs://``, ``memory://``, … Credentials come from where its
            driver looks for them, never from the URL.

    Raises:
        ValueError: fsspec, or the driver for this kind of URL, is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise ValueError("blobs at a URL need fsspec: pip install 'smithkit-server[blobs]'") from error
        try:
            self._files, root = url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise ValueError(f"cannot keep blobs at this kind of URL: {error}") from error
        self._root = str(root).rstrip("/")
        self._staging = Path(tempfile.gettempdir()) / "smithkit-incoming"

    def sink(self, spill: int) -> BlobSink:
        """Begin to receive a blob."""
        return BlobSink(self._staging, spill)

    def prepare(self, blob: StagedBlob) -> None:
        """Upload a blob, so that a transaction finds it there."""
        self._upload(blob)

    def place(self, blob: StagedBlob) -> None:
        """Keep a received blob: upload it again if it was removed since."""
        self._upload(blob)

    def remove(self, digest: bytes) -> None:
        """Remove a blob that no record names any more."""
        try:
            self._files.rm_file(self._path(digest))
        except FileNotFoundError:
            return

    def find(self, digest: bytes) -> Blob | None:
        """Give a blob; None if it is not there."""
        path = self._path(digest)
        size = self._size(path)
        return None if size is None else Blob(digest, size, lambda: self._files.open(path, "rb"))

    def groups(self) -> Iterator[dict[bytes, int]]:
        """Go through all blobs: digest → size, those of one folder at a time."""
        for folder in self._listed(self._root):
            if _GROUP.fullmatch(_last(folder)):
                files = self._listed(folder["name"])
                yield {
                    bytes.fromhex(_last(one)): int(one["size"])
                    for one in files
                    if _NAME.fullmatch(_last(one))
                }

    def sweep(self, before: float) -> list[int]:
        """Remove what uploads left on this machine."""
        return BlobFolder(self._staging).sweep(before)

    def _upload(self, blob: StagedBlob) -> None:
        path = self._path(blob.digest)
        if self._size(path) == blob.size:
            return
        content = blob.content
        if isinstance(content, bytes):
            self._files.pipe_file(path, content)
        else:
            self._files.put_file(str(content), path)
        if self._size(path) != blob.size:
            raise OSError(f"the file {blob.digest.hex()} did not arrive whole")

    def _size(self, path: str) -> int | None:
        try:
            size: int = self._files.info(path)["size"]
        except FileNotFoundError:
            return None
        return size

    def _listed(self, folder: str) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = self._files.ls(folder, detail=True)
        except FileNotFoundError:
            return []
        return found

    def _path(self, digest: bytes) -> str:
        name = digest.hex()
        return f"{self._root}/{name[:2]}/{name}"


def _last(entry: dict[str, Any]) -> str:
    return str(entry["name"]).rstrip("/").rpartition("/")[2]
