"""What belongs to the workspace that a connection speaks for.

Runs belong to it by their project, examples and comparisons by their dataset. A statement that starts at ids
which a caller gave says so by one of these conditions; one that follows ids found that way need not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exists, select

from smithkit.server.store.access import workspace_of
from smithkit.server.store.dataset_tables import datasets
from smithkit.server.store.tables import runs, sessions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

__all__ = ["foreign_runs", "in_own_dataset", "in_own_session", "own_sessions"]

_CHUNK = 500


def own_sessions(connection: Connection, ids: Collection[UUID]) -> list[UUID]:
    """Keep the projects that are the workspace's."""
    own = sessions.c.workspace_id == workspace_of(connection)
    return list(connection.execute(select(sessions.c.id).where(own, sessions.c.id.in_(ids))).scalars())


def in_own_session(
    connection: Connection, session_id: ColumnElement[UUID], among: Collection[UUID] | None = None
) -> ColumnElement[bool]:
    """Say that a row's project is the workspace's, and one of some.

    Correlated, so that the database never takes it for a way to find the rows.
    """
    own = sessions.c.workspace_id == workspace_of(connection)
    if among is not None:
        own &= sessions.c.id.in_(among)
    return exists().where(sessions.c.id == session_id, own).correlate_except(sessions)


def in_own_dataset(connection: Connection, dataset_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Say that a row's dataset is the workspace's."""
    own = datasets.c.workspace_id == workspace_of(connection)
    return exists().where(datasets.c.id == dataset_id, own).correlate_except(datasets)


def foreign_runs(connection: Connection, ids: Iterable[UUID]) -> set[UUID]:
    """Keep the runs that are there and another workspace's."""
    wanted = list(ids)
    foreign = ~in_own_session(connection, runs.c.session_id)
    found: set[UUID] = set()
    for at in range(0, len(wanted), _CHUNK):
        statement = select(runs.c.id).where(runs.c.id.in_(wanted[at : at + _CHUNK]), foreign)
        found |= set(connection.execute(statement).scalars())
    return found
