"""Writing a batch of runs inside a transaction."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from smithkit.server.domain.runs import PAYLOADS, Row, merge, new_row
from smithkit.server.domain.times import now
from smithkit.server.store.access import require_alone, writes_alone
from smithkit.server.store.bulk_insert import BulkInsert
from smithkit.server.store.dataset_protocol import TakenError
from smithkit.server.store.inserts import upsert
from smithkit.server.store.kept_figures import FigureChanges
from smithkit.server.store.linking import link_runs
from smithkit.server.store.ownership import foreign_runs, in_own_session, own_sessions
from smithkit.server.store.tables import attachments, run_payloads, runs
from smithkit.server.store.text_index import enqueue
from smithkit.server.store.write_feedback import adopt_feedback, put_feedback
from smithkit.server.store.write_sessions import SessionResolver

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from uuid import UUID

    from sqlalchemy import Connection, Table

    from smithkit.server.domain.runs import RunChange
    from smithkit.server.store.blobs import Blobs
    from smithkit.server.store.protocol import RunBatch

__all__ = ["write_attachments", "write_batch"]

_CHUNK = 500
_UNLINKED = ~runs.c.linked


_INSERT_RUNS = BulkInsert(runs)
_INSERT_PAYLOADS = BulkInsert(run_payloads)


def write_batch(connection: Connection, batch: RunBatch, blobs: Blobs) -> None:
    """Merge and store everything that a request brought.

    Args:
        connection: A connection that holds the write lock.
        batch: What to store.
        blobs: Where attachments go.

    Raises:
        TakenError: The id of a run, or of a project, is in use in another workspace.
        FeedbackRefusedError: A feedback cannot be accepted.
    """
    moment = now()
    taken = foreign_runs(connection, {item.run_id for item in batch.attachments})
    if taken:
        raise TakenError(f"Run id {min(taken)} is in use")
    if batch.changes:
        _write_runs(connection, batch.changes, SessionResolver(connection, moment), moment)
    for item in batch.attachments:
        blobs.place(item.blob)
    write_attachments(connection, batch)
    if batch.feedback:
        put_feedback(connection, batch.feedback, moment)


def _write_runs(
    connection: Connection, changes: list[RunChange], sessions: SessionResolver, moment: int
) -> None:
    by_run: dict[UUID, list[RunChange]] = defaultdict(list)
    for change in changes:
        by_run[change.id].append(change)
        session_id = sessions.resolve(change.session_id, change.session_name)
        if session_id is not None:
            change.values["session_id"] = session_id
    before = _read_to_change(connection, by_run)
    _check_own(connection, before.values())
    after: dict[UUID, Row] = {}
    payloads: dict[UUID, dict[str, bytes]] = {}
    for run_id, messages in by_run.items():
        row = dict(before[run_id]) if run_id in before else new_row(run_id, moment)
        after[run_id], payloads[run_id] = merge(row, messages)
        if row["session_id"] is None:
            row["session_id"] = sessions.default()
    _link(connection, before, after)
    _store_rows(connection, before, after, moment)
    _store_payloads(connection, before, payloads)
    enqueue(connection, after)
    _bring_feedback(connection, before, after, moment)
    # Last: who writes beside others keeps them from counting until the end.
    _count(connection, before, after)


def _check_own(connection: Connection, rows: Collection[Row]) -> None:
    """Refuse to change another workspace's runs."""
    homes = {row["session_id"] for row in rows}
    own = set(own_sessions(connection, homes)) if homes else homes
    if homes != own:
        taken = min(row["id"] for row in rows if row["session_id"] not in own)
        raise TakenError(f"Run id {taken} is in use")


def _bring_feedback(
    connection: Connection, before: dict[UUID, Row], after: dict[UUID, Row], moment: int
) -> None:
    fresh = {run_id: row["session_id"] for run_id, row in after.items() if run_id not in before}
    adopt_feedback(connection, fresh, moment, fresh=True)
    moved = {
        run_id: after[run_id]["session_id"]
        for run_id, old in before.items()
        if old["session_id"] != after[run_id]["session_id"]
    }
    adopt_feedback(connection, moved, moment, fresh=False)


