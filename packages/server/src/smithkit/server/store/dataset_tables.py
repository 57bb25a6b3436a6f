"""The tables of datasets. Times are microseconds since 1970, UTC.

A dataset's history is kept whole: a row of `example_versions` is one example as it was from `valid_from`
until just before `valid_to`. Reading a version is reading the rows that were valid then; the present ones
have no end.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from smithkit.server.store.tables import metadata
from smithkit.server.store.types import Guid, Number, only_where

__all__ = [
    "comparative_experiments",
    "dataset_shares",
    "dataset_tags",
    "dataset_versions",
    "datasets",
    "example_files",
    "example_vectors",
    "example_versions",
]

datasets = Table(
    "datasets",
    metadata,
    Column("id", Guid(), primary_key=True),
    Column("workspace_id", Guid(), ForeignKey("workspaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("data_type", Text, nullable=False),
    Column("inputs_schema", Text),  # JSON
    Column("outputs_schema", Text),  # JSON
    Column("transformations", Text),  # JSON
    Column("metadata", Text),  # JSON
    Column("example_count", BigInteger, nullable=False),
    Column("last_position", BigInteger, nullable=False),  # of examples, in the order they came
    Column("version", BigInteger, nullable=False),  # when examples changed last; 0: never
    Column("purges", BigInteger, nullable=False),  # how often history itself was changed
    Column("indexed_version", BigInteger),  # what the search index knows; null: there is none
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "name", name="uq_datasets_name"),
    Index("ix_datasets_created", "workspace_id", "created_at"),
)

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("dataset_id", Guid(), ForeignKey("datasets.id"), primary_key=True),
    Column("as_of", BigInteger, primary_key=True),
)

dataset_tags = Table(
    "dataset_tags",
    metadata,
    Column("dataset_id", Guid(), ForeignKey("datasets.id"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("as_of", BigInteger, nullable=False),
)

comparative_experiments = Table(
    "comparative_experiments",
    metadata,
    Column("id", Guid(), primary_key=True),
    Column("dataset_id", Guid(), ForeignKey("datasets.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("experiment_ids", Text, nullable=False),  # JSON
    Column("extra", Text),  # JSON
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    UniqueConstraint("dataset_id", "name", name="uq_comparative_experiments_name"),
)

# Who knows a token may read the dataset, its examples and the names and figures of its experiments.
dataset_shares = Table(
    "dataset_shares",
    metadata,
    Column("token", Guid(), primary_key=True),
    Column("dataset_id", Guid(), ForeignKey("datasets.id"), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
)

# What is looked at to find rows stands before the payloads, so that scans stop reading there.
example_versions = Table(
    "example_versions",
    metadata,
    Column("row", Number, primary_key=True),
    Column("example_id", Guid(), nullable=False),
    Column("dataset_id", Guid(), ForeignKey("datasets.id"), nullable=False),
    Column("position", BigInteger, nullable=False),  # kept by all versions of an example
    Column("valid_from", BigInteger, nullable=False),
    Column("valid_to", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("source_run_id", Guid()),
    Column("metadata", Text, nullable=False),  # JSON object
    Column("inputs", LargeBinary),  # JSON, packed
    Column("outputs", LargeBinary),  # JSON, packed
    Index("ix_example_versions_order", "dataset_id", "position", "valid_from", "valid_to"),
    Index("ix_example_versions_began", "dataset_id", "valid_from"),
    Index("ix_example_versions_example", "example_id", "valid_from"),
    info={"identity": ("example_id", "valid_from")},
)
# Word for word the condition of the queries, or SQLite does not use them.
_LIVE = text("valid_to IS NULL")
_ENDED = text("valid_to IS NOT NULL")
Index(
    "ix_example_versions_live",
    example_versions.c.dataset_id,
    example_versions.c.position,
    **only_where(_LIVE),
)
Index(
    "uq_example_versions_live",
    example_versions.c.example_id,
    unique=True,
    **only_where(_LIVE),
)
Index(
    "ix_example_versions_ended",
    example_versions.c.dataset_id,
    example_versions.c.valid_to,
    **only_where(_ENDED),
)

example_files = Table(
    "example_files",
    metadata,
    Column("row", Number, ForeignKey("example_versions.row"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("mime_type", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("size", BigInteger, nullable=False),
    Index("ix_example_files_digest", "digest"),
)

# What an embedder makes of an example's inputs, where a plugin gives one.
example_vectors = Table(
    "example_vectors",
    metadata,
    Column("row", Number, ForeignKey("example_versions.row"), primary_key=True),
    Column("model", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),  # 32-bit floats, of length 1
)
