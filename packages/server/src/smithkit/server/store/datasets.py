"""Datasets themselves: their records, and who may read them by link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from smithkit.server.domain.jsons import contains, load
from smithkit.server.domain.times import now
from smithkit.server.store.access import workspace_of
from smithkit.server.store.dataset_protocol import TakenError
from smithkit.server.store.dataset_tables import (
    comparative_experiments,
    dataset_shares,
    dataset_tags,
    dataset_versions,
    datasets,
    example_versions,
)
from smithkit.server.store.ownership import in_own_dataset
from smithkit.server.store.tables import sessions
from smithkit.server.store.versions import read_dataset

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.dataset_protocol import DatasetSelection

__all__ = [
    "change_dataset",
    "delete_share",
    "example_rows",
    "find_shared",
    "forget_dataset",
    "insert_dataset",
    "insert_share",
    "select_datasets",
    "select_share",
]

_STEP = 500


def insert_dataset(connection: Connection, values: Row) -> Row:
    """Make a dataset.

    Raises:
        TakenError: Its name or id is in use.
    """
    _check_name(connection, values)
    if connection.execute(select(datasets.c.id).where(datasets.c.id == values["id"])).first() is not None:
        raise TakenError(f"Dataset with id {values['id']} already exists")
    connection.execute(datasets.insert(), values)
    return values


def change_dataset(connection: Connection, dataset_id: UUID, values: Row) -> Row:
    """Change a dataset.

    Raises:
        MissingError: There is none.
        TakenError: Another one has the new name.
    """
    present = read_dataset(connection, dataset_id)
    if values.get("name", present["name"]) != present["name"]:
        _check_name(connection, {**present, **values})
    changed = {**values, "modified_at": max(now(), present["modified_at"])}
    connection.execute(update(datasets).where(datasets.c.id == dataset_id).values(changed))
    return {**present, **changed}


def _check_name(connection: Connection, values: Row) -> None:
    same = select(datasets.c.id).where(
        datasets.c.workspace_id == values["workspace_id"], datasets.c.name == values["name"]
    )
    if connection.execute(same).first() is not None:
        raise TakenError(f"Dataset with name {values['name']!r} already exists")


def example_rows(connection: Connection, dataset_id: UUID) -> list[int]:
    """Give some of a dataset's example records, of any version; none when there are no more."""
    statement = select(example_versions.c.row).where(example_versions.c.dataset_id == dataset_id)
    return list(connection.execute(statement.limit(_STEP)).scalars())


def forget_dataset(connection: Connection, dataset_id: UUID) -> None:
    """Remove a dataset that has no example records."""
    for table in (comparative_experiments, dataset_shares, dataset_tags, dataset_versions):
        connection.execute(delete(table).where(table.c.dataset_id == dataset_id))
    connection.execute(delete(datasets).where(datasets.c.id == dataset_id))


def select_datasets(connection: Connection, selection: DatasetSelection) -> list[Row]:
    """Read the datasets that a selection names, newest first."""
    statement = (
        select(datasets)
        .where(*_conditions(selection, workspace_of(connection)))
        .order_by(datasets.c.created_at.desc(), datasets.c.id.desc())
    )
    begin, end = selection.offset, selection.offset + selection.limit
    if selection.metadata is None:
        statement = statement.limit(selection.limit).offset(selection.offset)
        begin, end = 0, selection.limit
    rows = [
        dict(row)
        for row in connection.execute(statement).mappings()
        # Containment of nested JSON has no form that all databases share, and datasets are few.
        if selection.metadata is None
        or contains(load((row["metadata"] or "{}").encode()), selection.metadata)
    ]
    return _with_sessions(connection, rows[begin:end])


def _conditions(selection: DatasetSelection, workspace_id: UUID) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [datasets.c.workspace_id == workspace_id]
    if selection.ids is not None:
        conditions.append(datasets.c.id.in_(selection.ids))
    if selection.name is not None:
        conditions.append(datasets.c.name == selection.name)
    if selection.name_contains is not None:
        conditions.append(datasets.c.name.icontains(selection.name_contains, autoescape=True))
    if selection.data_type is not None:
        conditions.append(datasets.c.data_type == selection.data_type)
    return conditions


def _with_sessions(connection: Connection, rows: Sequence[Row]) -> list[Row]:
    reference = sessions.c.reference_dataset_id
    statement = (
        select(reference, func.count(), func.max(sessions.c.start_time))
        .where(
            sessions.c.workspace_id == workspace_of(connection), reference.in_([row["id"] for row in rows])
        )
        .group_by(reference)
    )
    figures = {row[0]: (row[1], row[2]) for row in connection.execute(statement)}
    return [
        row
        | dict(
            zip(("session_count", "last_session_start_time"), figures.get(row["id"], (0, None)), strict=True)
        )
        for row in rows
    ]


def insert_share(connection: Connection, dataset_id: UUID, token: UUID) -> UUID:
    """Store a dataset's token unless it has one, and give the one that it has.

    Raises:
        MissingError: There is no such dataset.
        TakenError: Another dataset has this token.
    """
    read_dataset(connection, dataset_id)
    present = select_share(connection, dataset_id)
    if present is not None:
        return present
    if connection.execute(select(dataset_shares.c.token).where(dataset_shares.c.token == token)).first():
        raise TakenError("share_token: is in use")
    connection.execute(
        dataset_shares.insert(), {"token": token, "dataset_id": dataset_id, "created_at": now()}
    )
    return token


def select_share(connection: Connection, dataset_id: UUID) -> UUID | None:
    """Read a dataset's token."""
    columns = dataset_shares.c
    statement = select(columns.token).where(
        columns.dataset_id == dataset_id, in_own_dataset(connection, columns.dataset_id)
    )
    return connection.execute(statement).scalar()


def delete_share(connection: Connection, dataset_id: UUID) -> None:
    """Forget a dataset's token."""
    columns = dataset_shares.c
    own = in_own_dataset(connection, columns.dataset_id)
    connection.execute(delete(dataset_shares).where(columns.dataset_id == dataset_id, own))


def find_shared(connection: Connection, token: UUID) -> UUID | None:
    """Give the dataset that has a token."""
    columns = dataset_shares.c
    statement = select(columns.dataset_id).where(
        columns.token == token, in_own_dataset(connection, columns.dataset_id)
    )
    return connection.execute(statement).scalar()
