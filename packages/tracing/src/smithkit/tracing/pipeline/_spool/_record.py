"""An op as bytes on disk, and back.

A record holds one line of JSON, which says what follows and how long each piece is, and then the pieces: the
run's small fields, its larger fields and its attachments, as they travel. It names everything, so that
it does not depend on how an op is laid out in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.tracing._serialize import dumps, loads
from smithkit.tracing.pipeline._decoded import main_json
from smithkit.tracing.pipeline._snapshot import (
    ATTACHMENTS,
    FEEDBACK,
    FIELDS,
    FIRST_FIELD,
    ID,
    KIND,
    MAIN,
    PATCH,
    PENDING_REVISION,
    POST,
    SIZE,
    TRACE,
    WEIGHT,
)

if TYPE_CHECKING:
    from smithkit.tracing.pipeline._snapshot import Op

__all__ = ["decode", "encode", "weight"]

_KINDS = {POST: "post", PATCH: "patch", FEEDBACK: "feedback"}
_KIND_OF = {name: kind for kind, name in _KINDS.items()}
_PLACES = {name: place for place, name in enumerate(FIELDS, FIRST_FIELD)}
_JSON_CONTAINERS = (dict, list)


def encode(op: Op) -> bytes:
    """The record of an op.

    Args:
        op: Without credentials of its own: those are never written.
    """
    pieces = [main_json(op)]
    fields = []
    for name, place in _PLACES.items():
        if op[place] is not None:
            fields.append((name, len(op[place])))
            pieces.append(op[place])
    attachments = []
    for name, mime, given, path in op[ATTACHMENTS] or ():
        data = given if path is None else _content(path)
        if data is not None:
            attachments.append((name, mime, len(data)))
            pieces.append(data)
    head = {
        "kind": _KINDS[op[KIND]],
        "id": op[ID],
        "trace": op[TRACE],
        "weight": op[WEIGHT],
        "size": op[SIZE],
        "revision_pending": op[PENDING_REVISION],
        "main": len(pieces[0]),
        "fields": fields,
        "attachments": attachments,
    }
    return b"".join((dumps(head), b"\n", *pieces))


def decode(record: bytes) -> Op:
    """The op of a record.

    Args:
        record: What `encode` gave.

    Raises:
        ValueError: It is no record.
        KeyError: It lacks something.
    """
    line, _, body = record.partition(b"\n")
    head = loads(line)
    op: list[Any] = [None] * (WEIGHT + 1)
    op[KIND], op[ID], op[TRACE] = _KIND_OF[head["kind"]], head["id"], head["trace"]
    op[WEIGHT], op[SIZE], op[PENDING_REVISION] = head["weight"], head["size"], head["revision_pending"]
    op[MAIN] = _main(body[: head["main"]])
    start = head["main"]
    for name, length in head["fields"]:
        op[_PLACES[name]] = body[start : start + length]
        start += length
    attachments = []
    for name, mime, length in head["attachments"]:
        attachments.append((name, mime, body[start : start + length], None))
        start += length
    op[ATTACHMENTS] = tuple(attachments) or None
    return tuple(op)


def weight(record: bytes) -> int:
    """How many operations a record stands for.

    Args:
        record: What `encode` gave.
    """
    try:
        return int(loads(record[: record.index(b"\n")])["weight"])
    except (ValueError, KeyError, TypeError):
        return 1


def _main(text: bytes) -> tuple[tuple[str, ...], tuple[Any, ...], bool]:
    fields = loads(text)
    values = tuple(
        dumps(value) if isinstance(value, _JSON_CONTAINERS) else value for value in fields.values()
    )
    return tuple(fields), values, any(isinstance(value, bytes) for value in values)


def _content(path: str) -> bytes | None:
    """An attachment that names a file is kept as it is now: whoever replays it may not read files for it."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the op holds text
            return file.read()
    except OSError:
        return None
