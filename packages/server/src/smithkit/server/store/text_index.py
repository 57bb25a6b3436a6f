"""The full-text index of runs: queued with every write, filled behind it, read before anything else.

An entry's position rises with its run's start time, so the newest of many hits are found without sorting
them all. An entry is never changed: a run that changes gets a new one, and the row in `run_texts` that
says whose the old one is forgets it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, select, text

from smithkit.server.domain.filters.evaluate import SEARCHED
from smithkit.server.store import postgres_text
from smithkit.server.store.bulk_insert import BulkInsert
from smithkit.server.store.stored_record import ARGUMENTS, StoredRecord
from smithkit.server.store.tables import run_payloads, runs
from smithkit.server.store.text_query import ROOT, metadata_tokens, session_token
from smithkit.server.store.text_tables import run_texts, text_queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row

__all__ = [
    "POSITION_BITS",
    "Entries",
    "count_queued",
    "drop_garbage",
    "enqueue",
    "enqueue_all",
    "forget_texts",
    "position_of",
    "prepare",
    "store",
]

_COUNTED = 100_000
_LATEST = 2**43 - 1  # milliseconds; positions have 63 bits
POSITION_BITS = 20
"""Lowest bits of a position, in which runs of one millisecond differ."""

_COLUMNS = (*SEARCHED, "scope", "pairs")
_ENQUEUE = BulkInsert(text_queue, ["run_id"])
_INSERT = text(
    f"INSERT INTO run_words (rowid, {', '.join(_COLUMNS)}) VALUES (:position, :{', :'.join(_COLUMNS)})"  # noqa: S608 - names of columns
)


@dataclass(slots=True)
class Entries:
    """What is to be indexed next.

    Attributes:
        positions: Of the queue.
        run_ids: The runs there.
        rows: Start time and words of those that are still stored.
    """

    positions: Sequence[int]
    run_ids: Sequence[UUID]
    rows: Sequence[Row]


def enqueue(connection: Connection, run_ids: Iterable[UUID]) -> None:
    """Remember that runs were written, in the transaction that writes them."""
    _ENQUEUE.execute(connection, [{"run_id": run_id} for run_id in run_ids])


def drop_garbage(connection: Connection) -> None:
    """Begin the index anew if most of it is of runs that are gone or have changed; gives their space back."""
    if connection.dialect.name != "sqlite":  # where entries are replaced and removed
        return
    entries, live = connection.execute(select(func.count(), func.count(run_texts.c.run_id))).one()
    if entries > 2 * live:
        connection.exec_driver_sql("INSERT INTO run_words (run_words) VALUES ('delete-all')")
        connection.execute(delete(run_texts))
        enqueue_all(connection)


def enqueue_all(connection: Connection) -> None:
    """Have every run indexed anew, in the background."""
    connection.execute(delete(text_queue))
    if connection.dialect.name != "sqlite":
        postgres_text.empty_words(connection)
    every = select(runs.c.id).order_by(runs.c.start_time)
    connection.execute(text_queue.insert().from_select(["run_id"], every))


def count_queued(connection: Connection, most: int = _COUNTED) -> int:
    """Count the runs that were written and are not indexed yet, as far as `most`."""
    some = select(text_queue.c.position).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def forget_texts(connection: Connection, run_ids: Sequence[UUID]) -> None:
    """Take runs that are removed out of the index."""
    if connection.dialect.name == "sqlite":
        _detach(connection, run_ids)
    else:
        postgres_text.forget_words(connection, run_ids)
    connection.execute(delete(text_queue).where(text_queue.c.run_id.in_(run_ids)))


def _detach(connection: Connection, run_ids: Sequence[UUID]) -> None:
    # The row stays: the index still has an entry at its position.
    connection.execute(run_texts.update().where(run_texts.c.run_id.in_(run_ids)).values(run_id=None))


def prepare(connection: Connection, most: int) -> Entries | None:
    """Read the runs that stand first in the queue, and cut their texts; None for an empty queue."""
    queue = connection.execute(select(text_queue).order_by(text_queue.c.position).limit(most)).all()
    if not queue:
        return None
    ids = list(dict.fromkeys(row.run_id for row in queue))
    columns = [(run_payloads if name in run_payloads.c else runs).c[name] for name in ARGUMENTS]
    own = (runs.c.id, runs.c.session_id, runs.c.parent_run_id, runs.c.start_time)
    statement = select(*own, *columns).join(run_payloads, run_payloads.c.run_id == runs.c.id, isouter=True)
    found = connection.execute(statement.where(runs.c.id.in_(ids)))
    return Entries([row.position for row in queue], ids, [_entry(*row) for row in found])


def _entry(run_id: UUID, session_id: UUID, parent_id: UUID | None, start: int, *columns: Any) -> Row:
    record = StoredRecord(*columns)
    scope = session_token(session_id)
    return {
        "run_id": run_id,
        "start_time": start,
        "scope": scope if parent_id else f"{scope} {ROOT}",
        "pairs": " ".join(metadata_tokens(record.document("metadata"))),
        **{name: " ".join(record.words(name)) for name in SEARCHED},
    }


def store(connection: Connection, entries: Entries) -> None:
    """Put entries into the index, and take them out of the queue.

    Args:
        connection: A connection that holds the write lock.
        entries: As `prepare` gave them.
    """
    if connection.dialect.name == "sqlite":
        _store(connection, entries)
    else:
        postgres_text.store_words(connection, entries.rows)
    gone = delete(text_queue).where(text_queue.c.position == bindparam("place"))
    connection.execute(gone, [{"place": place} for place in entries.positions])


def _store(connection: Connection, entries: Entries) -> None:
    _detach(connection, entries.run_ids)
    rows = sorted(entries.rows, key=lambda row: int(row["start_time"]))
    taken: dict[int, int] = {}
    for row in rows:
        beginning = position_of(row["start_time"])
        if beginning not in taken:
            taken[beginning] = _last(connection, beginning)
        taken[beginning] += 1
        row["position"] = taken[beginning]
    if rows:
        # Rising, or FTS5 writes a segment of its own for each.
        rows.sort(key=lambda row: int(row["position"]))
        connection.execute(
            run_texts.insert(), [{"position": row["position"], "run_id": row["run_id"]} for row in rows]
        )
        connection.execute(_INSERT, rows)


def _last(connection: Connection, beginning: int) -> int:
    """The last position in use among those of one start time."""
    own = run_texts.c.position.between(beginning, beginning + (1 << POSITION_BITS) - 1)
    found = connection.execute(select(func.max(run_texts.c.position)).where(own)).scalar()
    return beginning if found is None else int(found)


def position_of(start: int) -> int:
    """Give the position before all entries of a start time, to the millisecond."""
    return min(max(start // 1000, 0), _LATEST) << POSITION_BITS
