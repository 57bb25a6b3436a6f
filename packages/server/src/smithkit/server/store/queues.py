"""Annotation queues inside a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
from sqlalchemy import and_, delete, or_, select

from smithkit.server.store.access import workspace_of
from smithkit.server.store.feedback_protocol import FeedbackRefusedError
from smithkit.server.store.feedback_tables import annotation_queue_runs, annotation_queues
from smithkit.server.store.inserts import upsert
from smithkit.server.store.ownership import in_own_session
from smithkit.server.store.tables import feedback, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, Select

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.feedback_protocol import QueueSelection

__all__ = [
    "delete_queue",
    "delete_queue_run",
    "insert_queue",
    "insert_queue_runs",
    "select_queue_runs",
    "select_queued",
    "select_queues",
    "update_queue",
    "update_queue_run",
]

_CHUNK = 500
_own = annotation_queue_runs


def insert_queue(connection: Connection, values: Row) -> Row | None:
    """Make a queue; None if the id is taken."""
    taken = select(annotation_queues.c.id).where(annotation_queues.c.id == values["id"])
    if connection.execute(taken).first() is not None:
        return None
    connection.execute(annotation_queues.insert(), values)
    return values


def update_queue(connection: Connection, queue_id: UUID, values: Row) -> Row | None:
    """Change a queue; None if there is none."""
    own = _mine(connection, queue_id)
    connection.execute(annotation_queues.update().where(own).values(values))
    return _read(connection, queue_id)


def delete_queue(connection: Connection, queue_id: UUID) -> bool:
    """Remove a queue; False if there is none."""
    if _read(connection, queue_id) is None:
        return False
    connection.execute(delete(_own).where(_own.c.queue_id == queue_id))
    connection.execute(delete(annotation_queues).where(annotation_queues.c.id == queue_id))
    return True


def select_queues(connection: Connection, selection: QueueSelection) -> list[Row]:
    """Read queues, oldest first."""
    table = annotation_queues
    own = table.c.workspace_id == workspace_of(connection)
    statement = select(table).where(own).order_by(table.c.created_at, table.c.id)
    if selection.ids is not None:
        statement = statement.where(table.c.id.in_(selection.ids))
    if selection.name is not None:
        statement = statement.where(table.c.name == selection.name)
    if selection.name_contains:
        statement = statement.where(table.c.name.icontains(selection.name_contains, autoescape=True))
    statement = statement.limit(selection.limit).offset(selection.offset)
    return [dict(row) for row in connection.execute(statement).mappings()]


def insert_queue_runs(
    connection: Connection, queue_id: UUID, run_ids: Sequence[UUID], moment: int
) -> list[Row] | None:
    """Put runs into a queue; those that are in it stay where they are. None if there is no such queue."""
    if _read(connection, queue_id) is None:
        return None
    rows = [
        {"id": uuid4(), "queue_id": queue_id, "run_id": run_id, "completed": False, "added_at": moment}
        for run_id in dict.fromkeys(run_ids)
    ]
    if rows:
        connection.execute(upsert(connection, _own).on_conflict_do_nothing(), rows)
    found: list[Row] = []
    for at in range(0, len(run_ids), _CHUNK):
        chunk = run_ids[at : at + _CHUNK]
        statement = select(_own).where(_own.c.queue_id == queue_id, _own.c.run_id.in_(chunk))
        found += map(dict, connection.execute(statement.order_by(_own.c.position)).mappings())
    return found


def delete_queue_run(connection: Connection, queue_id: UUID, run_id: UUID) -> bool:
    """Take a run out of a queue; False if it is not in it."""
    if _read(connection, queue_id) is None:
        return False
    gone = delete(_own).where(_own.c.queue_id == queue_id, _own.c.run_id == run_id)
    return bool(connection.execute(gone).rowcount)


def select_queue_runs(
    connection: Connection,
    queue_id: UUID,
    *,
    moment: int,
    status: str | None,
    reviewer: str | None,
    open_only: bool,
    limit: int,
    offset: int,
) -> list[Row]:
    """Read the records of a queue's runs that have arrived, in the order in which they were added."""
    queued = _queued(connection, queue_id, moment, status=status, reviewer=reviewer, open_only=open_only)
    arrived = queued.join(runs, runs.c.id == _own.c.run_id).where(
        in_own_session(connection, runs.c.session_id)
    )
    return [dict(row) for row in connection.execute(arrived.limit(limit).offset(offset)).mappings()]


