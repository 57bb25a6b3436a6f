"""The index by which the rows of an experiment are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from smithkit.server.store.types import only_where

revision = "0012"
down_revision = "0009"


def upgrade() -> None:
    """Make the index."""
    answers = sa.text("reference_example_id IS NOT NULL AND parent_run_id IS NULL")
    op.create_index("ix_runs_answers", "runs", ["session_id", "reference_example_id"], **only_where(answers))
