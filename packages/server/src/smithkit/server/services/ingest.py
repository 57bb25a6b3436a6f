"""Runs on their way in: every form of ingestion becomes the same batch of changes."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import TYPE_CHECKING, Any

from smithkit.server.domain.jsons import load_verbatim
from smithkit.server.domain.runs import Rank
from smithkit.server.errors import unprocessable
from smithkit.server.services.changes import make_change, parse_id, set_payload
from smithkit.server.services.feedback_items import make_feedback
from smithkit.server.services.files import clean_mime_type
from smithkit.server.store import Attachment, FeedbackRefusedError, RunBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from smithkit.server.domain.runs import RunChange
    from smithkit.server.limits import Limits
    from smithkit.server.multipart_body import Part
    from smithkit.server.store import Store

__all__ = ["IngestService", "is_attachment"]

_PAUSE = 512 * 1024  # bytes worked on before other requests get a turn
_KINDS = frozenset({"post", "patch", "attachment", "feedback"})


def is_attachment(name: str) -> bool:
    """Tell from a part's name whether it is a file.

    Example:
        >>> is_attachment("attachment.00000000-0000-0000-0000-000000000001.photo")
        True
    """
    return name.startswith("attachment.")


class IngestService:
    """Accepts runs.

    Args:
        store: Where they go.
        limits: The caps.
    """

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits

    async def accept_parts(self, parts: Sequence[Part]) -> int:
        """Store the runs, files and feedback of a multipart request; durable on return.

        Args:
            parts: Parts named as the tracing protocol says.

        Returns:
            How many runs are new.

        Raises:
            ApiError: 422, a part cannot be accepted; nothing of the request is stored then.
        """
        reader = _PartsReader()
        worked = 0
        for part in parts:
            reader.add(part)
            worked += len(part.data)
            part.data = b""
            if worked > _PAUSE:
                worked = 0
                await asyncio.sleep(0)
        try:
            await self._store.write(reader.batch)
        except FeedbackRefusedError as error:
            # Never 409, which says of runs that they are here already.
            raise unprocessable(str(error)) from error
        return _new_runs(reader.batch)

    async def accept_runs(self, posts: Iterable[Any], patches: Iterable[Any]) -> int:
        """Store runs given as JSON objects with everything inside; durable on return.

        Args:
            posts: New runs.
            patches: Changes of runs.

        Returns:
            How many runs are new.

        Raises:
            ApiError: 422, one cannot be accepted; none is stored then.
        """
        batch = RunBatch()
        for operation, bodies in (("post", posts), ("patch", patches)):
            for place, body in enumerate(bodies):
                self._add_run(batch, operation, body, f"{operation}[{place}]")
                await asyncio.sleep(0)
        await self._store.write(batch)
        return _new_runs(batch)

    def _add_run(self, batch: RunBatch, operation: str, body: Any, where: str) -> None:
        change = make_change(operation, None, body, where)
        batch.changes.append(change)
        files = body.get("attachments")
        if files is None:
            return
        if not isinstance(files, dict):
            raise unprocessable(f"{where}.attachments: must be an object")
        for name, file in files.items():
            batch.attachments.append(self._decode(change.id, name, file, f"{where}.attachments.{name}"))

    def _decode(self, run_id: UUID, name: str, file: Any, where: str) -> Attachment:
        match file:
            case [str(mime_type), str(text)]:
                pass
            case {"mime_type": str(mime_type), "data": str(text)}:
                pass
            case _:
                raise unprocessable(f"{where}: must be [mime type, base64 text]")
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise unprocessable(f"{where}: is not base64") from error
        sink = self._store.sink(len(data))
        sink.write(data)
        return Attachment(run_id, name, clean_mime_type(mime_type), sink.finish())


def _new_runs(batch: RunBatch) -> int:
    return sum(change.rank is not Rank.PATCH for change in batch.changes)


class _PartsReader:
    """Joins the parts of a multipart request that belong to one message."""

    def __init__(self) -> None:
        self.batch = RunBatch()
        self._open: dict[tuple[str, UUID], RunChange] = {}
        self._ids: dict[str, UUID] = {}

    def add(self, part: Part) -> None:
        where = f"part {part.name!r}"
        kind, _, rest = part.name.partition(".")
        id_text, _, name = rest.partition(".")
        if kind not in _KINDS:
            raise unprocessable(f"{where}: unknown kind of part")
        item_id = self._ids.get(id_text) or self._read_id(id_text, where)
        if kind == "attachment":
            self._add_attachment(part, item_id, name, where)
            return
        try:
            value, raw = load_verbatim(part.data)
        except ValueError as error:
            raise unprocessable(f"{where}: is not valid JSON: {error}") from error
        if kind == "feedback":
            self.batch.feedback.append(make_feedback(item_id, value, f"{where}.", raw))
        elif name:
            change = self._open.get((kind, item_id)) or self._begin(kind, item_id, {}, where)
            set_payload(change, name, value, raw, where)
        else:
            self._begin(kind, item_id, value, where)

    def _read_id(self, text: str, where: str) -> UUID:
        try:
            self._ids[text] = parse_id(text)
        except ValueError as error:
            raise unprocessable(f"{where}: {text!r} is not a UUID") from error
        return self._ids[text]

    def _begin(self, operation: str, run_id: UUID, body: Any, where: str) -> RunChange:
        change = make_change(operation, run_id, body, where)
        self._open[operation, run_id] = change
        self.batch.changes.append(change)
        return change

    def _add_attachment(self, part: Part, run_id: UUID, name: str, where: str) -> None:
        if not name or part.blob is None:
            raise unprocessable(f"{where}: an attachment needs a name")
        self.batch.attachments.append(Attachment(run_id, name, clean_mime_type(part.content_type), part.blob))
