"""What is left of a run that is too large: all of it but its largest fields, where a mark stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.tracing._serialize import dumps
from smithkit.tracing.pipeline._snapshot import (
    ATTACHMENTS,
    EXTRA,
    FIELDS,
    FIRST_FIELD,
    PENDING_REVISION,
    SIZE,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from smithkit.tracing.pipeline._snapshot import Op

__all__ = ["MARK", "is_truncated", "truncated"]

MARK = "smithkit_truncated"
"""Key of the mark: ``{"bytes": size of the whole field, "start": its first characters}``."""

_KEPT_CHARACTERS = 1000
_SMALL = 8192  # what is not worth cutting
_SHARE = 4
_PLACES = {name: place for place, name in enumerate(FIELDS, FIRST_FIELD)}
_SHAPES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "error": lambda mark: f"{mark['start']} … ({MARK}: {mark['bytes']} bytes)",
    "events": lambda mark: [{"name": MARK, MARK: mark}],
    "extra": lambda mark: {"metadata": {MARK: mark}},
}
"""Field → the mark in the shape that the API wants there; elsewhere an object."""


def truncated(op: Op, limit: int | None = None) -> Op | None:
    """A run without its largest fields.

    Args:
        op: Any op.
        limit: Bytes to come below. Default: a quarter of what it has.

    Returns:
        The smaller op, or None if nothing large is left in it.
    """
    wanted = op[SIZE] // _SHARE if limit is None else limit
    smaller = list(op)
    while smaller[SIZE] > wanted:
        sizes = _sizes(smaller)
        largest = max(sizes, key=sizes.__getitem__, default=None)
        if largest is None or sizes[largest] <= _SMALL:
            break
        smaller[SIZE] -= sizes[largest] - _cut(smaller, largest)
    return None if smaller[SIZE] == op[SIZE] else tuple(smaller)


def is_truncated(op: Op) -> bool:
    """Whether an op holds a mark.

    Args:
        op: Any op.
    """
    mark = MARK.encode()
    return any(mark in (op[place] or b"")[-_SMALL:] for place in _PLACES.values()) or any(
        mark in (data or b"")[:_SMALL] for _, _, data, _ in op[ATTACHMENTS] or ()
    )


def _sizes(op: list[Any]) -> dict[str | int, int]:
    """Bytes of each field by its name, and of each attachment by its number."""
    sizes: dict[str | int, int] = {name: len(op[place] or b"") for name, place in _PLACES.items()}
    sizes.update({number: len(entry[2] or b"") for number, entry in enumerate(op[ATTACHMENTS] or ())})
    return sizes


def _cut(op: list[Any], which: str | int) -> int:
    """Put a mark in the place of a field or an attachment; its size."""
    if isinstance(which, int):
        entries = list(op[ATTACHMENTS])
        name, _, data, _ = entries[which]
        text = f"{MARK}: {len(data)} bytes".encode()
        entries[which] = name, "text/plain", text, None
        op[ATTACHMENTS] = tuple(entries)
        return len(text)
    place = _PLACES[which]
    value: bytes = op[place]
    start = value[: 4 * _KEPT_CHARACTERS].decode("utf-8", "ignore")[:_KEPT_CHARACTERS]
    mark = {"bytes": len(value), "start": start}
    shape = _SHAPES.get(which)
    op[place] = dumps(shape(mark) if shape else {MARK: mark})
    if place == EXTRA:
        op[PENDING_REVISION] = False
    return len(op[place])
