"""Writing examples inside a transaction: every write ends some records and begins others."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import bindparam, delete, func, select, update

from smithkit.server.domain.jsons import dump, load
from smithkit.server.store.dataset_protocol import MismatchError, MissingError, RefusalError, TakenError
from smithkit.server.store.dataset_tables import datasets, example_files, example_versions
from smithkit.server.store.ownership import foreign_runs, in_own_dataset
from smithkit.server.store.packing import pack
from smithkit.server.store.tables import attachments
from smithkit.server.store.versions import begin_version, moment_of, read_dataset, valid_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.blobs import Blobs
    from smithkit.server.store.dataset_protocol import ExampleChange, WriteMode

__all__ = [
    "SPLIT",
    "chunks",
    "clone_examples",
    "end_examples",
    "move_split",
    "purge",
    "write_changes",
    "write_new",
]

SPLIT = "dataset_split"
"""Where an example's metadata names its splits."""

_BASE = "base"
_CHUNK = 500
_CHUNK_BYTES = 4 * 1024 * 1024  # after which a part has enough examples, however few
_FILE_COLUMNS = ("name", "mime_type", "digest", "size")


def write_changes(
    connection: Connection, changes: Sequence[ExampleChange], mode: WriteMode, blobs: Blobs
) -> int:
    """Store examples, as one version of each of their datasets.

    Args:
        connection: A connection that holds the write lock.
        changes: The examples.
        mode: Whether they must be new, must be there, or may be either.
        blobs: Where files go.

    Returns:
        The newest version's time; 0 if there are no changes.

    Raises:
        MissingError: A dataset, or an example to update, is not there.
        TakenError: An id is in use.
        MismatchError: An example belongs to another dataset.
    """
    present = {row["example_id"]: row for row in _live(connection, [change.id for change in changes])}
    by_dataset = _by_dataset(changes, present, mode)
    if sum(map(len, by_dataset.values())) != len({change.id for change in changes}):
        raise TakenError("The request names an example id more than once")
    newest = 0
    for dataset_id, own in by_dataset.items():
        dataset = read_dataset(connection, dataset_id)
        begun = _Version(connection, dataset, blobs)
        for change in own:
            begun.apply(change, present.get(change.id))
        newest = max(newest, begun.store())
    return newest


def write_new(connection: Connection, dataset_id: UUID, changes: Iterable[ExampleChange]) -> None:
    """Store any number of new examples as one version of a dataset, some at a time.

    Args:
        connection: A connection that holds the write lock.
        dataset_id: The dataset.
        changes: The examples, without files.

    Raises:
        TakenError: An id is in use.
    """
    begun = _Version(connection, read_dataset(connection, dataset_id), None)
    for part in _parts(changes):
        for row in _live(connection, [change.id for change in part]):
            raise TakenError(f"Example {row['example_id']} already exists")
        for change in part:
            begun.apply(change, None)
        begun.flush()
    begun.store()


def end_examples(connection: Connection, ids: Sequence[UUID]) -> int:
    """Remove examples from the present version of their datasets; history keeps them.

    Returns:
        How many there were.
    """
    live = _live(connection, ids, in_own_dataset(connection, example_versions.c.dataset_id))
    by_dataset: dict[UUID, list[Row]] = defaultdict(list)
    for row in live:
        by_dataset[row["dataset_id"]].append(row)
    for dataset_id, rows in by_dataset.items():
        dataset = read_dataset(connection, dataset_id)
        _end(connection, [row["row"] for row in rows], begin_version(connection, dataset))
        _count(connection, dataset, -len(rows), dataset["last_position"])
    return len(live)


def move_split(
    connection: Connection, dataset_id: UUID, name: str, ids: Sequence[UUID], *, remove: bool
) -> None:
    """Put examples into a split, or take them out; those that are there already do not change.

    Raises:
        MissingError: An example is not there.
        MismatchError: An example belongs to another dataset.
    """
    dataset = read_dataset(connection, dataset_id)
    begun = _Version(connection, dataset, None)
    live = {row["example_id"]: row for row in _live(connection, ids)}
    for example_id in dict.fromkeys(ids):
        row = live.get(example_id)
        if row is None:
            raise MissingError(f"Example {example_id}")
        if row["dataset_id"] != dataset_id:
            raise MismatchError("Dataset ID mismatch")
        metadata = load(row["metadata"].encode())
        splits = [split for split in metadata[SPLIT] if split != name] + ([] if remove else [name])
        if splits != metadata[SPLIT]:
            begun.replace(row, {"metadata": _written(metadata, splits or [_BASE])})
    begun.store()


