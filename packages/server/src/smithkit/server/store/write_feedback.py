"""Writing feedback inside a transaction. Whatever changes a row here changes the figures with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select

from smithkit.server.domain.feedback import category_of
from smithkit.server.store import feedback_configs, feedback_formulas
from smithkit.server.store.access import require_alone, workspace_of
from smithkit.server.store.dataset_tables import comparative_experiments
from smithkit.server.store.feedback_figures import FigureChanges
from smithkit.server.store.feedback_protocol import FeedbackRefusedError
from smithkit.server.store.inserts import upsert
from smithkit.server.store.ownership import in_own_dataset, in_own_session, own_sessions
from smithkit.server.store.tables import feedback, runs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.feedback_protocol import FeedbackItem

__all__ = [
    "adopt_feedback",
    "check_named",
    "feedback_row",
    "forget_feedback",
    "put_feedback",
    "work_out",
]

_CHUNK = 500


def put_feedback(connection: Connection, items: Sequence[FeedbackItem], moment: int) -> list[Row]:
    """Store feedback, in place of what has the same id.

    Args:
        connection: A connection that holds the write lock.
        items: The feedback; of several with one id the last counts.
        moment: Now.

    Returns:
        The records.

    Raises:
        FeedbackRefusedError: One cannot be accepted.
    """
    require_alone(connection)
    by_id = {item.id: item for item in items}
    workspace_id = workspace_of(connection)
    feedback_configs.check_items(connection, workspace_id, by_id.values(), moment)
    before = _rows(connection, feedback.c.id, by_id)
    homes = _homes(connection, by_id.values())
    check_named(connection, by_id.values())
    rows = [feedback_row(item, before.get(item.id), workspace_id, homes, moment) for item in by_id.values()]
    _store(connection, before.values(), rows)
    work_out(connection, [row["run_id"] for row in rows], moment)
    return rows


def adopt_feedback(connection: Connection, homes: Mapping[UUID, UUID], moment: int, *, fresh: bool) -> None:
    """Count feedback that was there before its run, or whose run has moved.

    Args:
        connection: A connection that holds the write lock.
        homes: Run → its project.
        moment: Now.
        fresh: Whether the runs are new: then only feedback that waits can be theirs.
    """
    waits = feedback.c.session_id.is_(None)
    own = feedback.c.workspace_id == workspace_of(connection)
    if not homes or (
        fresh and connection.execute(select(feedback.c.id).where(waits).limit(1)).first() is None
    ):
        return
    before = _rows(connection, feedback.c.run_id, homes, own, *([waits] if fresh else []))
    rows = [{**row, "session_id": homes[row["run_id"]]} for row in before.values()]
    if rows:
        require_alone(connection)
        _store(connection, before.values(), rows)
        work_out(connection, [row["run_id"] for row in rows], moment)


def forget_feedback(connection: Connection, which: ColumnElement[bool], moment: int) -> list[Row]:
    """Remove feedback.

    Args:
        connection: A connection that holds the write lock.
        which: Tells which.
        moment: Now.

    Returns:
        The records that are gone.
    """
    own = feedback.c.workspace_id == workspace_of(connection)
    before = [dict(row) for row in connection.execute(select(feedback).where(own, which)).mappings()]
    if before:
        _store(connection, before, ())
        work_out(connection, [row["run_id"] for row in before], moment)
    return before


def work_out(connection: Connection, run_ids: Iterable[UUID | None], moment: int) -> None:
    """Bring what formulas say of these runs up to date.

    Args:
        connection: A connection that holds the write lock.
        run_ids: The runs; None stands for none.
        moment: Now.
    """
    formulas = feedback_formulas.select_formulas(connection)
    wanted = list({run_id for run_id in run_ids if run_id is not None})
    for at in range(0, len(wanted) if formulas else 0, _CHUNK):
        chunk = wanted[at : at + _CHUNK]
        before, after = feedback_formulas.work_out(connection, formulas, chunk, moment)
        _store(connection, before, after)


def _store(connection: Connection, before: Iterable[Row], after: Sequence[Row]) -> None:
    """Replace records, and keep the figures equal to what they say."""
    changes = FigureChanges()
    kept = {row["id"] for row in after}
    gone = []
    for row in before:
        changes.count(row, -1)
        if row["id"] not in kept:
            gone.append(row["id"])
    for row in after:
        changes.count(row)
    for at in range(0, len(gone), _CHUNK):
        connection.execute(delete(feedback).where(feedback.c.id.in_(gone[at : at + _CHUNK])))
    if after:
        statement = upsert(connection, feedback).values(
            {column.name: bindparam(column.name) for column in feedback.c}
        )
        new = {column.name: statement.excluded[column.name] for column in feedback.c if column.name != "id"}
        connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=new), list(after))
    changes.store(connection)


def _rows(
    connection: Connection, column: Any, values: Iterable[UUID], *conditions: ColumnElement[bool]
) -> dict[UUID, Row]:
    wanted = list(values)
    found: dict[UUID, Row] = {}
    for at in range(0, len(wanted), _CHUNK):
        statement = select(feedback).where(column.in_(wanted[at : at + _CHUNK]), *conditions)
        found |= {row["id"]: dict(row) for row in connection.execute(statement).mappings()}
    return found


def _homes(connection: Connection, items: Iterable[FeedbackItem]) -> dict[UUID, UUID]:
    """Run → its project, of the runs that are there."""
    wanted = list({item.run_id for item in items if item.run_id is not None})
    homes: dict[UUID, UUID] = {}
    for at in range(0, len(wanted), _CHUNK):
        statement = select(runs.c.id, runs.c.session_id).where(
            runs.c.id.in_(wanted[at : at + _CHUNK]), in_own_session(connection, runs.c.session_id)
        )
        homes |= {row.id: row.session_id for row in connection.execute(statement)}
    return homes


def check_named(connection: Connection, items: Collection[FeedbackItem]) -> None:
    """Check that the projects and comparisons that feedback names are the workspace's.

    Raises:
        FeedbackRefusedError: One is not.
    """
    _check_projects(connection, {item.session_id: item.where for item in items if item.run_id is None})
    _check_comparisons(connection, {item.comparative_experiment_id: item.where for item in items})


def _check_projects(connection: Connection, wanted: Mapping[UUID | None, str]) -> None:
    for session_id, where in wanted.items():
        if session_id is None or not own_sessions(connection, [session_id]):
            raise FeedbackRefusedError(f"{where}session_id: there is no project {session_id}")


def _check_comparisons(connection: Connection, wanted: Mapping[UUID | None, str]) -> None:
    """Refuse to count in another workspace's comparative experiments."""
    columns = comparative_experiments.c
    foreign = ~in_own_dataset(connection, columns.dataset_id)
    for comparison_id, where in wanted.items():
        named = select(columns.id).where(columns.id == comparison_id, foreign)
        if comparison_id is not None and connection.execute(named).first() is not None:
            raise FeedbackRefusedError(
                f"{where}comparative_experiment_id: there is no comparative experiment {comparison_id}"
            )


