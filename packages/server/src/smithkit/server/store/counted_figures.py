"""Figures of runs worked out by SQLite from the runs themselves.

It hands over columns, each as one text: a row at a time, the driver would wait for other threads after each row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from smithkit.server.domain.jsons import load
from smithkit.server.domain.run_figures import MEASURED, RunFigures
from smithkit.server.store.ownership import own_sessions
from smithkit.server.store.read_runs import conditions, is_of_thread
from smithkit.server.store.sqlite_filter import queued
from smithkit.server.store.tables import runs
from smithkit.server.store.text_hits import BY_ID, find_hits
from smithkit.server.store.text_index import count_queued
from smithkit.server.store.text_query import left_to_check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import ColumnElement, Connection, Select

    from smithkit.server.store.protocol import RunSelection

__all__ = ["count_in_columns"]

_MOST = 100_000  # runs whose columns are in memory at a time
_NARROW = ("ids", "traces", "parent", "below", "examples")
_DERIVED: Mapping[str, ColumnElement[Any]] = {
    "latency": runs.c.end_time - runs.c.start_time,
    "first_token": runs.c.first_token_time - runs.c.start_time,
}
_STARTS = (func.min(runs.c.start_time), func.max(runs.c.start_time))
_COLUMNS = tuple(func.json_group_array(_DERIVED.get(name, runs.c.get(name))) for name in MEASURED)


def count_in_columns(connection: Connection, selection: RunSelection) -> RunFigures:
    """Work out the figures of the runs that a selection names, in one pass.

    Args:
        connection: A connection to SQLite.
        selection: Which runs; its order and limit do not matter.

    Returns:
        Their figures; percentiles are exact unless there are very many different values.
    """
    figures = RunFigures()
    if find_hits(selection) is not None and count_queued(connection, most=1):
        for part in _parts(connection, selection, _waiting(runs.c.start_time)):
            statement = _waiting(*_STARTS, *_COLUMNS)
            _add(figures, connection, statement.where(*conditions(connection, part)))
    for part in _parts(connection, selection, select(runs.c.start_time)):
        _add(figures, connection, _counted(connection, part))
    return figures


def _waiting(*columns: ColumnElement[Any]) -> Select[Any]:
    """Select columns of the runs that wait for the full-text index."""
    return select(*columns).where(queued(runs)).with_hint(runs, BY_ID, "sqlite")


def _counted(connection: Connection, selection: RunSelection) -> Select[Any]:
    """Select the columns of runs, with the help of the full-text index if there is some."""
    hits = find_hits(selection)
    if hits is None:
        return select(*_STARTS, *_COLUMNS).where(*conditions(connection, selection))
    left = replace(selection, filter=left_to_check(selection.filter))
    return hits.select(*_STARTS, *_COLUMNS).where(*conditions(connection, left))


def _add(figures: RunFigures, connection: Connection, statement: Select[Any]) -> None:
    first, last, *columns = tuple(connection.execute(statement).one())
    if first is not None:
        figures.count_columns([load(column.encode()) for column in columns])
        figures.saw((first, last))


def _parts(connection: Connection, selection: RunSelection, starts: Select[Any]) -> Iterator[RunSelection]:
    """Cut a selection at some of the start times, so that there are not too many of them in any part."""
    start = runs.c.start_time
    every = starts.order_by(start).offset(_MOST).limit(1)
    if selection.started_to is not None:
        every = every.where(start <= selection.started_to)
    if selection.sessions is not None and len(selection.sessions) == 1:
        every = every.where(runs.c.session_id.in_(own_sessions(connection, selection.sessions)))
    beginning = selection.started_from
    while not is_of_thread(selection) and all(getattr(selection, name) is None for name in _NARROW):
        following = every if beginning is None else every.where(start >= beginning)
        next_start = connection.execute(following).scalar()
        if next_start is None:
            break
        # Runs that all began at once are one part, however many they are.
        end = next_start if next_start == beginning else next_start - 1
        yield replace(selection, started_from=beginning, started_to=end)
        beginning = end + 1
    yield replace(selection, started_from=beginning)
