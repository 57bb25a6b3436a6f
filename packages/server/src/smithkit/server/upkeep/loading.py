"""Records into a database, which may be empty or have some of them already."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, Table, UniqueConstraint, func, select, tuple_

from smithkit.server.store.tables import sessions, workspaces
from smithkit.server.store.write_sessions import DEFAULT_PROJECT
from smithkit.server.upkeep.derived import rebuild
from smithkit.server.upkeep.errors import UpkeepError
from smithkit.server.upkeep.records import BlobRecord, exported_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.upkeep.database import Database
    from smithkit.server.upkeep.records import Record
    from smithkit.server.upkeep.rows import Row

__all__ = ["Loaded", "load"]

_ROWS = 500
_BYTES = 8 * 1024 * 1024
_SPILL = 64 * 1024


@dataclass(slots=True)
class Loaded:
    """What became of the records.

    Attributes:
        added: Table → rows that are new; ``blobs`` counts files.
        present: Table → rows that were there already.
        refused: Table → rows that another one with the same name or place keeps out.
        renamed: Names that were taken, with the new ones.
    """

    added: Counter[str] = field(default_factory=Counter)
    present: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    renamed: list[tuple[str, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """What became of them, for programs."""
        counts = {name: dict(+getattr(self, name)) for name in ("added", "present", "refused")}
        return counts | {"renamed": self.renamed}


def load(database: Database, records: Iterable[Record]) -> Loaded:
    """Store records, in short transactions, and work out what is derived from them.

    Doing it again changes nothing; what stopped half-way can simply be done again.

    Args:
        database: Where to.
        records: Blobs, and rows in an order in which they can be inserted.

    Returns:
        What became of them.

    Raises:
        UpkeepError: A blob is not what its digest says.
    """
    loader = _Loader(database)
    try:
        for record in records:
            loader.take(record)
    finally:
        # What was stored before an error counts in figures too.
        loader.flush()
        with database.engine.begin() as connection:
            rebuild(connection)
    return loader.loaded


class _Loader:
    def __init__(self, database: Database) -> None:
        self.loaded = Loaded()
        self._database = database
        self._table: Table | None = None
        self._rows: list[Row] = []
        self._size = 0
        self._workspaces: dict[UUID, UUID] = {}
        self._numbers: defaultdict[Table, _Renumbering] = defaultdict(_Renumbering)
        with database.engine.begin() as connection:
            _empty_if_new(database, connection)

    def take(self, record: Record) -> None:
        if isinstance(record, BlobRecord):
            self._store_blob(record)
            return
        if record.table is not self._table or len(self._rows) >= _ROWS or self._size > _BYTES:
            self.flush()
            self._table = record.table
        self._rows.append(record.values)
        self._size += sum(len(value) for value in record.values.values() if isinstance(value, bytes | str))

    def flush(self) -> None:
        table, rows = self._table, self._rows
        self._rows, self._size = [], 0
        if table is None or not rows:
            return
        with self._database.engine.begin() as connection:
            if table is workspaces:
                self._settle_workspaces(connection, rows)
            self._point_at_what_is_here(table, rows)
            fresh = (
                self._numbered(connection, table, rows)
                if _is_numbered(table)
                else self._database.rows.absent(connection, table, rows)
            )
            self.loaded.present[table.name] += len(rows) - len(fresh)
            self._rename_taken(connection, table, fresh)
            self._insert(connection, table, fresh)

    def _store_blob(self, record: BlobRecord) -> None:
        present = self._database.blobs.find(record.digest) is not None
        sink = self._database.blobs.sink(_SPILL)
        try:
            for piece in record.pieces:
                sink.write(piece)
            blob = sink.finish()
        except BaseException:
            sink.discard()
            raise
        if blob.digest != record.digest:
            blob.discard()
            raise UpkeepError(f"the file {record.digest.hex()} is damaged: its content has another digest")
        if not present:
            self._database.blobs.place(blob)
        blob.discard()
        (self.loaded.present if present else self.loaded.added)["blobs"] += 1

    def _settle_workspaces(self, connection: Connection, rows: list[Row]) -> None:
        """Let what comes from one other workspace go into the only one that is here."""
        here = list(connection.execute(select(workspaces.c.id)).scalars())
        strange = [row["id"] for row in rows if row["id"] not in here]
        if len(here) == 1 and len(strange) == 1 and not self._workspaces:
            self._workspaces[strange[0]] = here[0]
            for row in rows:
                row["id"] = self._workspaces.get(row["id"], row["id"])

    def _point_at_what_is_here(self, table: Table, rows: list[Row]) -> None:
        for key in table.foreign_keys:
            name, target = key.parent.name, key.column.table
            if target is workspaces:
                for row in rows:
                    row[name] = self._workspaces.get(row[name], row[name])
            elif _is_numbered(target):
                for row in rows:
                    row[name] = self._numbers[target].new(row[name])

    def _numbered(self, connection: Connection, table: Table, rows: list[Row]) -> list[Row]:
        """Give rows whose primary key is but a number one that is free here; they are known by other columns."""
        (number,) = table.primary_key.columns
        names = _identity(table)
        own = tuple_(*(table.c[name] for name in names))
        wanted = [tuple(row[name] for name in names) for row in rows]
        statement = select(number, *(table.c[name] for name in names)).where(own.in_(wanted))
        here = {tuple(found[1:]): found[0] for found in connection.execute(statement)}
        numbers = self._numbers[table]
        numbers.begin(connection.execute(select(func.max(number))).scalar() or 0)
        fresh = []
        for row, identity in zip(rows, wanted, strict=True):
            if identity in here:
                numbers.note(row[number.name], here[identity])
            else:
                row[number.name] = numbers.assign(row[number.name])
                fresh.append(row)
        return fresh

    def _rename_taken(self, connection: Connection, table: Table, rows: list[Row]) -> None:
        if not _is_named(table) or not rows:
            return
        own = tuple_(table.c.workspace_id, table.c.name)
        wanted = [(row["workspace_id"], row["name"]) for row in rows]
        statement = select(table.c.workspace_id, table.c.name).where(own.in_(wanted))
        taken = {tuple(found) for found in connection.execute(statement)}
        for row in rows:
            if (row["workspace_id"], row["name"]) in taken:
                before, row["name"] = row["name"], f"{row['name']}-{row['id'].hex[-8:]}"
                self.loaded.renamed.append((before, row["name"]))

    def _insert(self, connection: Connection, table: Table, rows: list[Row]) -> None:
        if rows:
            added = self._database.rows.insert(connection, table, rows)
            self.loaded.added[table.name] += added
            if added < len(rows):
                self.loaded.refused[table.name] += len(rows) - added


class _Renumbering:
    """Old number → new one. Numbers that moved by the same distance cost memory once."""

    def __init__(self) -> None:
        self._offset: int | None = None
        self._starts: list[int] = []
        self._distances: list[int] = []

    def begin(self, highest: int) -> None:
        """Put new rows behind those that were here first."""
        if self._offset is None:
            self._offset = highest

    def assign(self, old: int) -> int:
        new = old + (self._offset or 0)
        self.note(old, new)
        return new

    def note(self, old: int, new: int) -> None:
        if not self._distances or self._distances[-1] != new - old:
            self._starts.append(old)
            self._distances.append(new - old)

    def new(self, old: int) -> int:
        place = bisect_right(self._starts, old) - 1
        return old + self._distances[place] if place >= 0 else old


def _is_numbered(table: Table) -> bool:
    columns = list(table.primary_key.columns)
    return len(columns) == 1 and type(columns[0].type) is Integer and not columns[0].foreign_keys


def _identity(table: Table) -> Sequence[str]:
    if "identity" in table.info:
        names: Sequence[str] = table.info["identity"]
        return names
    uniques = (key for key in table.constraints if isinstance(key, UniqueConstraint))
    return min([column.name for column in key.columns] for key in uniques)


def _is_named(table: Table) -> bool:
    uniques = (key for key in table.constraints if isinstance(key, UniqueConstraint))
    return any([column.name for column in key.columns] == ["workspace_id", "name"] for key in uniques)


def _empty_if_new(database: Database, connection: Connection) -> None:
    """Remove what a new database begins with, so that the records' own workspace takes its place."""
    for table in exported_tables():
        if table is sessions:
            found = connection.execute(select(table.c.name).limit(2)).scalars().all()
            if found not in ([], [DEFAULT_PROJECT]):
                return
        elif table is not workspaces and next(database.rows.read(connection, table), None) is not None:
            return
    for table in (sessions, workspaces):
        connection.execute(table.delete())
