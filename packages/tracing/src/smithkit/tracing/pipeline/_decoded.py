"""Ops as dicts again: for hooks, for the JSON endpoint, and to merge a run's update into its create."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.tracing import _runtime
from smithkit.tracing._serialize import dumps, loads
from smithkit.tracing.pipeline._snapshot import (
    ATTACHMENTS,
    AUTH,
    EXTRA,
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
    WEIGHT,
    Op,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["decoded", "extra_json", "json_body", "merged"]


def decoded(op: Op) -> dict[str, Any]:
    """The run, or feedback, of an op.

    Args:
        op: Any op.
    """
    run: dict[str, Any] = loads(json_body(op))
    return run


def json_body(op: Op) -> bytes:
    """The whole run of an op as one JSON object.

    Args:
        op: Any op.
    """
    body: bytes = op[MAIN]
    if op[KIND] == FEEDBACK:
        return body
    extra = extra_json(op)
    pieces = [body[:-1]]
    for place, name in enumerate(FIELDS, FIRST_FIELD):
        value = extra if place == EXTRA else op[place]
        if value is not None:
            pieces.append(b',"%b":%b' % (name.encode(), value))
    return b"".join((*pieces, b"}"))


def extra_json(op: Op) -> bytes | None:
    """An op's `extra`, with the revision that was not known yet when it was taken.

    Args:
        op: Of a run.
    """
    extra: bytes | None = op[EXTRA]
    if extra is None or not op[PENDING_REVISION]:
        return extra
    revision = _runtime.git_revision()
    if revision is None or b'"revision_id":' in extra or not extra.endswith(b"}}"):
        return extra
    comma = b"" if extra.endswith(b"{}}") else b","
    return b'%b%b"revision_id":%b}}' % (extra[:-2], comma, dumps(revision))


def merged(ops: Iterable[Op]) -> list[Op]:
    """Ops with each update whose create is among them folded into it; creates stand before updates.

    Args:
        ops: In the order in which they were taken.
    """
    posts: dict[tuple[Any, bytes], Op] = {}
    others: list[Op] = []
    for op in ops:
        kind = op[KIND]
        key = (op[AUTH], op[ID])
        if kind == POST:
            posts[key] = op
        elif kind == PATCH and key in posts:
            posts[key] = _fold(posts[key], op)
        else:
            others.append(op)
    return [*posts.values(), *others]


def _fold(post: Op, patch: Op) -> Op:
    main = loads(post[MAIN])
    main.update({name: value for name, value in loads(patch[MAIN]).items() if value is not None})
    fields = [
        post[place] if patch[place] is None else patch[place] for place in range(FIRST_FIELD, ATTACHMENTS)
    ]
    pending = post[PENDING_REVISION] if patch[EXTRA] is None else patch[PENDING_REVISION]
    attachments = post[ATTACHMENTS]
    if patch[ATTACHMENTS] is not None:
        union = {entry[0]: entry for entry in (*(attachments or ()), *patch[ATTACHMENTS])}
        attachments = tuple(union.values())
    return (
        *post[:MAIN], dumps(main), *fields, attachments, post[AUTH], pending,
        post[SIZE] + patch[SIZE], post[WEIGHT] + patch[WEIGHT],
    )  # fmt: skip
