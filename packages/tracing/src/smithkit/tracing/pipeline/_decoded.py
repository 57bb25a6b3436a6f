"""Ops as dicts again: for hooks, for the JSON endpoint, and to merge a run's update into its create."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orjson import Fragment

from smithkit.tracing import _runtime
from smithkit.tracing._serialize import dumps, loads
from smithkit.tracing.pipeline._snapshot import (
    ATTACHMENTS,
    EXTRA,
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
from smithkit.tracing.pipeline._usual import written

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["decoded", "extra_json", "json_body", "main_json", "merged"]

_FIELD_PLACES = range(FIRST_FIELD, ATTACHMENTS)


def decoded(op: Op) -> dict[str, Any]:
    """The run, or feedback, of an op.

    Args:
        op: Any op.
    """
    run: dict[str, Any] = loads(json_body(op))
    return run


def main_json(op: Op) -> bytes:
    """An op's small fields as one JSON object.

    Args:
        op: Any op.
    """
    names, values, mixed = op[MAIN]
    usual = written(names, values)
    if usual is not None:
        return usual
    fields = dict(zip(names, values, strict=True))
    if mixed:
        fields = {name: Fragment(value) if type(value) is bytes else value for name, value in fields.items()}
    return dumps(fields)


def json_body(op: Op) -> bytes:
    """The whole run of an op as one JSON object.

    Args:
        op: Any op.
    """
    extra = extra_json(op)
    pieces = [main_json(op)[:-1]]
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
        ops: With the same credentials, in the order in which they were taken.
    """
    posts: dict[str, Op] = {}
    others: list[Op] = []
    for op in ops:
        kind = op[KIND]
        if kind == POST:
            posts[op[ID]] = op
        elif kind == PATCH and op[ID] in posts:
            posts[op[ID]] = _fold(posts[op[ID]], op)
        else:
            others.append(op)
    return [*posts.values(), *others]


def _fold(post: Op, patch: Op) -> Op:
    names, values, mixed = post[MAIN]
    main = dict(zip(names, values, strict=True))
    new_names, new_values, also_mixed = patch[MAIN]
    if None in new_values:
        changed = {
            name: value for name, value in zip(new_names, new_values, strict=True) if value is not None
        }
        main.update(changed)
    else:
        main.update(zip(new_names, new_values, strict=True))
    folded = list(post)
    folded[MAIN] = (main, main.values(), mixed or also_mixed)
    for place in _FIELD_PLACES:
        value = patch[place]
        if value is not None:
            folded[place] = value
    if patch[EXTRA] is not None:
        folded[PENDING_REVISION] = patch[PENDING_REVISION]
    if patch[ATTACHMENTS] is not None:
        folded[ATTACHMENTS] = (
            *{entry[0]: entry for entry in (*(post[ATTACHMENTS] or ()), *patch[ATTACHMENTS])}.values(),
        )
    folded[SIZE] += patch[SIZE]
    folded[WEIGHT] += patch[WEIGHT]
    return tuple(folded)
