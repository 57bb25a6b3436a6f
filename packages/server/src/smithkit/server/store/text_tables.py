"""The tables of the full-text index of runs. The index itself, `run_words`, is SQLite's (FTS5)."""

from __future__ import annotations

from sqlalchemy import Column, Table

from smithkit.server.store.tables import metadata
from smithkit.server.store.types import Guid, Number

__all__ = ["run_texts", "text_queue"]

# Which run an entry of the index is of; null once it is gone or has changed.
run_texts = Table(
    "run_texts",
    metadata,
    Column("position", Number, primary_key=True),  # rises with the start time; see `store.text_index`
    Column("run_id", Guid(), unique=True),
    info={"derived": True},
)

# Runs that were written and are not yet in the index; a run may stand here several times.
text_queue = Table(
    "text_queue",
    metadata,
    Column("position", Number, primary_key=True),
    Column("run_id", Guid(), nullable=False),
    info={"derived": True},
)
