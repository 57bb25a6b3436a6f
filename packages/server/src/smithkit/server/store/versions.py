"""Versions of datasets: which there are, what they are called, how they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select, update

from smithkit.server.domain.times import now, parse_time
from smithkit.server.store.access import workspace_of
from smithkit.server.store.dataset_protocol import Diff, MissingError
from smithkit.server.store.dataset_tables import dataset_tags, dataset_versions, datasets, example_versions
from smithkit.server.store.inserts import upsert

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from smithkit.server.domain.runs import Row

__all__ = [
    "LATEST",
    "begin_version",
    "compare",
    "moment_of",
    "read_dataset",
    "read_version",
    "select_versions",
    "tag_version",
    "valid_at",
]

LATEST = "latest"
"""The tag that the newest version always has."""


def read_dataset(connection: Connection, dataset_id: UUID) -> Row:
    """Read a dataset's record; whatever is done with a dataset's examples begins here.

    Raises:
        MissingError: The workspace has none.
    """
    own = datasets.c.workspace_id == workspace_of(connection)
    row = connection.execute(select(datasets).where(datasets.c.id == dataset_id, own)).mappings().first()
    if row is None:
        raise MissingError("Dataset")
    return dict(row)


def begin_version(connection: Connection, dataset: Row) -> int:
    """Start a version: give its time, which is later than that of every other version of the dataset.

    Args:
        connection: A connection that holds the write lock.
        dataset: The dataset's record; it is changed along.

    Returns:
        The time.
    """
    as_of: int = max(now(), dataset["version"] + 1)
    dataset |= {"version": as_of, "modified_at": as_of}
    connection.execute(dataset_versions.insert(), {"dataset_id": dataset["id"], "as_of": as_of})
    connection.execute(
        update(datasets).where(datasets.c.id == dataset["id"]).values(version=as_of, modified_at=as_of)
    )
    return as_of


def moment_of(connection: Connection, dataset: Row, as_of: str | None) -> int | None:
    """Find the time that a client means.

    Args:
        connection: A connection.
        dataset: The dataset's record.
        as_of: A tag, or a time as text.

    Returns:
        The time; None if nothing has changed since.

    Raises:
        MissingError: It is neither.
    """
    if as_of is None or as_of == LATEST:
        return None
    tagged = select(dataset_tags.c.as_of).where(
        dataset_tags.c.dataset_id == dataset["id"], dataset_tags.c.tag == as_of
    )
    moment = connection.execute(tagged).scalar()
    if moment is None:
        try:
            moment = parse_time(as_of)
        except ValueError as error:
            raise MissingError(f"Dataset version {as_of!r}") from error
    return None if moment >= dataset["version"] else moment


def valid_at(moment: int | None) -> ColumnElement[bool]:
    """Give the condition of the example records that were valid at a time; None is now."""
    ended = example_versions.c.valid_to
    if moment is None:
        return ended.is_(None)
    return and_(example_versions.c.valid_from <= moment, or_(ended.is_(None), ended > moment))


def select_versions(
    connection: Connection, dataset_id: UUID, limit: int, offset: int, search: str | None
) -> list[Row]:
    """Read a dataset's versions, newest first; with `search` those with a tag that contains it."""
    dataset = read_dataset(connection, dataset_id)
    statement = select(dataset_versions.c.as_of).where(dataset_versions.c.dataset_id == dataset_id)
    if search:
        tagged = select(dataset_tags.c.as_of).where(
            dataset_tags.c.dataset_id == dataset_id, dataset_tags.c.tag.icontains(search, autoescape=True)
        )
        wanted: ColumnElement[bool] = dataset_versions.c.as_of.in_(tagged)
        if search.lower() in LATEST:
            wanted = or_(wanted, dataset_versions.c.as_of == dataset["version"])
        statement = statement.where(wanted)
    statement = statement.order_by(dataset_versions.c.as_of.desc()).limit(limit).offset(offset)
    return [_describe(connection, dataset, as_of) for as_of in connection.execute(statement).scalars()]


def read_version(connection: Connection, dataset_id: UUID, as_of: str) -> Row:
    """Read the version that was there at a time, or has a tag.

    Raises:
        MissingError: There is none.
    """
    dataset = read_dataset(connection, dataset_id)
    moment = moment_of(connection, dataset, as_of)
    return _describe(connection, dataset, _at(connection, dataset, moment, as_of))


def tag_version(connection: Connection, dataset_id: UUID, as_of: int, tag: str) -> Row:
    """Give the version that was there at a time a name.

    Raises:
        MissingError: There is none.
    """
    dataset = read_dataset(connection, dataset_id)
    version = _at(connection, dataset, as_of, str(as_of))
    statement = upsert(connection, dataset_tags).values(dataset_id=dataset_id, tag=tag, as_of=version)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["dataset_id", "tag"], set_={"as_of": version})
    )
    return _describe(connection, dataset, version)


def compare(connection: Connection, dataset_id: UUID, begin: str, end: str) -> Diff:
    """Tell which examples differ between two versions.

    Only records that began or ended in between are looked at: what is valid at both ends is the same record.

    Raises:
        MissingError: There is no such version.
    """
    dataset = read_dataset(connection, dataset_id)
    first, last = (
        dataset["version"] if moment is None else moment
        for moment in (moment_of(connection, dataset, text) for text in (begin, end))
    )
    low, high = min(first, last), max(first, last)
    columns = example_versions.c
    own = select(columns.example_id).where(columns.dataset_id == dataset_id).order_by(columns.position)
    ended = own.where(columns.valid_to > low, columns.valid_to <= high, columns.valid_from <= low)
    began = own.where(columns.valid_from > low, columns.valid_from <= high, valid_at(high))
    before = list(connection.execute(ended).scalars())
    after = list(connection.execute(began).scalars())
    if first > last:
        before, after = after, before
    both = set(before) & set(after)
    return Diff(
        added=[example for example in after if example not in both],
        removed=[example for example in before if example not in both],
        modified=[example for example in after if example in both],
    )


def _at(connection: Connection, dataset: Row, moment: int | None, name: str) -> int:
    statement = select(dataset_versions.c.as_of).where(dataset_versions.c.dataset_id == dataset["id"])
    if moment is not None:
        statement = statement.where(dataset_versions.c.as_of <= moment)
    newest = statement.order_by(dataset_versions.c.as_of.desc()).limit(1)
    found: int | None = connection.execute(newest).scalar()
    if found is None:
        raise MissingError(f"Dataset version {name!r}")
    return found


def _describe(connection: Connection, dataset: Row, as_of: int) -> Row:
    statement = select(dataset_tags.c.tag).where(
        dataset_tags.c.dataset_id == dataset["id"], dataset_tags.c.as_of == as_of
    )
    tags = sorted(connection.execute(statement).scalars())
    return {"as_of": as_of, "tags": [LATEST, *tags] if as_of == dataset["version"] else tags}
