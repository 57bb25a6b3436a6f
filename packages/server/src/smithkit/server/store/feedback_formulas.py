"""Formulas inside a transaction: what they say of a run is feedback like any other, with a source of its own.

Formulas work on what was given, never on what another formula says, so they cannot run in circles.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4, uuid5

import orjson
from sqlalchemy import delete, select

from smithkit.server.domain.feedback import FeedbackStats
from smithkit.server.domain.feedback_rules import weigh
from smithkit.server.store.access import workspace_of
from smithkit.server.store.feedback_tables import feedback_formulas
from smithkit.server.store.tables import feedback, runs, sessions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from smithkit.server.domain.runs import Row

__all__ = ["apply_formulas", "delete_formula", "next_runs", "select_formulas", "store_formula", "work_out"]

_SOURCE = "formula"


def select_formulas(
    connection: Connection,
    *,
    formula_id: UUID | None = None,
    dataset_id: UUID | None = None,
    session_id: UUID | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[Row]:
    """Read formulas, oldest first."""
    table = feedback_formulas
    own = table.c.workspace_id == workspace_of(connection)
    ordered = select(table).where(own).order_by(table.c.created_at, table.c.id)
    statement = ordered.limit(limit).offset(offset)
    given = ((table.c.id, formula_id), (table.c.dataset_id, dataset_id), (table.c.session_id, session_id))
    for column, value in given:
        if value is not None:
            statement = statement.where(column == value)
    return [dict(row) for row in connection.execute(statement).mappings()]


def store_formula(connection: Connection, values: Row, moment: int) -> Row | None:
    """Make a formula, or with an `id` change the one that has it; None if there is none."""
    table = feedback_formulas
    if values.get("id") is None:
        row = {"dataset_id": None, "session_id": None, **values, "id": uuid4()}
        row |= {"workspace_id": workspace_of(connection), "created_at": moment, "modified_at": moment}
        connection.execute(table.insert(), row)
        return row
    own = {name: value for name, value in values.items() if name != "id"}
    connection.execute(
        table.update().where(_mine(connection, values["id"])).values({**own, "modified_at": moment})
    )
    return next(iter(select_formulas(connection, formula_id=values["id"])), None)


def delete_formula(connection: Connection, formula_id: UUID) -> bool:
    """Remove a formula; what it gave goes when its runs are worked out again."""
    gone = delete(feedback_formulas).where(_mine(connection, formula_id))
    return bool(connection.execute(gone).rowcount)


def _mine(connection: Connection, formula_id: UUID) -> ColumnElement[bool]:
    columns = feedback_formulas.c
    return (columns.id == formula_id) & (columns.workspace_id == workspace_of(connection))


def next_runs(connection: Connection, formula: Row, after: UUID | None, limit: int) -> list[UUID]:
    """Some of the runs that a formula may say something of, or has said something of, by id."""
    keys = [part["key"] for part in orjson.loads(formula["formula_parts"])]
    concerned = feedback.c.key.in_(keys) | (feedback.c.formula_id == formula["id"])
    own = feedback.c.workspace_id == workspace_of(connection)
    statement = select(feedback.c.run_id).where(own, concerned, feedback.c.run_id.is_not(None)).distinct()
    if after is not None:
        statement = statement.where(feedback.c.run_id > after)
    return list(connection.execute(statement.order_by(feedback.c.run_id).limit(limit)).scalars())


def work_out(
    connection: Connection, formulas: Sequence[Row], run_ids: Sequence[UUID], moment: int
) -> tuple[list[Row], list[Row]]:
    """Work formulas out for runs.

    Args:
        connection: A connection that holds the write lock.
        formulas: All there are.
        run_ids: The runs.
        moment: Now.

    Returns:
        The records that formulas gave these runs before, and those that they give now.
    """
    own = feedback.c.workspace_id == workspace_of(connection)
    told = select(feedback).where(feedback.c.run_id.in_(run_ids), own)
    rows = [dict(row) for row in connection.execute(told).mappings()]
    return apply_formulas(formulas, rows, _places(connection, run_ids), moment)


def apply_formulas(
    formulas: Sequence[Row], rows: Iterable[Row], places: Iterable[Any], moment: int
) -> tuple[list[Row], list[Row]]:
    """Work formulas out from all feedback of runs.

    Args:
        formulas: All there are.
        rows: The records of the runs' feedback.
        places: Where the runs are: `id`, `session_id`, `trace_id` and `reference_dataset_id`.
        moment: Now.

    Returns:
        The records that formulas gave these runs before, and those that they give now.
    """
    given: defaultdict[UUID, FeedbackStats] = defaultdict(FeedbackStats)
    before: dict[UUID, Row] = {}
    for row in rows:
        if row["formula_id"] is not None:
            before[row["id"]] = row
        else:
            given[row["run_id"]].add(row["key"], row["score"], None)
    after = []
    for run in places:
        means = given[run.id].means()
        for formula in formulas:
            score = _result(formula, run, means)
            if score is not None:
                after.append(_row(formula, run, score, before, moment))
    return list(before.values()), after


def _places(connection: Connection, run_ids: Sequence[UUID]) -> Sequence[Any]:
    """Where runs are: project, dataset, trace."""
    columns = (runs.c.id, runs.c.session_id, runs.c.trace_id, sessions.c.reference_dataset_id)
    statement = select(*columns).join(sessions, sessions.c.id == runs.c.session_id)
    own = sessions.c.workspace_id == workspace_of(connection)
    return connection.execute(statement.where(runs.c.id.in_(run_ids), own)).all()


def _result(formula: Row, run: Any, means: Mapping[str, float]) -> float | None:
    if formula["session_id"] not in (None, run.session_id):
        return None
    if formula["dataset_id"] not in (None, run.reference_dataset_id):
        return None
    return weigh(orjson.loads(formula["formula_parts"]), formula["aggregation_type"], means)


def _row(formula: Row, run: Any, score: float, before: Mapping[UUID, Row], moment: int) -> Row:
    own_id = uuid5(formula["id"], str(run.id))
    old = before.get(own_id)
    same = old is not None and old["score"] == score
    source = {"type": _SOURCE, "metadata": {"formula_id": str(formula["id"])}}
    return {
        "id": own_id,
        "workspace_id": formula["workspace_id"],
        "run_id": run.id,
        "trace_id": run.trace_id,
        "session_id": run.session_id,
        "key": formula["feedback_key"],
        "score": score,
        "category": None,
        "source": _SOURCE,
        "comparative_experiment_id": None,
        "formula_id": formula["id"],
        "body": orjson.dumps({"score": score, "feedback_source": source}),
        "created_at": old["created_at"] if old else moment,
        "modified_at": old["modified_at"] if old is not None and same else moment,
    }
