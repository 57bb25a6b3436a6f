"""Pages of runs that the full-text index finds, newest first without sorting all hits."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from smithkit.server.domain.filters import And, Comparison, Node, Operator
from smithkit.server.store.text_index import POSITION_BITS, count_queued, matching_positions, position_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.protocol import RunSelection

__all__ = ["search_runs"]

_FIRST, _MOST = 200, 5000  # hits a step
_END = 2**63 - 1


class Reader(Protocol):
    """Reads what a selection says of some runs: those that are indexed since they were written, or any."""

    def __call__(self, wanted: RunSelection, ids: Collection[UUID], *, indexed: bool) -> list[Row]:
        """Read their records."""
        ...


def search_runs(
    connection: Connection,
    selection: RunSelection,
    query: str,
    waiting: Iterable[list[UUID]],
    read: Reader,
) -> list[Row]:
    """Read the records that a selection names, in its order, with the help of the index.

    Args:
        connection: A connection.
        selection: Which runs.
        query: What the index knows of its filter.
        waiting: Runs that are not indexed yet, in the order of the selection.
        read: Reads what a selection says of some runs.

    Returns:
        The records.
    """
    # What is not indexed yet is read in full: it has to hold whatever the index says.
    found: list[Row] = []
    if count_queued(connection, most=1):
        found = _fill(selection, waiting, partial(read, indexed=False))
    left = replace(selection, filter=_left_to_check(selection.filter))
    found += _fill(left, _steps(connection, selection, query), partial(read, indexed=True))
    found.sort(key=lambda row: (row["start_time"], row["id"].bytes), reverse=not selection.ascending)
    return found[: selection.limit]


def _fill(
    selection: RunSelection,
    steps: Iterable[list[UUID]],
    read: Callable[[RunSelection, Collection[UUID]], list[Row]],
) -> list[Row]:
    """Read step after step until the page is full."""
    found: list[Row] = []
    for ids in steps:
        for at in range(0, len(ids), _MOST):
            found += read(selection, ids[at : at + _MOST])
        if len(found) >= selection.limit:
            break
    return found


def _steps(connection: Connection, selection: RunSelection, query: str) -> Iterator[list[UUID]]:
    """Ids of hits in the order of the selection, some at a time; all of one millisecond come together."""
    low, high = _bounds(selection)
    step = _FIRST
    while low <= high:
        hits = matching_positions(connection, query, low, high, ascending=selection.ascending, most=step)
        if len(hits) < step:
            yield [run_id for _, run_id in hits]
            return
        moment = hits[-1][0] >> POSITION_BITS
        whole = [run_id for position, run_id in hits if position >> POSITION_BITS != moment]
        if whole:
            yield whole
        beginning = moment << POSITION_BITS
        low, high = (beginning, high) if selection.ascending else (low, beginning + (1 << POSITION_BITS) - 1)
        step = min(2 * step, _MOST) if whole else 4 * step


def _bounds(selection: RunSelection) -> tuple[int, int]:
    """First and last position of a page."""
    earliest, latest = selection.started_from, selection.started_to
    if selection.after is not None:
        moment = selection.after[0]
        if selection.ascending:
            earliest = moment if earliest is None else max(earliest, moment)
        else:
            latest = moment if latest is None else min(latest, moment)
    low = 0 if earliest is None else position_of(earliest)
    return low, _END if latest is None else position_of(latest) + (1 << POSITION_BITS) - 1


def _left_to_check(node: Node | None) -> Node | None:
    """What the index does not say by itself: all but searches."""
    match node:
        case Comparison(Operator.SEARCH):
            return None
        case And(operands):
            left = tuple(one for one in map(_left_to_check, operands) if one is not None)
            return And(left) if len(left) > 1 else next(iter(left), None)
        case _:
            return node
