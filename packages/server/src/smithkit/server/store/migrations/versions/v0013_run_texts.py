"""A full-text index of runs; those that are there are indexed in the background."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from smithkit.server.store.types import Guid, Number

revision = "0013"
down_revision = "0011"


def upgrade() -> None:
    """Make the tables, and queue the runs that are there."""
    op.create_table(
        "run_texts",
        sa.Column("position", Number, nullable=False),
        sa.Column("run_id", Guid(), nullable=True),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("run_id"),
    )
    op.create_table(
        "text_queue",
        sa.Column("position", Number, nullable=False),
        sa.Column("run_id", Guid(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_table(
        "text_lease",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE run_words USING fts5("
            "name, inputs, outputs, error, metadata, tags, scope, pairs, "
            "content='', columnsize=0, tokenize='ascii')"
        )
    else:
        op.execute("CREATE TABLE run_words (run_id uuid PRIMARY KEY, words tsvector)")
        op.execute("CREATE INDEX ix_run_words ON run_words USING gin (words)")
        op.execute("CREATE INDEX ix_run_words_long ON run_words (run_id) WHERE words IS NULL")
    lease = sa.table("text_lease", sa.column("id"), sa.column("owner", sa.LargeBinary()), sa.column("until"))
    op.bulk_insert(lease, [{"id": 1, "owner": b"", "until": 0}])
    op.execute("INSERT INTO text_queue (run_id) SELECT id FROM runs ORDER BY start_time")
