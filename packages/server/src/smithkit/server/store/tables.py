"""The tables. Times are microseconds since 1970, UTC; costs are integers (see `domain.usage.COST_SCALE`).

A change here needs a migration; a test compares the two. A table's `info` may say that it is ``derived`` from
others, so that exports leave it out (see `upkeep.derived`), and which columns are a row's ``identity`` where its
primary key is but a number.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from smithkit.server.store.types import Guid, Number, only_where

__all__ = [
    "api_keys",
    "attachments",
    "feedback",
    "insights_jobs",
    "metadata",
    "run_figures",
    "run_payloads",
    "run_shares",
    "runs",
    "sessions",
    "workspace_secrets",
    "workspaces",
]

metadata = MetaData()

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Guid(), primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),  # signs URLs
    Column("created_at", BigInteger, nullable=False),
    Column("handle", Text),  # its name as the owner of prompts
    Index("uq_workspaces_handle", "handle", unique=True),
)

# Whoever reads the table can use no key: a digest of 256 random bits leads nowhere.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Guid(), primary_key=True),
    Column("workspace_id", Guid(), ForeignKey("workspaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),  # SHA-256
    Column("hint", Text, nullable=False),  # its last letters, to tell keys apart
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Index("uq_api_keys_digest", "digest", unique=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Guid(), primary_key=True),
    Column("workspace_id", Guid(), ForeignKey("workspaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("extra", Text),  # JSON
    Column("start_time", BigInteger, nullable=False),
    Column("end_time", BigInteger),
    Column("reference_dataset_id", Guid()),
    Column("default_dataset_id", Guid()),
    Column("trace_tier", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "name", name="uq_sessions_name"),
    Index("ix_sessions_start", "workspace_id", "start_time"),
    Index("ix_sessions_dataset", "reference_dataset_id"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Guid(), primary_key=True),
    Column("session_id", Guid(), ForeignKey("sessions.id"), nullable=False),
    Column("trace_id", Guid(), nullable=False),
    Column("parent_run_id", Guid()),
    Column("dotted_order", Text, nullable=False),
    Column(
        "linked", Boolean(name="linked"), nullable=False
    ),  # false: the parent's place in the tree is not known yet
    Column("name", Text, nullable=False),
    Column("run_type", Text, nullable=False),
    Column("start_time", BigInteger, nullable=False),
    Column("end_time", BigInteger),
    Column("status", SmallInteger, nullable=False),
    Column("has_error", Boolean(name="has_error"), nullable=False),
    Column("tags", Text),  # JSON
    Column("reference_example_id", Guid()),
    Column("manifest_id", Guid()),
    Column("first_token_time", BigInteger),
    Column("prompt_tokens", BigInteger),
    Column("completion_tokens", BigInteger),
    Column("total_tokens", BigInteger),
    Column("prompt_cost", BigInteger),
    Column("completion_cost", BigInteger),
    Column("total_cost", BigInteger),
    Column("usage_outputs", LargeBinary),  # JSON
    Column("usage_extra", LargeBinary),  # JSON
    Column("thread_id", Text),  # see `domain.threads`
    Column("ranks", BigInteger, nullable=False),  # see `domain.runs`
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Index("ix_runs_start", "start_time", "id"),
    Index("ix_runs_session", "session_id", "start_time", "id"),
    Index("ix_runs_trace", "trace_id", "start_time"),
)
Index(
    "ix_runs_roots",
    runs.c.session_id,
    runs.c.start_time,
    runs.c.id,
    **only_where(runs.c.parent_run_id.is_(None)),
)
Index("ix_runs_parent", runs.c.parent_run_id, **only_where(runs.c.parent_run_id.is_not(None)))
Index("ix_runs_example", runs.c.reference_example_id, **only_where(runs.c.reference_example_id.is_not(None)))
Index(
    "ix_runs_answers",
    runs.c.session_id,
    runs.c.reference_example_id,
    **only_where(runs.c.reference_example_id.is_not(None) & runs.c.parent_run_id.is_(None)),
)
Index(
    "ix_runs_thread",
    runs.c.session_id,
    runs.c.thread_id,
    runs.c.start_time,
    **only_where(runs.c.thread_id.is_not(None)),
).ddl_if(dialect="sqlite")
# PostgreSQL takes no long texts into an index, and whoever traces chooses these.
Index(
    "ix_runs_threads",
    runs.c.session_id,
    runs.c.start_time,
    **only_where(runs.c.thread_id.is_not(None)),
).ddl_if(dialect="postgresql")
Index("ix_runs_unlinked", runs.c.parent_run_id, **only_where(~runs.c.linked))

# See `store.kept_figures`.
run_figures = Table(
    "run_figures",
    metadata,
    Column("session_id", Guid(), ForeignKey("sessions.id"), primary_key=True),
    Column("is_root", Boolean(name="is_root"), primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),  # since 1970
    Column("body", LargeBinary, nullable=False),  # JSON, packed
    info={"derived": True},
)

# Apart from `runs`, so that scans of runs do not read through everybody's inputs.
run_payloads = Table(
    "run_payloads",
    metadata,
    Column("run_id", Guid(), ForeignKey("runs.id"), primary_key=True),
    Column("inputs", LargeBinary),
    Column("outputs", LargeBinary),
    Column("events", LargeBinary),
    Column("extra", LargeBinary),
    Column("serialized", LargeBinary),
    Column("error", LargeBinary),
)

# Who knows a token may read its run and what is below it, and nothing else.
run_shares = Table(
    "run_shares",
    metadata,
    Column("token", Guid(), primary_key=True),
    Column("run_id", Guid(), ForeignKey("runs.id"), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
)

# May arrive before their run, so no foreign key.
attachments = Table(
    "attachments",
    metadata,
    Column("position", Number, primary_key=True),
    Column("run_id", Guid(), nullable=False),
    Column("name", Text, nullable=False),
    Column("mime_type", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("size", BigInteger, nullable=False),
    UniqueConstraint("run_id", "name", name="uq_attachments_name"),
    Index("ix_attachments_digest", "digest"),
)

# May arrive before their run, so no foreign key.
feedback = Table(
    "feedback",
    metadata,
    Column("id", Guid(), primary_key=True),
    Column("workspace_id", Guid()),
    Column("run_id", Guid()),
    Column("trace_id", Guid()),
    Column("session_id", Guid()),  # where it counts; null while its run is not there
    Column("key", Text, nullable=False),
    Column("score", Float),
    Column("category", Text),  # see `domain.feedback.category_of`
    Column("source", Text),
    Column("comparative_experiment_id", Guid()),
    Column("formula_id", Guid()),  # of feedback that was worked out
    Column("body", LargeBinary, nullable=False),  # JSON as sent
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Index("ix_feedback_run", "run_id", "key"),
    Index("ix_feedback_session", "session_id", "key"),
    Index("ix_feedback_created", "created_at", "id"),
)
Index(
    "ix_feedback_comparison",
    feedback.c.comparative_experiment_id,
    **only_where(feedback.c.comparative_experiment_id.is_not(None)),
)
Index("ix_feedback_formula", feedback.c.formula_id, **only_where(feedback.c.formula_id.is_not(None)))
Index("ix_feedback_waiting", feedback.c.run_id, **only_where(feedback.c.session_id.is_(None)))

insights_jobs = Table(
    "insights_jobs",
    metadata,
    Column("id", Guid(), primary_key=True),
    Column("session_id", Guid(), ForeignKey("sessions.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("error", Text),
    Column("request", Text, nullable=False),  # JSON as asked
    Column("clusters", LargeBinary),  # JSON
    Column("created_at", BigInteger, nullable=False),
    Column("start_time", BigInteger),
    Column("end_time", BigInteger),
    Index("ix_insights_jobs_session", "session_id", "created_at"),
)

# Names alone: nothing here uses the values, and what is not kept cannot leak.
workspace_secrets = Table(
    "workspace_secrets",
    metadata,
    Column("workspace_id", Guid(), ForeignKey("workspaces.id"), primary_key=True),
    Column("key", Text, primary_key=True),
)
