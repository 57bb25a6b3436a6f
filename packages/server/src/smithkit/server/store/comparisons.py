"""Comparative experiments: experiments on one dataset that were judged against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from smithkit.server.store.access import workspace_of
from smithkit.server.store.dataset_protocol import MismatchError, MissingError, TakenError
from smithkit.server.store.dataset_tables import comparative_experiments
from smithkit.server.store.tables import sessions
from smithkit.server.store.versions import read_dataset

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row

__all__ = ["check_experiments", "insert_comparison", "select_comparison", "select_comparisons"]


def check_experiments(connection: Connection, dataset_id: UUID, experiments: Sequence[UUID]) -> None:
    """Check that experiments are there, and ran on a dataset.

    Raises:
        MissingError: One is not there.
        MismatchError: One is an experiment on another dataset.
    """
    own = sessions.c.workspace_id == workspace_of(connection)
    columns = (sessions.c.id, sessions.c.reference_dataset_id)
    statement = select(*columns).where(own, sessions.c.id.in_(experiments))
    found = {row.id: row.reference_dataset_id for row in connection.execute(statement)}
    for experiment in experiments:
        if experiment not in found:
            raise MissingError(f"Experiment {experiment}")
        if found[experiment] != dataset_id:
            raise MismatchError(f"Experiment {experiment} is not one on the reference dataset")


def insert_comparison(connection: Connection, values: Row, experiments: Sequence[UUID]) -> None:
    """Store a comparative experiment.

    Raises:
        MissingError: The dataset, or an experiment, is not there.
        MismatchError: An experiment is one on another dataset.
        TakenError: The id is in use, or the dataset has one of that name.
    """
    read_dataset(connection, values["dataset_id"])
    check_experiments(connection, values["dataset_id"], experiments)
    columns = comparative_experiments.c
    named = (columns.dataset_id == values["dataset_id"]) & (columns.name == values["name"])
    taken = select(columns.id).where(or_(named, columns.id == values["id"]))
    if connection.execute(taken).first() is not None:
        raise TakenError(f"Comparative experiment {values['name']!r} already exists")
    connection.execute(comparative_experiments.insert(), values)


def select_comparisons(connection: Connection, dataset_id: UUID, limit: int, offset: int) -> list[Row]:
    """Read the comparative experiments of a dataset, newest first.

    Raises:
        MissingError: There is no such dataset.
    """
    read_dataset(connection, dataset_id)
    columns = comparative_experiments.c
    statement = (
        select(comparative_experiments)
        .where(columns.dataset_id == dataset_id)
        .order_by(columns.created_at.desc(), columns.id)
        .limit(limit)
        .offset(offset)
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def select_comparison(connection: Connection, dataset_id: UUID, comparison_id: UUID) -> Row:
    """Read one comparative experiment of a dataset.

    Raises:
        MissingError: The dataset has no such one.
    """
    read_dataset(connection, dataset_id)
    columns = comparative_experiments.c
    wanted = (columns.id == comparison_id) & (columns.dataset_id == dataset_id)
    row = connection.execute(select(comparative_experiments).where(wanted)).mappings().first()
    if row is None:
        raise MissingError(f"Comparative experiment {comparison_id}")
    return dict(row)
