"""The rows of experiments: the examples that they answered, in the dataset's order."""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from smithkit.server.store.comparisons import check_experiments
from smithkit.server.store.dataset_tables import example_versions
from smithkit.server.store.protocol import RunSelection
from smithkit.server.store.read_examples import load_rows
from smithkit.server.store.read_runs import conditions
from smithkit.server.store.tables import feedback, runs, sessions
from smithkit.server.store.versions import read_dataset

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, Select

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.dataset_protocol import ExperimentSelection

__all__ = ["RowListings", "select_answered", "select_experiment_rows"]

_LISTINGS = 16
_columns = example_versions.c


class RowListings:
    """Remembers which records make up a listing, so that its last page is found as fast as its first.

    Clients ask for offsets, one page after the other. A listing that has changed must have another key.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listings: OrderedDict[Hashable, array[int]] = OrderedDict()

    def get(self, key: Hashable) -> array[int] | None:
        """Give a listing that is known."""
        with self._lock:
            if key in self._listings:
                self._listings.move_to_end(key)
            return self._listings.get(key)

    def add(self, key: Hashable, listing: array[int]) -> None:
        """Remember a listing, and forget those that nobody has asked for in a long time."""
        with self._lock:
            self._listings[key] = listing
            while len(self._listings) > _LISTINGS:
                self._listings.popitem(last=False)


def select_experiment_rows(
    connection: Connection, selection: ExperimentSelection, listings: RowListings
) -> list[Row]:
    """Read the examples that experiments answered, with payloads, each as it is now or was last.

    Raises:
        MissingError: The dataset, or an experiment, is not there.
        MismatchError: An experiment is one on another dataset.
    """
    dataset = _check(connection, selection)
    said = (selection.dataset_id, selection.sessions, selection.filters, selection.examples)
    key = (*said, dataset["version"], dataset["purges"], _state(connection, selection))
    listing = listings.get(key)
    if listing is None:
        listing = array("q", [row.newest for row in connection.execute(_listing(connection, selection))])
        listings.add(key, listing)
    return load_rows(connection, listing[selection.offset : selection.offset + selection.limit])


def select_answered(
    connection: Connection, selection: ExperimentSelection, answered: Collection[UUID]
) -> list[Row]:
    """Read the same, where another database knows which examples were answered.

    Raises:
        MissingError: The dataset, or an experiment, is not there.
        MismatchError: An experiment is one on another dataset.
    """
    _check(connection, selection)
    wanted = {*answered} if selection.examples is None else selection.examples.intersection(answered)
    own = select(_columns.example_id, func.max(_columns.row).label("newest"))
    statement = own.where(_columns.dataset_id == selection.dataset_id)
    ordered = statement.group_by(_columns.position, _columns.example_id).order_by(_columns.position)
    listing = [row.newest for row in connection.execute(ordered) if row.example_id in wanted]
    return load_rows(connection, listing[selection.offset : selection.offset + selection.limit])


def _check(connection: Connection, selection: ExperimentSelection) -> Row:
    dataset = read_dataset(connection, selection.dataset_id)
    judged = [session for session, _ in selection.filters]
    check_experiments(connection, selection.dataset_id, [*selection.sessions, *judged])
    return dataset


def _state(connection: Connection, selection: ExperimentSelection) -> tuple[int | None, ...]:
    """What changes when the listing may: with new runs, and where filters judge them, with all that is said of runs."""
    counted = select(func.count()).where(*_answers(selection.sessions))
    state = tuple(connection.execute(counted).one())
    judged = [session for session, _ in selection.filters]
    if judged:
        for table, which in (
            (runs, _answers(judged)),
            (feedback, [feedback.c.session_id.in_(judged)]),
            (sessions, [sessions.c.id.in_(judged)]),
        ):
            last = select(func.count(), func.max(table.c.modified_at)).where(*which)
            state += tuple(connection.execute(last).one())
    return state


def _listing(connection: Connection, selection: ExperimentSelection) -> Select[tuple[int]]:
    """The newest record of each example, by its place in the dataset."""
    answered = select(runs.c.reference_example_id).where(*_answers(selection.sessions))
    wanted = [_columns.example_id.in_(answered)]
    for session, node in selection.filters:
        holds = conditions(connection, RunSelection(sessions=[session], is_root=True, filter=node))
        matching = select(runs.c.reference_example_id).where(*_answers([session]), *holds)
        wanted.append(_columns.example_id.in_(matching))
    if selection.examples is not None:
        wanted.append(_columns.example_id.in_(selection.examples))
    return (
        select(func.max(_columns.row).label("newest"))
        .where(_columns.dataset_id == selection.dataset_id, *wanted)
        .group_by(_columns.position)
        .order_by(_columns.position)
    )


def _answers(sessions: Sequence[UUID]) -> list[ColumnElement[bool]]:
    """Word for word the condition of the index, or SQLite does not use it."""
    answers = (runs.c.reference_example_id.is_not(None), runs.c.parent_run_id.is_(None))
    return [runs.c.session_id.in_(sessions), *answers]
