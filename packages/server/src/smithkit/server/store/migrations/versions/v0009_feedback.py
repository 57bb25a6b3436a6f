"""Feedback in full: configs, formulas, tokens, annotation queues, and figures that are kept."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from smithkit.server.domain.feedback import Tally, category_of
from smithkit.server.domain.jsons import load
from smithkit.server.store.types import Guid, Number, only_where

revision = "0009"
down_revision = "0008"

_STEP = 1000
_ON_RUNS, _ON_SESSION = 0, 1


def upgrade() -> None:
    """Make the tables, and work out the figures of the feedback that is there."""
    _columns()
    _rules()
    _queues()
    _figures()
    _fill(op.get_bind())


def _figures() -> None:
    op.create_table(
        "feedback_figures",
        sa.Column("scope_id", Guid(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("scored", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope_id", "kind", "key"),
    )
    op.create_table(
        "feedback_values",
        sa.Column("scope_id", Guid(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope_id", "kind", "key", "value"),
    )


def _columns() -> None:
    for name in ("category", "source"):
        op.add_column("feedback", sa.Column(name, sa.Text(), nullable=True))
    for name in ("comparative_experiment_id", "formula_id"):
        op.add_column("feedback", sa.Column(name, Guid(), nullable=True))
    op.create_index("ix_feedback_created", "feedback", ["created_at", "id"], unique=False)
    for name, column, condition in (
        ("ix_feedback_comparison", "comparative_experiment_id", "comparative_experiment_id IS NOT NULL"),
        ("ix_feedback_formula", "formula_id", "formula_id IS NOT NULL"),
        ("ix_feedback_waiting", "run_id", "session_id IS NULL"),
    ):
        op.create_index(name, "feedback", [column], unique=False, **only_where(sa.text(condition)))


def _rules() -> None:
    op.create_table(
        "feedback_configs",
        sa.Column("workspace_id", Guid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("is_lower_score_better", sa.Boolean(name="is_lower_score_better"), nullable=True),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("workspace_id", "key"),
    )
    op.create_table(
        "feedback_formulas",
        sa.Column("id", Guid(), nullable=False),
        sa.Column("dataset_id", Guid(), nullable=True),
        sa.Column("session_id", Guid(), nullable=True),
        sa.Column("feedback_key", sa.Text(), nullable=False),
        sa.Column("aggregation_type", sa.Text(), nullable=False),
        sa.Column("formula_parts", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "feedback_tokens",
        sa.Column("handle", sa.LargeBinary(32), nullable=False),
        sa.Column("run_id", Guid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("feedback_id", Guid(), nullable=False),
        sa.Column("config", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("handle"),
    )
    op.create_index("ix_feedback_tokens_run", "feedback_tokens", ["run_id", "created_at"], unique=False)


def _queues() -> None:
    op.create_table(
        "annotation_queues",
        sa.Column("id", Guid(), nullable=False),
        sa.Column("workspace_id", Guid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("rubric_instructions", sa.Text(), nullable=True),
        sa.Column("rubric_items", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_annotation_queues_created", "annotation_queues", ["workspace_id", "created_at"], unique=False
    )
    op.create_table(
        "annotation_queue_runs",
        sa.Column("position", Number, nullable=False),
        sa.Column("id", Guid(), nullable=False),
        sa.Column("queue_id", Guid(), nullable=False),
        sa.Column("run_id", Guid(), nullable=False),
        sa.Column("completed", sa.Boolean(name="completed"), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=True),
        sa.Column("reserved_until", sa.BigInteger(), nullable=True),
        sa.Column("last_reviewed_time", sa.BigInteger(), nullable=True),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["queue_id"], ["annotation_queues.id"]),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("id"),
    )
    table = "annotation_queue_runs"
    op.create_index("ix_annotation_queue_runs_run", table, ["queue_id", "run_id"], unique=True)
    op.create_index(
        "ix_annotation_queue_runs_order", table, ["queue_id", "completed", "position"], unique=False
    )


def _fill(connection: sa.Connection) -> None:
    """Read what columns say now out of the feedback's JSON, and sum it up."""
    connection.execute(
        sa.text(
            "UPDATE feedback SET session_id = (SELECT runs.session_id FROM runs WHERE runs.id = feedback.run_id)"
            " WHERE run_id IS NOT NULL"
        )
    )
    columns = [
        sa.column(name, Guid()) for name in ("id", "run_id", "session_id", "comparative_experiment_id")
    ]
    columns += [sa.column(name) for name in ("key", "score", "body", "category", "source")]
    feedback = sa.table("feedback", *columns)
    ordered = sa.select(feedback).order_by(feedback.c.id).limit(_STEP)
    update = feedback.update().where(feedback.c.id == sa.bindparam("own"))
    update = update.values(category=sa.bindparam("text"), source=sa.bindparam("kind"))
    tallies: dict[tuple[object, int, str], Tally] = {}
    rows = connection.execute(ordered).all()
    while rows:
        changes = []
        for row in rows:
            body = load(row.body)
            source = body.get("feedback_source")
            category = category_of(body.get("value"))
            kind = source.get("type") if isinstance(source, dict) else None
            changes.append({"own": row.id, "text": category, "kind": kind})
            if row.session_id is not None:
                scope = (row.session_id, _ON_SESSION if row.run_id is None else _ON_RUNS, row.key)
                tallies.setdefault(scope, Tally()).add(row.score, category)
        connection.execute(update, changes)
        rows = connection.execute(ordered.where(feedback.c.id > rows[-1].id)).all()
    _store(connection, tallies)


def _store(connection: sa.Connection, tallies: dict[tuple[object, int, str], Tally]) -> None:
    figures = sa.table("feedback_figures", *_named("n", "scored", "total"))
    values = sa.table("feedback_values", *_named("n", "value"))
    for (scope, kind, key), tally in tallies.items():
        own = {"scope_id": scope, "kind": kind, "key": key}
        row = {**own, "n": tally.count, "scored": tally.scored, "total": tally.total}
        connection.execute(figures.insert(), row)
        counted = [{**own, "value": value, "n": count} for value, count in tally.values.items()]
        if counted:
            connection.execute(values.insert(), counted)


def _named(*names: str) -> list[sa.ColumnClause[Any]]:
    return [sa.column("scope_id", Guid()), *map(sa.column, ("kind", "key", *names))]