def clone_examples(
    connection: Connection,
    source: UUID,
    target: UUID,
    as_of: str | None,
    ids: Collection[UUID] | None,
    *,
    splits: Collection[str] | None = None,
) -> list[UUID]:
    """Copy examples, those of some splits or all, and the names of their files into another dataset.

    Returns:
        The copies' ids.

    Raises:
        MissingError: A dataset, or the version, is not there.
    """
    origin, dataset = read_dataset(connection, source), read_dataset(connection, target)
    columns = example_versions.c
    statement = select(columns.row).where(
        columns.dataset_id == source, valid_at(moment_of(connection, origin, as_of))
    )
    if ids is not None:
        statement = statement.where(columns.example_id.in_(ids))
    rows = list(connection.execute(statement.order_by(columns.position)).scalars())
    begun = _Version(connection, dataset, None)
    copies = []
    for part in chunks(rows):
        for row in connection.execute(
            select(example_versions).where(columns.row.in_(part)).order_by(columns.position)
        ).mappings():
            if splits and set(splits).isdisjoint(load(row["metadata"].encode())[SPLIT]):
                continue
            copies.append(uuid4())
            begun.add({**row, "example_id": copies[-1]}, _files(connection, row["row"]))
        begun.flush()
    begun.store()
    return copies


def chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut a sequence into pieces that fit into one statement."""
    for at in range(0, len(items), _CHUNK):
        yield items[at : at + _CHUNK]


def _parts(changes: Iterable[ExampleChange]) -> Iterator[list[ExampleChange]]:
    """Cut changes into pieces that fit into one statement, and into memory."""
    part: list[ExampleChange] = []
    size = 0
    for change in changes:
        part.append(change)
        size += len(change.inputs or b"") + len(change.outputs or b"")
        if len(part) == _CHUNK or size >= _CHUNK_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


class _Version:
    """Collects the records that a write ends and begins, and stores them as a new version of a dataset.

    Args:
        connection: A connection that holds the write lock.
        dataset: The dataset's record.
        blobs: Where files go.
    """

    def __init__(self, connection: Connection, dataset: Row, blobs: Blobs | None) -> None:
        self._connection = connection
        self._dataset = dataset
        self._blobs = blobs
        self._position = dataset["last_position"]
        self._row = connection.execute(
            select(func.coalesce(func.max(example_versions.c.row), 0))
        ).scalar_one()
        self._as_of: int | None = None
        self._ended: list[int] = []
        self._added = 0
        self._begun: list[Row] = []
        self._files: list[Row] = []

    def apply(self, change: ExampleChange, present: Row | None) -> None:
        """Store one change."""
        files = _next_files(change, [] if present is None else _files(self._connection, present["row"]))
        files += _run_files(self._connection, change)
        for file in change.files:
            if self._blobs is not None:
                self._blobs.place(file.blob)
            own = {"name": file.name, "mime_type": file.mime_type}
            files = [other for other in files if other["name"] != file.name]
            files.append(own | {"digest": file.blob.digest, "size": file.blob.size})
        values = _values(change, present)
        if present is None:
            self.add(values, files)
        else:
            self._replace(present, values, files)

    def add(self, values: Row, files: list[Row]) -> None:
        """Begin the record of a new example."""
        self._position += 1
        self._added += 1
        self._begin({**values, "position": self._position}, files)

    def replace(self, present: Row, values: Row) -> None:
        """End a record and begin one with other values, and the same files."""
        self._replace(present, values, _files(self._connection, present["row"]))

    def _replace(self, present: Row, values: Row, files: list[Row]) -> None:
        self._ended.append(present["row"])
        self._begin({**present, **values}, files)

    def _begin(self, values: Row, files: list[Row]) -> None:
        self._row += 1
        self._begun.append({**values, "row": self._row, "dataset_id": self._dataset["id"], "valid_to": None})
        self._files += [{**file, "row": self._row, "place": place} for place, file in enumerate(files)]

    def store(self) -> int:
        """Write it all; gives the version's time."""
        self.flush()
        if self._as_of is None:
            return int(self._dataset["version"])
        _count(self._connection, self._dataset, self._added, self._position)
        return self._as_of

    def flush(self) -> None:
        """Write what was collected since the last time, and let go of it."""
        if not self._begun:
            return
        if self._as_of is None:
            self._as_of = begin_version(self._connection, self._dataset)
        as_of = self._as_of
        _end(self._connection, self._ended, as_of)
        rows = [{"created_at": as_of} | row | {"valid_from": as_of} for row in self._begun]
        self._connection.execute(example_versions.insert(), rows)
        if self._files:
            self._connection.execute(example_files.insert(), self._files)
        self._ended, self._begun, self._files = [], [], []


def _by_dataset(
    changes: Sequence[ExampleChange], present: Mapping[UUID, Row], mode: WriteMode
) -> dict[UUID, list[ExampleChange]]:
    """Sort changes by dataset; what is raised names all that cannot be made for the same reason."""
    by_dataset: dict[UUID, list[ExampleChange]] = defaultdict(list)
    refused: dict[UUID, RefusalError] = {}
    for change in changes:
        try:
            by_dataset[_check(change, present.get(change.id), mode)].append(change)
        except RefusalError as error:
            refused[change.id] = error
    if refused:
        first = next(iter(refused.values()))
        alike = {key: str(error) for key, error in refused.items() if type(error) is type(first)}
        others = f" (and {len(alike) - 1} more)" if len(alike) > 1 else ""
        raise type(first)(f"{first}{others}", alike)
    return by_dataset