def feedback_row(
    item: FeedbackItem, before: Row | None, workspace_id: UUID, homes: Mapping[UUID, UUID], moment: int
) -> Row:
    """Give the record of feedback.

    Args:
        item: The feedback.
        before: The record that has its id.
        workspace_id: Whose it is.
        homes: Run → its project, of the runs that are there.
        moment: Now.

    Raises:
        FeedbackRefusedError: The id is that of another feedback, or of one that a formula gave.
    """
    own = (workspace_id, item.run_id, item.key)
    if before is not None and before["formula_id"] is not None and before["workspace_id"] == workspace_id:
        raise FeedbackRefusedError(f"{item.where}id: {item.id} is worked out by a formula", taken=True)
    if before is not None and (before["workspace_id"], before["run_id"], before["key"]) != own:
        raise FeedbackRefusedError(f"{item.where}id: {item.id} is the id of another feedback", taken=True)
    home = item.session_id if item.run_id is None else homes.get(item.run_id)
    return {
        "id": item.id,
        "workspace_id": workspace_id,
        "run_id": item.run_id,
        "trace_id": item.trace_id,
        "session_id": home,
        "key": item.key,
        "score": item.score,
        "category": category_of(item.value),
        "source": item.source,
        "comparative_experiment_id": item.comparative_experiment_id,
        "formula_id": None,
        "body": item.body,
        "created_at": before["created_at"] if before else item.created_at or moment,
        "modified_at": moment,
    }
