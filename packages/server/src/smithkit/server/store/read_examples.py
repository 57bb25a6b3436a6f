"""Reading examples of a version."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from smithkit.server.domain.jsons import load
from smithkit.server.store.dataset_tables import datasets, example_files, example_versions
from smithkit.server.store.orders import in_order
from smithkit.server.store.ownership import in_own_dataset
from smithkit.server.store.packing import unpack
from smithkit.server.store.versions import moment_of, read_dataset, valid_at
from smithkit.server.store.write_examples import SPLIT, chunks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.anchors import Anchors
    from smithkit.server.store.dataset_protocol import ExampleSelection
    from smithkit.server.store.orders import Orders

__all__ = ["load_light", "load_rows", "matching", "read_files", "scan", "select_examples", "select_splits"]

_columns = example_versions.c
_SCAN = 2000
_SORTED_BY = (
    _columns.row,
    _columns.example_id,
    _columns.position,
    _columns.valid_from,
    _columns.created_at,
)
_LIGHT = (
    _columns.row,
    _columns.example_id,
    _columns.position,
    _columns.valid_from,
    _columns.created_at,
    _columns.source_run_id,
    _columns.metadata,
)


def select_examples(
    connection: Connection, selection: ExampleSelection, anchors: Anchors, orders: Orders
) -> list[Row]:
    """Read the examples that a selection names, with their payloads.

    Raises:
        MissingError: The dataset, or the version, is not there.
    """
    if selection.order is not None:
        rows = _ordered(connection, selection, orders)
        return load_rows(connection, rows[selection.offset : selection.offset + selection.limit])
    if selection.ids is not None or selection.dataset_id is None:
        light = list(
            islice(_named(connection, selection), selection.offset, selection.offset + selection.limit)
        )
    else:
        light = _page(connection, selection, anchors)
    return load_rows(connection, [row["row"] for row in light])


def scan(
    connection: Connection, selection: ExampleSelection, moment: int | None, after: int
) -> Iterator[Row]:
    """Go through the records that match, without payloads, from a position on.

    Reads as many as a page needs if all match, and more at a time the fewer do.
    """
    statement = (
        select(*_LIGHT)
        .where(_columns.dataset_id == selection.dataset_id, valid_at(moment))
        .order_by(_columns.position)
    )
    step = min(selection.limit, _SCAN)
    while True:
        found = connection.execute(statement.where(_columns.position > after).limit(step)).mappings()
        rows = [dict(row) for row in found]
        yield from matching(selection, rows)
        if len(rows) < step:
            return
        after = rows[-1]["position"]
        step = min(2 * step, _SCAN)


def load_rows(connection: Connection, rows: Sequence[int]) -> list[Row]:
    """Read records with payloads and the name of their dataset, in the order given."""
    found: dict[int, Row] = {}
    statement = select(example_versions, datasets.c.name.label("dataset_name")).join(datasets)
    for part in chunks(rows):
        for row in connection.execute(statement.where(_columns.row.in_(part))).mappings():
            payloads = {
                name: None if row[name] is None else unpack(row[name]) for name in ("inputs", "outputs")
            }
            found[row["row"]] = {**row, **payloads}
    return [found[row] for row in rows]


def load_light(connection: Connection, rows: Sequence[int]) -> list[Row]:
    """Read records without payloads, in the order given; as many as fit into one statement."""
    found = connection.execute(select(*_LIGHT).where(_columns.row.in_(rows))).mappings()
    by_row = {row["row"]: dict(row) for row in found}
    return [by_row[row] for row in rows]


def read_files(connection: Connection, rows: Sequence[int]) -> dict[int, list[Row]]:
    """Read the files of records."""
    found: dict[int, list[Row]] = {row: [] for row in rows}
    for part in chunks(rows):
        statement = select(example_files).where(example_files.c.row.in_(part))
        for file in connection.execute(
            statement.order_by(example_files.c.row, example_files.c.place)
        ).mappings():
            found[file["row"]].append(dict(file))
    return found


def select_splits(connection: Connection, dataset_id: UUID, as_of: str | None) -> list[str]:
    """Read the names of a dataset's splits."""
    moment = moment_of(connection, read_dataset(connection, dataset_id), as_of)
    statement = (
        select(_columns.metadata).distinct().where(_columns.dataset_id == dataset_id, valid_at(moment))
    )
    names: set[str] = set()
    for metadata in connection.execute(statement).scalars():
        names.update(load(metadata.encode())[SPLIT])
    return sorted(names)