def _check(change: ExampleChange, present: Row | None, mode: WriteMode) -> UUID:
    if present is None:
        if mode == "update":
            raise MissingError(f"Example {change.id}")
        if change.dataset_id is None:
            raise MissingError(f"Dataset of example {change.id}")
        return change.dataset_id
    if mode == "create":
        raise TakenError(f"Example {change.id} already exists")
    if change.dataset_id not in {None, present["dataset_id"]}:
        raise MismatchError("Dataset ID mismatch")
    own: UUID = present["dataset_id"]
    return own


def _live(connection: Connection, ids: Sequence[UUID], *conditions: ColumnElement[bool]) -> list[Row]:
    """The present records of examples, in all workspaces: no two examples have one id."""
    found: list[Row] = []
    for part in chunks(list(dict.fromkeys(ids))):
        named = example_versions.c.example_id.in_(part)
        statement = select(example_versions).where(named, valid_at(None), *conditions)
        found += [dict(row) for row in connection.execute(statement).mappings()]
    return found


def _values(change: ExampleChange, present: Row | None) -> Row:
    values: Row = {
        "example_id": change.id,
        "metadata": _metadata(change, present),
    }
    if present is None:
        values |= {"inputs": None, "outputs": None, "source_run_id": None}
    for name in ("inputs", "outputs"):
        payload: bytes | None = getattr(change, name)
        if payload is not None:
            values[name] = pack(payload)
    for name in ("created_at", "source_run_id"):
        if getattr(change, name) is not None:
            values[name] = getattr(change, name)
    return values


def _metadata(change: ExampleChange, present: Row | None) -> str:
    before: dict[str, Any] = {SPLIT: [_BASE]} if present is None else load(present["metadata"].encode())
    after = before if change.metadata is None else {SPLIT: before[SPLIT], **change.metadata}
    splits = change.split or after[SPLIT]
    return _written(after, [splits] if isinstance(splits, str) else splits)


def _written(metadata: dict[str, Any], splits: list[str]) -> str:
    return dump({**metadata, SPLIT: splits}).decode()


def _next_files(change: ExampleChange, present: list[Row]) -> list[Row]:
    if change.operations is None:
        return [] if change.files else present
    names = {name: name for name in change.operations.retain} | change.operations.rename
    absent = names.keys() - {file["name"] for file in present}
    if absent:
        raise MissingError(f"Attachment {min(absent)!r} of example {change.id}")
    return [{**file, "name": names[file["name"]]} for file in present if file["name"] in names]


def _files(connection: Connection, row: int) -> list[Row]:
    columns = [example_files.c[name] for name in _FILE_COLUMNS]
    statement = select(*columns).where(example_files.c.row == row).order_by(example_files.c.place)
    return [dict(file) for file in connection.execute(statement).mappings()]


def _run_files(connection: Connection, change: ExampleChange) -> list[Row]:
    if not change.run_files or change.source_run_id is None:
        return []
    columns = [attachments.c[name] for name in _FILE_COLUMNS]
    statement = select(*columns).where(
        attachments.c.run_id == change.source_run_id, attachments.c.name.in_(change.run_files)
    )
    if foreign_runs(connection, [change.source_run_id]):
        raise MissingError(f"Run {change.source_run_id}")
    found = [dict(file) for file in connection.execute(statement.order_by(attachments.c.position)).mappings()]
    absent = set(change.run_files) - {file["name"] for file in found}
    if absent:
        raise MissingError(f"Attachment {min(absent)!r} of run {change.source_run_id}")
    return found


def _end(connection: Connection, rows: Sequence[int], as_of: int) -> None:
    if rows:
        statement = update(example_versions).where(example_versions.c.row == bindparam("ended_row"))
        connection.execute(statement.values(valid_to=as_of), [{"ended_row": row} for row in rows])


def _count(connection: Connection, dataset: Row, added: int, position: int) -> None:
    connection.execute(
        update(datasets)
        .where(datasets.c.id == dataset["id"])
        .values(example_count=datasets.c.example_count + added, last_position=position)
    )


def purge(connection: Connection, rows: Sequence[int]) -> set[bytes]:
    """Remove example records for good.

    Args:
        connection: A connection that holds the write lock.
        rows: The records, at most as many as fit into one statement.

    Returns:
        Digests of files that were in use.
    """
    of_rows = example_files.c.row.in_(rows)
    digests = set(connection.execute(select(example_files.c.digest).where(of_rows)).scalars())
    connection.execute(delete(example_files).where(of_rows))
    connection.execute(delete(example_versions).where(example_versions.c.row.in_(rows)))
    return digests
