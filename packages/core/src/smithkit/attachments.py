"""Files that belong to runs and examples."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from typing_extensions import TypedDict  # pydantic wants it before Python 3.12

from smithkit.errors import LangSmithError
from smithkit.operations import Flow, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Attachment", "AttachmentInfo", "Attachments", "BinaryIOLike", "fetch_attachments"]

_PREFIX = "attachment."


class Attachment(NamedTuple):
    """A file that belongs to a run or to an example.

    Attributes:
        mime_type: Its MIME type.
        data: Its bytes, or the path to read them from.
    """

    mime_type: str
    data: bytes | Path


Attachments = dict[str, tuple[str, bytes] | Attachment | tuple[str, Path]]
"""Name → (MIME type, bytes or path)."""


@runtime_checkable
class BinaryIOLike(Protocol):
    """What an attachment's bytes are read from."""

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes."""
        ...

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position."""
        ...

    def getvalue(self) -> bytes:
        """All bytes."""
        ...


class AttachmentInfo(TypedDict):
    """An attachment as the server has it.

    Attributes:
        presigned_url: Where it can be fetched for a while.
        reader: Its bytes.
        mime_type: Its MIME type.
    """

    presigned_url: str
    reader: BinaryIOLike
    mime_type: str | None


def fetch_attachments(urls: Mapping[str, Any] | None) -> Flow[dict[str, AttachmentInfo]]:
    """Fetch the attachments that a row of the server names; their URLs carry their own right, and get no key.

    Args:
        urls: ``attachment.{name}`` → `presigned_url` and `mime_type`; what is named otherwise is left out.

    Returns:
        Name → attachment. The reader of one that could not be fetched raises why when it is read.
    """
    found: dict[str, AttachmentInfo] = {}
    for key, place in (urls or {}).items():
        if not key.startswith(_PREFIX):
            continue
        url = place["presigned_url"]
        reader: Any
        try:
            response = yield Request("GET", url, anonymous=True)
            reader = io.BytesIO(response.content)
        except LangSmithError as error:
            reader = _Unread(error)
        found[key.removeprefix(_PREFIX)] = {
            "presigned_url": url,
            "reader": reader,
            "mime_type": place.get("mime_type"),
        }
    return found


class _Unread:
    """Stands for bytes that could not be fetched."""

    def __init__(self, error: LangSmithError) -> None:
        self._error = error

    def read(self, size: int = -1) -> bytes:  # noqa: ARG002 - as a file has it
        raise self._error

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002 - as a file has it
        raise self._error

    def getvalue(self) -> bytes:
        raise self._error
