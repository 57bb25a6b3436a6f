"""Pages of runs that the full-text index finds, newest first without sorting all hits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import select

from smithkit.server.store.tables import runs
from smithkit.server.store.text_hits import BY_ID
from smithkit.server.store.text_index import POSITION_BITS, count_queued
from smithkit.server.store.text_query import left_to_check

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, Select

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.protocol import RunSelection
    from smithkit.server.store.text_hits import Hits

__all__ = ["Read", "search_runs"]


class Read(Protocol):
    """Reads the records of a page out of what a statement selects: in an order, by default of the page."""

    def __call__(
        self, selection: RunSelection, statement: Select[Any], order: ColumnElement[Any] | None = None, /
    ) -> list[Row]:
        """Read them."""
        ...


def search_runs(
    connection: Connection, selection: RunSelection, hits: Hits, waiting: Iterable[list[UUID]], read: Read
) -> list[Row]:
    """Read the records that a selection names, in its order, with the help of the index.

    Args:
        connection: A connection.
        selection: Which runs.
        hits: What the index finds for it.
        waiting: Runs that are not indexed yet, in the order of the selection.
        read: Reads a page.

    Returns:
        The records.
    """
    # What is not indexed yet is read in full: it has to hold whatever the index says.
    found = _waiting(selection, waiting, read) if count_queued(connection, most=1) else []
    found += _indexed(replace(selection, filter=left_to_check(selection.filter)), hits, read)
    found.sort(key=lambda row: (row["start_time"], row["id"].bytes), reverse=not selection.ascending)
    return found[: selection.limit]


def _waiting(selection: RunSelection, waiting: Iterable[list[UUID]], read: Read) -> list[Row]:
    """Read step after step until the page is full."""
    found: list[Row] = []
    for ids in waiting:
        found += read(selection, select(runs).where(runs.c.id.in_(ids)).with_hint(runs, BY_ID, "sqlite"))
        if len(found) >= selection.limit:
            break
    return found


def _indexed(selection: RunSelection, hits: Hits, read: Read) -> list[Row]:
    """The first hits by their positions; those of the last one's millisecond have to be ordered by time."""
    found = read(selection, hits.select(runs, hits.position), hits.position)
    positions = [row.pop(hits.position.name) for row in found]
    if len(found) < selection.limit:
        return found
    last = positions[-1] >> POSITION_BITS
    before = [
        row for row, position in zip(found, positions, strict=True) if position >> POSITION_BITS != last
    ]
    return before + read(selection, hits.of_moment(positions[-1]).select(runs))
