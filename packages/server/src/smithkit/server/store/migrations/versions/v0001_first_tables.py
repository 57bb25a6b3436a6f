"""First schema: workspaces, projects, runs, attachments, feedback."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from smithkit.server.store.types import Guid, Number, only_where

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    _create_workspaces()
    _create_sessions()
    _create_runs()
    _create_run_payloads()
    _create_attachments()
    _create_feedback()


def _create_workspaces() -> None:
    op.create_table(
        "workspaces",
        sa.Column("id", Guid(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", Guid(), nullable=False),
        sa.Column("workspace_id", Guid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("extra", sa.Text(), nullable=True),
        sa.Column("start_time", sa.BigInteger(), nullable=False),
        sa.Column("end_time", sa.BigInteger(), nullable=True),
        sa.Column("reference_dataset_id", Guid(), nullable=True),
        sa.Column("default_dataset_id", Guid(), nullable=True),
        sa.Column("trace_tier", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "name", name="uq_sessions_name"),
    )
    op.create_index("ix_sessions_dataset", "sessions", ["reference_dataset_id"], unique=False)
    op.create_index("ix_sessions_start", "sessions", ["workspace_id", "start_time"], unique=False)


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", Guid(), nullable=False),
        sa.Column("session_id", Guid(), nullable=False),
        sa.Column("trace_id", Guid(), nullable=False),
        sa.Column("parent_run_id", Guid(), nullable=True),
        sa.Column("dotted_order", sa.Text(), nullable=False),
        sa.Column("linked", sa.Boolean(name="linked"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("run_type", sa.Text(), nullable=False),
        sa.Column("start_time", sa.BigInteger(), nullable=False),
        sa.Column("end_time", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("has_error", sa.Boolean(name="has_error"), nullable=False),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.Column("reference_example_id", Guid(), nullable=True),
        sa.Column("manifest_id", Guid(), nullable=True),
        sa.Column("first_token_time", sa.BigInteger(), nullable=True),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=True),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=True),
        sa.Column("total_tokens", sa.BigInteger(), nullable=True),
        sa.Column("prompt_cost", sa.BigInteger(), nullable=True),
        sa.Column("completion_cost", sa.BigInteger(), nullable=True),
        sa.Column("total_cost", sa.BigInteger(), nullable=True),
        sa.Column("usage_outputs", sa.LargeBinary(), nullable=True),
        sa.Column("usage_extra", sa.LargeBinary(), nullable=True),
        sa.Column("ranks", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["sessions.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_runs_example",
        "runs",
        ["reference_example_id"],
        unique=False,
        **only_where(sa.text("reference_example_id IS NOT NULL")),
    )
    op.create_index(
        "ix_runs_parent",
        "runs",
        ["parent_run_id"],
        unique=False,
        **only_where(sa.text("parent_run_id IS NOT NULL")),
    )
    op.create_index(
        "ix_runs_roots",
        "runs",
        ["session_id", "start_time", "id"],
        unique=False,
        **only_where(sa.text("parent_run_id IS NULL")),
    )
    op.create_index("ix_runs_session", "runs", ["session_id", "start_time", "id"], unique=False)
    op.create_index("ix_runs_start", "runs", ["start_time", "id"], unique=False)
    op.create_index("ix_runs_trace", "runs", ["trace_id", "start_time"], unique=False)
    op.create_index(
        "ix_runs_unlinked",
        "runs",
        ["parent_run_id"],
        unique=False,
        sqlite_where=sa.text("linked = 0"),
        postgresql_where=sa.text("NOT linked"),
    )


def _create_run_payloads() -> None:
    op.create_table(
        "run_payloads",
        sa.Column("run_id", Guid(), nullable=False),
        sa.Column("inputs", sa.LargeBinary(), nullable=True),
        sa.Column("outputs", sa.LargeBinary(), nullable=True),
        sa.Column("events", sa.LargeBinary(), nullable=True),
        sa.Column("extra", sa.LargeBinary(), nullable=True),
        sa.Column("serialized", sa.LargeBinary(), nullable=True),
        sa.Column("error", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.id"],
        ),
        sa.PrimaryKeyConstraint("run_id"),
    )


def _create_attachments() -> None:
    op.create_table(
        "attachments",
        sa.Column("position", Number, nullable=False),
        sa.Column("run_id", Guid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mime_type", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("run_id", "name", name="uq_attachments_name"),
    )
    op.create_index("ix_attachments_digest", "attachments", ["digest"], unique=False)


def _create_feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", Guid(), nullable=False),
        sa.Column("run_id", Guid(), nullable=True),
        sa.Column("trace_id", Guid(), nullable=True),
        sa.Column("session_id", Guid(), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_feedback_run", "feedback", ["run_id", "key"], unique=False)
    op.create_index("ix_feedback_session", "feedback", ["session_id", "key"], unique=False)
