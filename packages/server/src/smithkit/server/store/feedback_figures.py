"""Figures of feedback, kept with every write: of a project's runs, of projects, of comparisons."""

from __future__ import annotations

from collections import defaultdict
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from smithkit.server.domain.feedback import Tally
from smithkit.server.store.feedback_tables import feedback_figures, feedback_values
from smithkit.server.store.inserts import upsert
from smithkit.server.store.tables import feedback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

__all__ = ["FigureChanges", "Scope", "differing_figures", "read_figures", "rebuild_figures"]

_CHUNK = 500


class Scope(IntEnum):
    """What feedback is summed up over.

    Attributes:
        RUNS: The runs of a project.
        SESSION: A project itself.
        COMPARISON: The runs that a comparative experiment compares.
    """

    RUNS = 0
    SESSION = 1
    COMPARISON = 2


class FigureChanges:
    """What a write changes in the figures; nothing is stored before `store`."""

    def __init__(self) -> None:
        self._tallies: defaultdict[tuple[UUID, Scope], defaultdict[str, Tally]] = defaultdict(
            lambda: defaultdict(Tally)
        )

    def count(self, row: Mapping[str, Any], sign: int = 1) -> None:
        """Count a record of feedback, or with a `sign` of -1 no longer count it."""
        for scope in _scopes(row):
            self._tallies[scope][row["key"]].add(row["score"], row["category"], sign)

    def rows(self) -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
        """What both tables hold if nothing was counted before: rows of figures, and of values."""
        figures: set[tuple[Any, ...]] = set()
        values: set[tuple[Any, ...]] = set()
        for (scope_id, kind), tallies in self._tallies.items():
            for key, tally in tallies.items():
                figures.add((scope_id, int(kind), key, tally.count, tally.scored, tally.total))
                values |= {
                    (scope_id, int(kind), key, value, count) for value, count in tally.values.items() if count
                }
        return figures, values

    def store(self, connection: Connection) -> None:
        """Bring the stored figures up to date.

        Args:
            connection: A connection that holds the write lock.
        """
        for (scope_id, kind), tallies in self._tallies.items():
            own = {"scope_id": scope_id, "kind": int(kind)}
            _store_counts(connection, own, tallies)
            _store_values(connection, own, tallies)


def _scopes(row: Mapping[str, Any]) -> Iterator[tuple[UUID, Scope]]:
    if row["session_id"] is not None:
        yield row["session_id"], Scope.SESSION if row["run_id"] is None else Scope.RUNS
    if row["comparative_experiment_id"] is not None:
        yield row["comparative_experiment_id"], Scope.COMPARISON


def _store_counts(connection: Connection, own: dict[str, Any], tallies: Mapping[str, Tally]) -> None:
    table = feedback_figures
    inside = (table.c.scope_id == own["scope_id"]) & (table.c.kind == own["kind"])
    keys = list(tallies)
    present: dict[str, Tally] = {}
    for at in range(0, len(keys), _CHUNK):
        found = connection.execute(select(table).where(inside, table.c.key.in_(keys[at : at + _CHUNK])))
        present |= {row.key: Tally(row.n, row.scored, row.total) for row in found}
    gone, rows = [], []
    for key, change in tallies.items():
        tally = present.get(key) or Tally()
        tally.join(change)
        if tally.count:
            rows.append({**own, "key": key, "n": tally.count, "scored": tally.scored, "total": tally.total})
        else:
            gone.append(key)
    if gone:
        connection.execute(delete(table).where(inside, table.c.key.in_(gone)))
    if rows:
        statement = upsert(connection, table)
        new = {name: statement.excluded[name] for name in ("n", "scored", "total")}
        connection.execute(
            statement.on_conflict_do_update(index_elements=table.primary_key.columns, set_=new), rows
        )


def _store_values(connection: Connection, own: dict[str, Any], tallies: Mapping[str, Tally]) -> None:
    table = feedback_values
    rows = [
        {**own, "key": key, "value": value, "n": count}
        for key, tally in tallies.items()
        for value, count in tally.values.items()
        if count
    ]
    if not rows:
        return
    statement = upsert(connection, table)
    added = {"n": table.c.n + statement.excluded.n}
    connection.execute(
        statement.on_conflict_do_update(index_elements=table.primary_key.columns, set_=added), rows
    )
    if any(row["n"] < 0 for row in rows):
        connection.execute(
            delete(table).where(
                table.c.scope_id == own["scope_id"], table.c.kind == own["kind"], table.c.n == 0
            )
        )


def _sum_up(connection: Connection) -> FigureChanges:
    changes = FigureChanges()
    counted = ("run_id", "session_id", "comparative_experiment_id", "key", "score", "category")
    statement = select(*(feedback.c[name] for name in counted)).execution_options(yield_per=_CHUNK)
    for row in connection.execute(statement).mappings():
        changes.count(dict(row))
    return changes


def rebuild_figures(connection: Connection) -> None:
    """Work all figures out anew from the feedback.

    Args:
        connection: A connection that holds the write lock.
    """
    for table in (feedback_figures, feedback_values):
        connection.execute(delete(table))
    _sum_up(connection).store(connection)


def differing_figures(connection: Connection) -> int:
    """Count the kept figures that are not what the feedback says."""
    differing = 0
    for table, expected in zip((feedback_figures, feedback_values), _sum_up(connection).rows(), strict=True):
        kept = {tuple(row) for row in connection.execute(select(table))}
        differing += len(kept ^ expected)
    return differing


def read_figures(connection: Connection, ids: Sequence[UUID], kind: Scope) -> dict[UUID, dict[str, Any]]:
    """Read the figures of scopes, by key, as the API shows them; one without feedback is left out."""
    tallies: defaultdict[UUID, dict[str, Tally]] = defaultdict(dict)
    for at in range(0, len(ids), _CHUNK):
        chunk = ids[at : at + _CHUNK]
        for table in (feedback_figures, feedback_values):
            own = select(table).where(table.c.scope_id.in_(chunk), table.c.kind == int(kind))
            for row in connection.execute(own):
                if table is feedback_figures:
                    tallies[row.scope_id][row.key] = Tally(row.n, row.scored, row.total)
                elif row.key in tallies[row.scope_id]:
                    tallies[row.scope_id][row.key].values[row.value] = row.n
    return {
        scope: {key: own.summary() for key, own in keys.items()} for scope, keys in tallies.items() if keys
    }
