"""Figures of runs that are kept with every write: by project, roots and others, hour and for all times."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, select, tuple_

from smithkit.server.domain.run_figures import SUMMED, RunFigures, measures
from smithkit.server.store.access import take_turns
from smithkit.server.store.packing import pack, unpack
from smithkit.server.store.tables import run_figures, runs, sessions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from smithkit.server.domain.runs import Row

__all__ = [
    "EVER",
    "HOUR",
    "FigureChanges",
    "count_runs",
    "differing_run_figures",
    "forget_run_figures",
    "rebuild_run_figures",
    "select_kept",
]

HOUR = 3_600_000_000
"""Microseconds for which figures are kept."""
EVER = -(2**40)
"""Stands for all hours."""

_CHUNK = 500
_STREAMED = 10_000
_MEASURES: tuple[ColumnElement[Any], ...] = (
    runs.c.has_error,
    runs.c.end_time - runs.c.start_time,
    runs.c.first_token_time - runs.c.start_time,
    runs.c.total_tokens,
    runs.c.prompt_tokens,
    runs.c.completion_tokens,
    runs.c.total_cost,
    runs.c.prompt_cost,
    runs.c.completion_cost,
)
"""What `domain.run_figures.measures` takes, as columns of `runs`."""
_COLUMNS = tuple(
    runs.c[name]
    for name in (
        "session_id",
        "parent_run_id",
        "start_time",
        "end_time",
        "first_token_time",
        "has_error",
        *SUMMED,
    )
)
_KEY = (run_figures.c.session_id, run_figures.c.is_root, run_figures.c.hour)


class _Key(NamedTuple):
    session_id: UUID
    is_root: bool
    hour: int


class FigureChanges:
    """What a write changes in the figures of runs; nothing is stored before `store`."""

    def __init__(self) -> None:
        self._added: defaultdict[_Key, list[tuple[Any, ...]]] = defaultdict(list)
        self._removed: defaultdict[_Key, list[tuple[Any, ...]]] = defaultdict(list)

    def add(self, row: Row) -> None:
        """Count a run's record."""
        self._added[_key(row)].append(measures(row))

    def replace(self, old: Row, new: Row) -> None:
        """Count a run's record in place of the one that was counted before."""
        was, now = (_key(old), measures(old)), (_key(new), measures(new))
        if was != now:
            self._removed[was[0]].append(was[1])
            self._added[now[0]].append(now[1])

    def remove(self, row: Row) -> None:
        """No longer count a run's record."""
        self._removed[_key(row)].append(measures(row))

    def store(self, connection: Connection) -> None:
        """Bring the stored figures up to date.

        Args:
            connection: A connection that holds the write lock.
        """
        changes = self.by_key()
        take_turns(connection, {key.session_id for key in changes})
        keys = sorted(changes, key=lambda key: (key.session_id.bytes, key.is_root, key.hour))
        for at in range(0, len(keys), _CHUNK):
            _store(connection, {key: changes[key] for key in keys[at : at + _CHUNK]})

    def by_key(self) -> dict[_Key, RunFigures]:
        """Give what is added to the figures of each project, hour and so on."""
        changes: defaultdict[_Key, RunFigures] = defaultdict(RunFigures)
        for sign, counted in ((1, self._added), (-1, self._removed)):
            for key, rows in counted.items():
                figures = RunFigures()
                figures.count(rows)
                figures.round()
                changes[key].add(figures, sign)
                changes[key._replace(hour=EVER)].add(figures, sign)
        return changes


