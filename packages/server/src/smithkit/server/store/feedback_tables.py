"""The tables of what belongs to feedback. Times are microseconds since 1970, UTC."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)

from smithkit.server.store.tables import metadata
from smithkit.server.store.types import Guid, Number

__all__ = [
    "annotation_queue_runs",
    "annotation_queues",
    "feedback_configs",
    "feedback_figures",
    "feedback_formulas",
    "feedback_tokens",
    "feedback_values",
]

# Kept with every write, so that nobody has to read through all feedback; see `store.feedback_figures`.
feedback_figures = Table(
    "feedback_figures",
    metadata,
    Column("scope_id", Guid(), primary_key=True),
    Column("kind", SmallInteger, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("scored", BigInteger, nullable=False),
    Column("total", Text, nullable=False),  # exact, a fraction
    info={"derived": True},
)

feedback_values = Table(
    "feedback_values",
    metadata,
    Column("scope_id", Guid(), primary_key=True),
    Column("kind", SmallInteger, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("n", BigInteger, nullable=False),
    info={"derived": True},
)

feedback_configs = Table(
    "feedback_configs",
    metadata,
    Column("workspace_id", Guid(), ForeignKey("workspaces.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("config", Text, nullable=False),  # JSON
    Column("is_lower_score_better", Boolean(name="is_lower_score_better")),
    Column("modified_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
)

feedback_formulas = Table(
    "feedback_formulas",
    metadata,
    Column("id", Guid(), primary_key=True),
    Column("workspace_id", Guid()),
    Column("dataset_id", Guid()),
    Column("session_id", Guid()),
    Column("feedback_key", Text, nullable=False),
    Column("aggregation_type", Text, nullable=False),
    Column("formula_parts", Text, nullable=False),  # JSON
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
)

# The token itself is not kept: whoever reads the table can use none of it without the workspace's secret.
feedback_tokens = Table(
    "feedback_tokens",
    metadata,
    Column("handle", LargeBinary(32), primary_key=True),  # SHA-256 of the token
    Column("workspace_id", Guid()),
    Column("run_id", Guid(), nullable=False),
    Column("key", Text, nullable=False),
    Column("feedback_id", Guid(), nullable=False),
    Column("config", Text),  # JSON
    Column("expires_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_feedback_tokens_run", "run_id", "created_at"),
)

annotation_queues = Table(
    "annotation_queues",
    metadata,
    Column("id", Guid(), primary_key=True),
    Column("workspace_id", Guid(), ForeignKey("workspaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("rubric_instructions", Text),
    Column("rubric_items", Text),  # JSON
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index("ix_annotation_queues_created", "workspace_id", "created_at"),
)

# A run may come into a queue before it arrives, so no foreign key.
annotation_queue_runs = Table(
    "annotation_queue_runs",
    metadata,
    Column("position", Number, primary_key=True),
    Column("id", Guid(), nullable=False, unique=True),
    Column("queue_id", Guid(), ForeignKey("annotation_queues.id"), nullable=False),
    Column("run_id", Guid(), nullable=False),
    Column("completed", Boolean(name="completed"), nullable=False),
    Column("reviewer", Text),
    Column("reserved_until", BigInteger),
    Column("last_reviewed_time", BigInteger),
    Column("added_at", BigInteger, nullable=False),
    Index("ix_annotation_queue_runs_run", "queue_id", "run_id", unique=True),
    Index("ix_annotation_queue_runs_order", "queue_id", "completed", "position"),
)