def _read_to_change(connection: Connection, ids: Collection[UUID]) -> dict[UUID, Row]:
    """Read runs, and keep others from changing them; in one order, so that nobody waits in a circle."""
    if writes_alone(connection):
        return _read(connection, runs.c.id, ids)
    found: dict[UUID, Row] = {}
    wanted = sorted(ids)
    for at in range(0, len(wanted), _CHUNK):
        own = select(runs).where(runs.c.id.in_(wanted[at : at + _CHUNK]))
        for row in connection.execute(own.order_by(runs.c.id).with_for_update()).mappings():
            found[row["id"]] = dict(row)
    return found


def _read(connection: Connection, column: Any, values: Iterable[UUID], *conditions: Any) -> dict[UUID, Row]:
    found: dict[UUID, Row] = {}
    wanted = list(values)
    for at in range(0, len(wanted), _CHUNK):
        statement = select(runs).where(column.in_(wanted[at : at + _CHUNK]), *conditions)
        found |= {row.id: dict(row._mapping) for row in connection.execute(statement)}  # noqa: SLF001 - its public name
    return found


def _link(connection: Connection, before: dict[UUID, Row], after: dict[UUID, Row]) -> None:
    own = in_own_session(connection, runs.c.session_id)
    if not all(row["linked"] for row in after.values()):
        require_alone(connection)  # a parent may be on its way
    stored_wait = connection.execute(select(runs.c.id).where(_UNLINKED).limit(1)).first() is not None

    def read(ids: Collection[UUID]) -> Iterable[Row]:
        return _read(connection, runs.c.id, ids, own).values()

    def read_waiting(parents: Collection[UUID]) -> Iterable[Row]:
        if not stored_wait:
            return ()
        found = _read(connection, runs.c.parent_run_id, parents, _UNLINKED, own)
        if found.keys() - after.keys():
            require_alone(connection)
        return found.values()

    link_runs(before, after, read, read_waiting)


def _store_rows(connection: Connection, before: dict[UUID, Row], after: dict[UUID, Row], moment: int) -> None:
    fresh = [row for run_id, row in after.items() if run_id not in before]
    _INSERT_RUNS.execute(connection, fresh)
    # Columns that stay are left out: naming an indexed one makes SQLite rewrite its index entry.
    changed: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for run_id, old in before.items():
        new = after[run_id]
        columns = tuple(name for name, value in new.items() if old[name] != value)
        changed[columns].append(
            {"key": run_id, "modified_at": moment, **{name: new[name] for name in columns}}
        )
    for columns, rows in changed.items():
        _update(connection, runs, "id", {*columns, "modified_at"}, rows)


def _count(connection: Connection, before: dict[UUID, Row], after: dict[UUID, Row]) -> None:
    changes = FigureChanges()
    for run_id, row in after.items():
        if run_id in before:
            changes.replace(before[run_id], row)
        else:
            changes.add(row)
    changes.store(connection)


def _store_payloads(
    connection: Connection, before: dict[UUID, Row], payloads: dict[UUID, dict[str, bytes]]
) -> None:
    empty = dict.fromkeys(PAYLOADS)
    fresh = [
        {"run_id": run_id, **empty, **values} for run_id, values in payloads.items() if run_id not in before
    ]
    _INSERT_PAYLOADS.execute(connection, fresh)
    changed: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for run_id, values in payloads.items():
        if run_id in before and values:
            changed[tuple(sorted(values))].append({"key": run_id, **values})
    for names, rows in changed.items():
        _update(connection, run_payloads, "run_id", set(names), rows)


def _update(connection: Connection, table: Table, key: str, columns: set[str], rows: list[Row]) -> None:
    values: dict[str, Any] = {name: bindparam(name) for name in sorted(columns)}
    connection.execute(table.update().where(table.c[key] == bindparam("key")).values(values), rows)


def write_attachments(connection: Connection, batch: RunBatch) -> None:
    """Store the records of a request's files."""
    if not batch.attachments:
        return
    statement = upsert(connection, attachments)
    new = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["run_id", "name"],
            set_={"mime_type": new.mime_type, "digest": new.digest, "size": new.size},
        ),
        [
            {
                "run_id": item.run_id,
                "name": item.name,
                "mime_type": item.mime_type,
                "digest": item.blob.digest,
                "size": item.blob.size,
            }
            for item in batch.attachments
        ],
    )
