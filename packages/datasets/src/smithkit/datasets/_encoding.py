"""Examples as request bodies hold them: parts of a multipart body, or items of a JSON list."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smithkit.datasets._rows import json_of
from smithkit.datasets.errors import InvalidExampleError
from smithkit.multipart import Body, FilePiece, Piece, part, size_of
from smithkit.operations import Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from smithkit.datasets.schemas import ExampleCreate, ExampleUpdate

__all__ = ["EncodedExample", "as_item", "as_parts", "fields_of", "request_of"]

_FIELDS = ("use_source_run_attachments", "source_run_id", "metadata", "split")


@dataclass(slots=True)
class EncodedExample:
    """An example that is ready to be sent.

    Attributes:
        row: Its number in the caller's list, from 1; None for one alone.
        id: Its id.
        pieces: What it is in the body.
        size: Bytes of all pieces.
        example: What it was made of.
    """

    row: int | None
    id: UUID
    pieces: list[Piece]
    size: int
    example: ExampleCreate | ExampleUpdate

    @property
    def json(self) -> bytes:
        """It, where it is an item of a list."""
        return b"".join(piece for piece in self.pieces if isinstance(piece, bytes))

    def attachment_sizes(self) -> dict[str, int]:
        """Name → bytes of its attachments."""
        attachments = self.example.attachments or {}
        return {
            name: len(data) if isinstance(data, bytes) else data.stat().st_size
            for name, (_, data) in attachments.items()
        }


def as_parts(row: int | None, example: ExampleCreate | ExampleUpdate, *, allow_files: bool) -> EncodedExample:
    """An example as parts of a multipart body.

    Args:
        row: Its number.
        example: It; without an id it gets a new one.
        allow_files: Whether attachments may name files.

    Raises:
        InvalidExampleError: A field cannot be sent, or an attachment names a file that is not allowed or not
            there.
    """
    key = example.id or uuid.uuid4()
    pieces = list(part(str(key), json_of(_main_fields(example), row, "metadata"), "application/json"))
    for name in ("inputs", "outputs", "attachments_operations"):
        value = getattr(example, name, None)
        if value is not None:
            pieces += part(f"{key}.{name}", json_of(value, row, name), "application/json")
    pieces += _attachments(row, key, example, allow_files=allow_files)
    return EncodedExample(row, key, pieces, sum(map(size_of, pieces)), example)


def as_item(
    row: int | None, example: ExampleCreate | ExampleUpdate, dataset_id: UUID | None
) -> EncodedExample:
    """An example as an item of a JSON list, for servers that do not take parts.

    Args:
        row: Its number.
        example: It.
        dataset_id: The dataset to name in it.

    Raises:
        InvalidExampleError: A field cannot be sent.
    """
    key = example.id or uuid.uuid4()
    fields = fields_of(example) | ({} if dataset_id is None else {"dataset_id": dataset_id})
    encoded = json_of({**fields, "id": key}, row, "inputs")
    return EncodedExample(row, key, [encoded], len(encoded), example)


def fields_of(example: ExampleCreate | ExampleUpdate) -> dict[str, Any]:
    """The fields of an example that are set; attachments only travel as parts.

    Args:
        example: The example.
    """
    left_out = {"attachments", "attachments_operations"}
    return {name: value for name, value in example if value is not None and name not in left_out}


def request_of(method: str, path: str, encoded: Sequence[EncodedExample], *, multipart: bool) -> Request:
    """A request with examples.

    Args:
        method: HTTP method.
        path: Where to.
        encoded: The examples.
        multipart: Whether they are parts, or items of a list.
    """
    if not multipart:
        return Request(method, path, content=b"[%b]" % b",".join(one.json for one in encoded))
    body = Body(piece for one in encoded for piece in one.pieces)
    content: Any = body
    return Request(method, path, content=content, headers=body.headers)


def _main_fields(example: Any) -> dict[str, Any]:
    """What stands in an example's first part."""
    fields = {name: getattr(example, name, None) for name in ("dataset_id", "created_at", *_FIELDS)}
    if not hasattr(example, "created_at"):  # a change: its dataset stands in the path
        fields["dataset_id"] = None
    if getattr(example, "use_source_run_io", False):
        fields["use_source_run_io"] = True
    return {name: value for name, value in fields.items() if value is not None}


def _attachments(
    row: int | None, key: UUID, example: ExampleCreate | ExampleUpdate, *, allow_files: bool
) -> Iterator[Piece]:
    for name, (mime_type, data) in (example.attachments or {}).items():
        content: Piece = data if isinstance(data, bytes) else _file(row, name, data, allow_files=allow_files)
        size = size_of(content)
        yield from part(f"{key}.attachment.{name}", content, f"{mime_type}; length={size}")


def _file(row: int | None, name: str, path: Path, *, allow_files: bool) -> FilePiece:
    field = f"attachments.{name}"
    if not allow_files:
        problem = (
            "it names a file. Give its bytes, or dangerously_allow_filesystem=True if you trust the path."
        )
        raise InvalidExampleError(problem, row=row, field=field)
    try:
        return FilePiece.at(Path(path))
    except OSError as error:
        raise InvalidExampleError(f"{path}: {error.strerror}", row=row, field=field) from error
