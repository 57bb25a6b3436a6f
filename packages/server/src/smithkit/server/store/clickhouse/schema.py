"""The tables on ClickHouse. Times are microseconds since 1970, UTC, as in `store.tables`.

A row is replaced by inserting it anew with a higher `version`; `FINAL` reads the newest. What the order of a
table names never changes in a row, or the old row is marked as deleted in the same insertion.

`run_homes` and `waiting` are written before what they lead to, and never changed: they may lead to nothing,
but whatever is there is found through them.

A change here needs a higher `migrations.VERSION`, and a step that leads there.
"""

from __future__ import annotations

from smithkit.server.store.tables import feedback, runs

__all__ = ["BYTES", "COLUMNS", "FEEDBACK_COLUMNS", "IDS", "RUN_COLUMNS", "STATEMENTS", "TEXT_INDEX"]

RUN_COLUMNS = tuple(column.name for column in runs.c)
FEEDBACK_COLUMNS = tuple(column.name for column in feedback.c)
TEXT_INDEX = "ix_text words TYPE text(tokenizer = splitByString([' ']))"
"""Of the words of documents."""
_BLOOM = "TYPE bloom_filter(0.01) GRANULARITY 1"

IDS = frozenset(
    {
        "id",
        "run_id",
        "session_id",
        "trace_id",
        "parent_run_id",
        "reference_example_id",
        "manifest_id",
        "workspace_id",
        "comparative_experiment_id",
        "formula_id",
        "token",
        "key_id",
        "item_id",
    }
)
"""Columns that hold ids."""
BYTES = frozenset({"usage_outputs", "usage_extra", "body"})
"""Columns that hold JSON as bytes."""

COLUMNS = {
    "runs": [
        *RUN_COLUMNS,
        "workspace_id",
        "tag_list",
        "name_words",
        "tags_words",
        "metadata",
        "version",
        "deleted",
    ],
    "run_homes": ["run_id", "workspace_id", "session_id", "start_time"],
    "run_documents": ["workspace_id", "run_id", "field", "json", "words", "version"],
    "run_shares": ["run_id", "workspace_id", "token", "version", "deleted"],
    "feedback": [*FEEDBACK_COLUMNS, "version", "deleted"],
    "waiting": ["workspace_id", "kind", "key_id", "item_id"],
    "picks": ["pick", "run_id"],
    "schema_versions": ["version", "release"],
}
"""Table → columns that insertions give."""

_RUNS = f"""
CREATE TABLE IF NOT EXISTS runs (
    workspace_id UUID,
    session_id UUID,
    start_time Int64 CODEC(Delta, ZSTD(1)),
    id UUID,
    trace_id UUID,
    parent_run_id Nullable(UUID),
    dotted_order String CODEC(ZSTD(1)),
    linked Bool,
    name String,
    run_type LowCardinality(String),
    end_time Nullable(Int64) CODEC(ZSTD(1)),
    status UInt8,
    has_error Bool,
    tags Nullable(String),
    tag_list Array(String),
    name_words String,
    tags_words String,
    metadata Map(String, String),
    reference_example_id Nullable(UUID),
    manifest_id Nullable(UUID),
    first_token_time Nullable(Int64),
    prompt_tokens Nullable(Int64),
    completion_tokens Nullable(Int64),
    total_tokens Nullable(Int64),
    prompt_cost Nullable(Int64),
    completion_cost Nullable(Int64),
    total_cost Nullable(Int64),
    usage_outputs Nullable(String) CODEC(ZSTD(1)),
    usage_extra Nullable(String) CODEC(ZSTD(1)),
    thread_id Nullable(String),
    ranks Int64,
    created_at Int64,
    modified_at Int64,
    version UInt64,
    deleted UInt8,
    INDEX ix_trace trace_id {_BLOOM},
    INDEX ix_parent parent_run_id {_BLOOM},
    INDEX ix_example reference_example_id {_BLOOM},
    INDEX ix_thread thread_id {_BLOOM}
) ENGINE = ReplacingMergeTree(version, deleted) ORDER BY (workspace_id, session_id, start_time, id)
"""
_HOMES = """
CREATE TABLE IF NOT EXISTS run_homes (
    run_id UUID,
    workspace_id UUID,
    session_id UUID,
    start_time Int64
) ENGINE = ReplacingMergeTree ORDER BY (run_id, workspace_id, session_id, start_time)
SETTINGS index_granularity = 1024
"""
_DOCUMENTS = f"""
CREATE TABLE IF NOT EXISTS run_documents (
    workspace_id UUID,
    run_id UUID,
    field LowCardinality(String),
    json String CODEC(ZSTD(3)),
    words String CODEC(ZSTD(3)),
    version UInt64,
    INDEX {TEXT_INDEX}
) ENGINE = ReplacingMergeTree(version) ORDER BY (workspace_id, run_id, field)
SETTINGS index_granularity = 512
"""
_SHARES = """
CREATE TABLE IF NOT EXISTS run_shares (
    run_id UUID,
    workspace_id UUID,
    token UUID,
    version UInt64,
    deleted UInt8
) ENGINE = ReplacingMergeTree(version, deleted) ORDER BY run_id
"""
_FEEDBACK = f"""
CREATE TABLE IF NOT EXISTS feedback (
    id UUID,
    workspace_id UUID,
    run_id Nullable(UUID),
    trace_id Nullable(UUID),
    session_id Nullable(UUID),
    key String,
    score Nullable(Float64),
    category Nullable(String),
    source Nullable(String),
    comparative_experiment_id Nullable(UUID),
    formula_id Nullable(UUID),
    body String CODEC(ZSTD(1)),
    created_at Int64,
    modified_at Int64,
    version UInt64,
    deleted UInt8,
    INDEX ix_run run_id {_BLOOM},
    INDEX ix_session session_id {_BLOOM},
    INDEX ix_comparison comparative_experiment_id {_BLOOM},
    INDEX ix_formula formula_id {_BLOOM}
) ENGINE = ReplacingMergeTree(version, deleted) ORDER BY id
SETTINGS index_granularity = 1024
"""
# Runs whose parent's place is not known yet, and feedback whose run is not there yet.
_WAITING = """
CREATE TABLE IF NOT EXISTS waiting (
    workspace_id UUID,
    kind LowCardinality(String),
    key_id UUID,
    item_id UUID
) ENGINE = ReplacingMergeTree ORDER BY (workspace_id, kind, key_id, item_id)
SETTINGS index_granularity = 1024
"""
# Runs that a condition was found to hold for, where the condition is no SQL.
_PICKS = """
CREATE TABLE IF NOT EXISTS picks (
    pick UUID,
    run_id UUID,
    made_at DateTime DEFAULT now()
) ENGINE = MergeTree ORDER BY (pick, run_id) TTL made_at + INTERVAL 1 HOUR
"""
# The highest is at which the tables stand.
_VERSIONS = """
CREATE TABLE IF NOT EXISTS schema_versions (
    version UInt32,
    release String,
    reached_at DateTime DEFAULT now()
) ENGINE = MergeTree ORDER BY version
"""

STATEMENTS = (_RUNS, _HOMES, _DOCUMENTS, _SHARES, _FEEDBACK, _WAITING, _PICKS, _VERSIONS)