def _key(row: Row) -> _Key:
    return _Key(row["session_id"], row["parent_run_id"] is None, row["start_time"] // HOUR)


def _store(connection: Connection, changes: dict[_Key, RunFigures]) -> None:
    own = tuple_(*_KEY).in_([tuple(key) for key in changes])
    for *place, body in connection.execute(select(*_KEY, run_figures.c.body).where(own)):
        key = _Key(*place)
        before = RunFigures.load(unpack(body))
        before.add(changes[key])  # the smaller one to the larger one
        changes[key] = before
    connection.execute(delete(run_figures).where(own))
    rows = [{**key._asdict(), "body": pack(figures.dump())} for key, figures in changes.items() if figures]
    if rows:
        connection.execute(run_figures.insert(), rows)


def forget_run_figures(connection: Connection, run_ids: Sequence[UUID]) -> None:
    """No longer count runs that are about to be removed.

    Args:
        connection: A connection that holds the write lock.
        run_ids: The runs.
    """
    changes = FigureChanges()
    for at in range(0, len(run_ids), _CHUNK):
        own = select(*_COLUMNS).where(runs.c.id.in_(run_ids[at : at + _CHUNK]))
        for row in connection.execute(own).mappings():
            changes.remove(dict(row))
    changes.store(connection)


def count_runs(connection: Connection, which: Sequence[ColumnElement[bool]]) -> RunFigures:
    """Work out the figures of runs from the runs themselves, in one pass.

    Args:
        connection: A connection.
        which: Conditions on `runs`.

    Returns:
        Their figures; percentiles are exact unless there are very many different values.
    """
    figures = RunFigures()
    statement = select(runs.c.start_time, *_MEASURES).where(*which)
    for rows in connection.execute(statement.execution_options(yield_per=_STREAMED)).partitions():
        starts, *columns = zip(*rows, strict=True)
        figures.count_columns(columns)
        figures.saw(starts)
    return figures


def select_kept(
    connection: Connection,
    of_sessions: ColumnElement[bool],
    *,
    is_root: bool | None,
    hours: tuple[int | None, int | None] | None = None,
) -> RunFigures:
    """Add up kept figures.

    Args:
        connection: A connection.
        of_sessions: A condition on `run_figures.session_id`.
        is_root: Of roots alone, or of others alone; None for both.
        hours: First hour, and the one after the last; all times by default.

    Returns:
        The sum; percentiles of rounded values.
    """
    hour = run_figures.c.hour
    which = [of_sessions, (hour == EVER) if hours is None else (hour > EVER)]
    first, end = hours or (None, None)
    if first is not None:
        which.append(hour >= first)
    if end is not None:
        which.append(hour < end)
    if is_root is not None:
        which.append(run_figures.c.is_root == is_root)
    figures = RunFigures()
    for (body,) in connection.execute(select(run_figures.c.body).where(*which)):
        figures.add(RunFigures.load(unpack(body)))
    return figures


def rebuild_run_figures(connection: Connection) -> None:
    """Work all kept figures out anew from the runs.

    Args:
        connection: A connection that holds the write lock.
    """
    connection.execute(delete(run_figures))
    for session_id in connection.execute(select(sessions.c.id)).scalars().all():
        for changes in _recounted(connection, session_id):
            changes.store(connection)


def differing_run_figures(connection: Connection) -> int:
    """Count the kept figures that are not what the runs say."""
    differing = 0
    for session_id in connection.execute(select(sessions.c.id)).scalars().all():
        expected: defaultdict[_Key, RunFigures] = defaultdict(RunFigures)
        for changes in _recounted(connection, session_id):
            for key, figures in changes.by_key().items():
                expected[key].add(figures)
        own = select(*_KEY, run_figures.c.body).where(run_figures.c.session_id == session_id)
        for *place, body in connection.execute(own):
            differing += expected.pop(_Key(*place), None) != RunFigures.load(unpack(body))
        differing += len(expected)
    return differing


def _recounted(connection: Connection, session_id: UUID) -> Iterator[FigureChanges]:
    """A project's runs as changes that count them, many at a time."""
    own = select(*_COLUMNS).where(runs.c.session_id == session_id).order_by(runs.c.start_time)
    for rows in connection.execute(own.execution_options(yield_per=_STREAMED)).mappings().partitions():
        changes = FigureChanges()
        for row in rows:
            changes.add(dict(row))
        yield changes
