"""Multipart bodies that bring examples: parts that belong to one example become one change."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from smithkit.server.domain.jsons import load_verbatim
from smithkit.server.errors import unprocessable
from smithkit.server.routes._common import check
from smithkit.server.routes._dataset_models import ExampleBody
from smithkit.server.services.files import clean_mime_type
from smithkit.server.store import ExampleChange, ExampleFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from smithkit.server.multipart_body import Part

__all__ = ["is_file", "read_changes"]

_ID_LENGTH = 36


def is_file(name: str) -> bool:
    """Tell from a part's name whether it is a file.

    Example:
        >>> is_file("00000000-0000-0000-0000-000000000001.attachment.photo")
        True
    """
    return name[_ID_LENGTH:].startswith(".attachment.")


def read_changes(parts: Iterable[Part], dataset_id: UUID | None) -> list[ExampleChange]:
    """Join the parts of a request.

    Args:
        parts: ``{id}`` (fields), ``{id}.inputs``, ``{id}.outputs``, ``{id}.attachment.{name}`` and
            ``{id}.attachments_operations``, in any order.
        dataset_id: The dataset that the path names.

    Returns:
        A change for each example, in the order in which they are first named.

    Raises:
        ApiError: 422, a part cannot be accepted.
    """
    drafts: dict[UUID, _Draft] = {}
    for part in parts:
        id_text, _, rest = part.name.partition(".")
        try:
            example_id = UUID(id_text)
        except ValueError as error:
            raise unprocessable(f"part {part.name!r}: {id_text!r} is not a UUID") from error
        drafts.setdefault(example_id, _Draft()).add(part, rest)
    return [draft.change(example_id, dataset_id) for example_id, draft in drafts.items()]


class _Draft:
    """What has been read of one example."""

    def __init__(self) -> None:
        self._body: dict[str, Any] = {}
        self._payloads: dict[str, bytes] = {}
        self._files: list[ExampleFile] = []

    def add(self, part: Part, name: str) -> None:
        kind, _, file_name = name.partition(".")
        if kind == "attachment":
            if not file_name or part.blob is None:
                raise unprocessable(f"part {part.name!r}: an attachment needs a name")
            self._files.append(ExampleFile(file_name, clean_mime_type(part.content_type), part.blob))
            return
        try:
            value, raw = load_verbatim(part.data)
        except ValueError as error:
            raise unprocessable(f"part {part.name!r}: is not valid JSON: {error}") from error
        self._set(part, name, value, raw)

    def _set(self, part: Part, name: str, value: Any, raw: bytes) -> None:
        if value is None and name:
            return
        if not isinstance(value, dict):
            raise unprocessable(f"part {part.name!r}: must be a JSON object")
        if not name:
            self._body |= value
        elif name in {"inputs", "outputs"}:
            self._payloads[name] = raw
        elif name == "attachments_operations":
            self._body[name] = value
        else:
            raise unprocessable(f"part {part.name!r}: unknown kind of part")

    def change(self, example_id: UUID, dataset_id: UUID | None) -> ExampleChange:
        change = check(ExampleBody, self._body).change(example_id=example_id, dataset_id=dataset_id)
        change.inputs = self._payloads.get("inputs", change.inputs)
        change.outputs = self._payloads.get("outputs", change.outputs)
        change.files = self._files
        return change