def _page(connection: Connection, selection: ExampleSelection, anchors: Anchors) -> list[Row]:
    assert selection.dataset_id is not None  # noqa: S101 - for the type checker
    dataset = read_dataset(connection, selection.dataset_id)
    moment = moment_of(connection, dataset, selection.as_of)
    listing = (dataset["id"], moment or dataset["version"], dataset["purges"], selection.key)
    passed, after = anchors.before(listing, selection.offset)
    if selection.matches is None and dataset["example_count"] == dataset["last_position"]:
        passed = after = selection.offset  # none was ever removed: positions count without gaps
    elif selection.matches is None and passed < selection.offset:
        found = _position_at(connection, selection, moment, after, selection.offset - passed)
        if found is None:
            return []
        passed, after = selection.offset, found
        anchors.add(listing, passed, after)
    rows = scan(connection, selection, moment, after)
    ahead = selection.offset - passed
    page = list(islice(rows, ahead, ahead + selection.limit))
    if page:
        anchors.add(listing, selection.offset + len(page), page[-1]["position"])
    return page


def _ordered(connection: Connection, selection: ExampleSelection, orders: Orders) -> Sequence[int]:
    """All records that match, in the order that is asked for."""
    if selection.ids is not None or selection.dataset_id is None:
        return in_order(_named(connection, selection), selection)
    dataset = read_dataset(connection, selection.dataset_id)
    moment = moment_of(connection, dataset, selection.as_of)
    version = moment or dataset["version"]
    selection = replace(selection, seed=f"{selection.seed} {version}", limit=_SCAN)
    listing = (dataset["id"], version, dataset["purges"], selection.key, selection.order, selection.seed)
    return orders.of(listing, lambda: in_order(_sortable(connection, selection, moment), selection))


def _sortable(connection: Connection, selection: ExampleSelection, moment: int | None) -> Iterable[Any]:
    """All records that match, with what orders look at."""
    if selection.matches is not None:
        return scan(connection, selection, moment, 0)
    of_version = select(*_SORTED_BY).where(_columns.dataset_id == selection.dataset_id, valid_at(moment))
    return connection.execute(of_version).mappings()


def _position_at(
    connection: Connection, selection: ExampleSelection, moment: int | None, after: int, count: int
) -> int | None:
    """Find the position of the record that many behind another one; an index alone answers this."""
    return connection.execute(
        select(_columns.position)
        .where(_columns.dataset_id == selection.dataset_id, valid_at(moment), _columns.position > after)
        .order_by(_columns.position)
        .limit(1)
        .offset(count - 1)
    ).scalar()


def _named(connection: Connection, selection: ExampleSelection) -> Iterator[Row]:
    """Go through the examples with certain ids, dataset by dataset."""
    ids = list(dict.fromkeys(selection.ids or ()))
    for dataset_id in [selection.dataset_id] if selection.dataset_id else _datasets_of(connection, ids):
        dataset = read_dataset(connection, dataset_id)
        moment = moment_of(connection, dataset, selection.as_of)
        rows: list[Row] = []
        for part in chunks(ids):
            by_ids = select(*_LIGHT).where(
                _columns.dataset_id == dataset_id, _columns.example_id.in_(part), valid_at(moment)
            )
            found = connection.execute(by_ids).mappings()
            rows += [dict(row) for row in found]
        yield from matching(selection, sorted(rows, key=lambda row: row["position"]))


def _datasets_of(connection: Connection, ids: Sequence[UUID]) -> list[UUID]:
    found: dict[UUID, None] = {}
    for part in chunks(ids):
        own = in_own_dataset(connection, _columns.dataset_id)
        statement = select(_columns.dataset_id).distinct().where(_columns.example_id.in_(part), own)
        found |= dict.fromkeys(connection.execute(statement).scalars())
    return sorted(found)


def matching(selection: ExampleSelection, rows: Sequence[Row]) -> Iterator[Row]:
    """Keep the records that a selection wants."""
    if selection.matches is None:
        yield from rows
        return
    for row in rows:
        if selection.matches(row, load(row["metadata"].encode())):
            yield row
