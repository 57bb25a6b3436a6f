"""What a run is, and how the messages about it become one record.

Messages about one run come in any order, and more than once. Each field therefore remembers the rank
of the message that set it. A post that opens a run ranks lowest, a post that brings a finished run
ranks above it, a patch above both: a message changes the fields that were set by its own rank or a
lower one. Nulls set nothing. So an opening, a finished post and a patch of one run give the same
record however they are ordered and repeated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from smithkit.server.domain.times import format_segment, parse_segment
from smithkit.server.domain.usage import usage_columns

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "COLUMNS",
    "PAYLOADS",
    "RUN_TYPES",
    "Rank",
    "Row",
    "RunChange",
    "Status",
    "link",
    "merge",
    "new_row",
    "rank_of",
]

Row = dict[str, Any]
"""A run's record: column name → value."""

RUN_TYPES = frozenset({"tool", "chain", "llm", "retriever", "embedding", "prompt", "parser"})

COLUMNS = (
    "name",
    "run_type",
    "start_time",
    "end_time",
    "tags",
    "trace_id",
    "dotted_order",
    "parent_run_id",
    "reference_example_id",
    "manifest_id",
    "session_id",
)
PAYLOADS = ("inputs", "outputs", "events", "extra", "serialized", "error")

_UNKNOWN: Row = dict.fromkeys(COLUMNS) | usage_columns(None)

# The order is part of what is stored (column `ranks`): append, never reorder.
_SHIFT = {name: 2 * place for place, name in enumerate(COLUMNS + PAYLOADS)}


class Rank(IntEnum):
    """How much a message about a run weighs."""

    NONE = 0
    OPENING = 1
    FINISHED = 2
    PATCH = 3


class Status(IntEnum):
    """A run's state, as stored."""

    pending = 0
    success = 1
    error = 2


@dataclass(slots=True)
class RunChange:
    """One message about one run.

    Attributes:
        id: The run.
        rank: Weight of the message.
        values: Columns that it sets; never null.
        payloads: Payloads that it sets, as JSON.
        facts: Columns that follow from those payloads.
        session_id: Project by id.
        session_name: Project by name.

    Example:
        >>> change = RunChange(UUID(int=1), Rank.PATCH, values={"end_time": 5})
        >>> merge(new_row(change.id, 0), [change])[0]["status"]
        <Status.success: 1>
    """

    id: UUID
    rank: Rank
    values: Row = field(default_factory=dict)
    payloads: dict[str, bytes] = field(default_factory=dict)
    facts: Row = field(default_factory=dict)
    session_id: UUID | None = None
    session_name: str | None = None


def new_row(run_id: UUID, received: int) -> Row:
    """Give the record of a run of which nothing is known but its id.

    Args:
        run_id: The run.
        received: Now; stands in for a start time until one is known.

    Returns:
        Every column, null where nothing is known.
    """
    return {
        **_UNKNOWN,
        "id": run_id,
        "ranks": 0,
        "name": "",
        "run_type": "chain",
        "start_time": received,
        "trace_id": run_id,
        "status": Status.pending,
        "has_error": False,
        "first_token_time": None,
        "usage_outputs": None,
        "usage_extra": None,
        "thread_id": None,
        "linked": True,
        "created_at": received,
        "modified_at": received,
    }


def rank_of(row: Row, name: str) -> int:
    """Tell the rank of the message that set a field; 0 if none has."""
    return int(row["ranks"] >> _SHIFT[name] & 3)


def merge(row: Row, changes: Iterable[RunChange]) -> tuple[Row, dict[str, bytes]]:
    """Apply messages to a record, and bring what follows from them up to date.

    Args:
        row: The record so far; changed in place.
        changes: Messages about this run, in the order of arrival.

    Returns:
        The record, and the payloads to write.
    """
    payloads: dict[str, bytes] = {}
    for change in changes:
        payloads |= _apply(row, change)
    if row["has_error"]:
        row["status"] = Status.error
    else:
        row["status"] = Status.pending if row["end_time"] is None else Status.success
    _derive_links(row)
    return row, payloads


def _apply(row: Row, change: RunChange) -> dict[str, bytes]:
    rank, ranks = int(change.rank), row["ranks"]
    for name, value in change.values.items():
        shift = _SHIFT[name]
        if rank >= ranks >> shift & 3:
            row[name] = value
            ranks = ranks & ~(3 << shift) | rank << shift
    payloads: dict[str, bytes] = {}
    for name, value in change.payloads.items():
        shift = _SHIFT[name]
        if rank >= ranks >> shift & 3:
            payloads[name] = value
            ranks = ranks & ~(3 << shift) | rank << shift
            _apply_facts(row, name, change.facts)
    row["ranks"] = ranks
    return payloads


def _apply_facts(row: Row, payload: str, facts: Row) -> None:
    if payload == "error":
        row["has_error"] = facts["has_error"]
    elif payload == "events":
        row["first_token_time"] = facts["first_token_time"]
    elif payload in {"outputs", "extra"}:
        if payload == "extra":
            row["thread_id"] = facts["thread_id"]
        column = f"usage_{payload}"
        if row[column] != facts[column]:
            row[column] = facts[column]
            row |= usage_columns(row["usage_outputs"] or row["usage_extra"])


def _derive_links(row: Row) -> None:
    """Fill trace, parent and start time from the dotted order, for those that were not told."""
    if not rank_of(row, "dotted_order"):
        row["linked"] = row["parent_run_id"] is None
        _stand_alone(row)
        return
    row["linked"] = True
    segments = row["dotted_order"].split(".")
    if not rank_of(row, "start_time"):
        row["start_time"] = parse_segment(segments[-1]) or row["created_at"]
    if not rank_of(row, "trace_id"):
        row["trace_id"] = UUID(segments[0][-36:])
    if not rank_of(row, "parent_run_id"):
        row["parent_run_id"] = UUID(segments[-2][-36:]) if len(segments) > 1 else None


def _stand_alone(row: Row) -> None:
    """Place a run as a root, or, as long as its parent's place is not known, as if it were one."""
    row["dotted_order"] = _segment(row)
    if not rank_of(row, "trace_id"):
        row["trace_id"] = row["parent_run_id"] or row["id"]


def link(row: Row, parent: Row) -> None:
    """Place a run that came without a dotted order below its parent.

    Args:
        row: The run; changed in place.
        parent: Its parent, whose own place is known.
    """
    row["dotted_order"] = f"{parent['dotted_order']}.{_segment(row)}"
    row["linked"] = True
    if not rank_of(row, "trace_id"):
        row["trace_id"] = parent["trace_id"]


def _segment(row: Row) -> str:
    return f"{format_segment(row['start_time'])}{row['id']}"
