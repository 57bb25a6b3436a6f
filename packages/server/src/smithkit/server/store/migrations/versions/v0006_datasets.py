"""Datasets, the history of their examples, and an index of their text."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from smithkit.server.store.types import Guid, Number, only_where

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables."""
    _datasets()
    _examples()
    if op.get_bind().dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE example_texts USING fts5(dataset, text, tokenize='unicode61')")
    else:
        op.execute(
            "CREATE TABLE example_texts (row bigint PRIMARY KEY, dataset uuid NOT NULL, words tsvector NOT NULL)"
        )
        op.execute("CREATE INDEX ix_example_texts_words ON example_texts USING gin (words)")


def _datasets() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", Guid(), nullable=False),
        sa.Column("workspace_id", Guid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("data_type", sa.Text(), nullable=False),
        sa.Column("inputs_schema", sa.Text(), nullable=True),
        sa.Column("outputs_schema", sa.Text(), nullable=True),
        sa.Column("transformations", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("example_count", sa.BigInteger(), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("purges", sa.BigInteger(), nullable=False),
        sa.Column("indexed_version", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "name", name="uq_datasets_name"),
    )
    op.create_index("ix_datasets_created", "datasets", ["workspace_id", "created_at"], unique=False)
    op.create_table(
        "dataset_versions",
        sa.Column("dataset_id", Guid(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.PrimaryKeyConstraint("dataset_id", "as_of"),
    )
    op.create_table(
        "dataset_tags",
        sa.Column("dataset_id", Guid(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.PrimaryKeyConstraint("dataset_id", "tag"),
    )
    op.create_table(
        "dataset_shares",
        sa.Column("token", Guid(), nullable=False),
        sa.Column("dataset_id", Guid(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.PrimaryKeyConstraint("token"),
        sa.UniqueConstraint("dataset_id"),
    )


def _examples() -> None:
    op.create_table(
        "example_versions",
        sa.Column("row", Number, nullable=False),
        sa.Column("example_id", Guid(), nullable=False),
        sa.Column("dataset_id", Guid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("source_run_id", Guid(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("inputs", sa.LargeBinary(), nullable=True),
        sa.Column("outputs", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.PrimaryKeyConstraint("row"),
    )
    for name, columns in (
        ("ix_example_versions_order", ["dataset_id", "position", "valid_from", "valid_to"]),
        ("ix_example_versions_began", ["dataset_id", "valid_from"]),
        ("ix_example_versions_example", ["example_id", "valid_from"]),
    ):
        op.create_index(name, "example_versions", columns, unique=False)
    for name, columns, unique, condition in (
        ("ix_example_versions_live", ["dataset_id", "position"], False, "valid_to IS NULL"),
        ("uq_example_versions_live", ["example_id"], True, "valid_to IS NULL"),
        ("ix_example_versions_ended", ["dataset_id", "valid_to"], False, "valid_to IS NOT NULL"),
    ):
        where = sa.text(condition)
        op.create_index(name, "example_versions", columns, unique=unique, **only_where(where))
    op.create_table(
        "example_files",
        sa.Column("row", Number, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mime_type", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["row"], ["example_versions.row"]),
        sa.PrimaryKeyConstraint("row", "place"),
    )
    op.create_index("ix_example_files_digest", "example_files", ["digest"], unique=False)