def select_queued(
    connection: Connection,
    queue_id: UUID,
    *,
    moment: int,
    status: str | None,
    reviewer: str | None,
    open_only: bool,
    after: int,
    limit: int,
) -> list[Row]:
    """The same behind a position of the queue, whether or not the runs have arrived."""
    queued = _queued(connection, queue_id, moment, status=status, reviewer=reviewer, open_only=open_only)
    page = queued.where(_own.c.position > after).limit(limit)
    return [dict(row) for row in connection.execute(page).mappings()]


def _queued(
    connection: Connection,
    queue_id: UUID,
    moment: int,
    *,
    status: str | None,
    reviewer: str | None,
    open_only: bool,
) -> Select[Any]:
    own = select(_own).join(annotation_queues, annotation_queues.c.id == _own.c.queue_id)
    statement = own.where(_mine(connection, queue_id))
    reserved = and_(~_own.c.completed, _own.c.reserved_until > moment)
    if status is not None:
        statement = statement.where(_of_status(status, moment))
    if open_only:
        statement = statement.where(~_own.c.completed)
    if reviewer is not None:
        statement = statement.where(
            or_(~reserved, _own.c.reserved_until.is_(None), _own.c.reviewer == reviewer)
        )
    return statement.order_by(_own.c.position)


def _of_status(status: str, moment: int) -> ColumnElement[bool]:
    if status == "completed":
        return _own.c.completed.is_(True)
    if status == "reserved":
        return and_(_own.c.completed.is_(False), _own.c.reserved_until > moment)
    free = or_(_own.c.reserved_until.is_(None), _own.c.reserved_until <= moment)
    return and_(_own.c.completed.is_(False), free)


def update_queue_run(
    connection: Connection,
    queue_id: UUID,
    run_id: UUID,
    change: Row,
    moment: int,
    *,
    given: Callable[[], Collection[str]] | None = None,
) -> Row | None:
    """Change the record of a run in a queue; None if it is not in it.

    Args:
        connection: A connection that holds the write lock.
        queue_id: The queue.
        run_id: The run.
        change: The columns that change.
        moment: Now.
        given: Tells the keys of the run's feedback, where that is in another database.

    Raises:
        FeedbackRefusedError: Somebody else has reserved it, or it lacks feedback that is required.
    """
    one = and_(_own.c.queue_id == queue_id, _own.c.run_id == run_id)
    present = connection.execute(select(_own).where(one)).mappings().first()
    if present is None or _read(connection, queue_id) is None:
        return None
    if (
        not present["completed"]
        and (present["reserved_until"] or 0) > moment
        and present["reviewer"] != change.get("reviewer")
    ):
        raise FeedbackRefusedError("status: somebody else has reserved this run", taken=True)
    if change["completed"]:
        keys = given() if given is not None else _given_keys(connection, run_id)
        _check_rubric(connection, queue_id, keys)
    connection.execute(_own.update().where(one).values(change))
    return {**present, **change}


def _check_rubric(connection: Connection, queue_id: UUID, given: Collection[str]) -> None:
    """Insist on the feedback that a queue requires."""
    queue = _read(connection, queue_id) or {}
    items: list[dict[str, Any]] = orjson.loads(queue.get("rubric_items") or "[]")
    required = [item["feedback_key"] for item in items if item.get("is_required")]
    missing = [key for key in required if key not in given]
    if missing:
        raise FeedbackRefusedError(
            f"status: the run still lacks feedback that is required: {', '.join(missing)}"
        )


def _given_keys(connection: Connection, run_id: UUID) -> set[str]:
    own = feedback.c.workspace_id == workspace_of(connection)
    told = select(feedback.c.key).where(feedback.c.run_id == run_id, own)
    return set(connection.execute(told).scalars())


def _read(connection: Connection, queue_id: UUID) -> Row | None:
    own = select(annotation_queues).where(_mine(connection, queue_id))
    row = connection.execute(own).mappings().first()
    return None if row is None else dict(row)


def _mine(connection: Connection, queue_id: UUID) -> ColumnElement[bool]:
    columns = annotation_queues.c
    return (columns.id == queue_id) & (columns.workspace_id == workspace_of(connection))
