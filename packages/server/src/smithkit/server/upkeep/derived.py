"""What is worked out from other tables, and so is neither exported nor copied but made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import false, func, select, text, update

from smithkit.server.store.access import speak_for
from smithkit.server.store.dataset_tables import datasets
from smithkit.server.store.example_index import update_index
from smithkit.server.store.feedback_figures import rebuild_figures
from smithkit.server.store.kept_figures import rebuild_run_figures
from smithkit.server.store.tables import metadata
from smithkit.server.store.text_index import enqueue_all

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["rebuild"]


def rebuild(connection: Connection) -> None:
    """Work everything out that is derived: figures of feedback and of runs, and search indexes.

    Args:
        connection: A connection that holds the write lock.
    """
    rebuild_figures(connection)
    rebuild_run_figures(connection)
    _index_examples(connection)
    enqueue_all(connection)
    if connection.dialect.name == "postgresql":
        _set_sequences(connection)


def _set_sequences(connection: Connection) -> None:
    """Let numbers go on behind those that rows have brought along."""
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        highest = select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()
        connection.execute(select(func.setval(sequence, highest, false())).where(sequence.is_not(None)))


def _index_examples(connection: Connection) -> None:
    connection.execute(text("DELETE FROM example_texts"))
    indexed = datasets.c.indexed_version.is_not(None)
    owned = connection.execute(select(datasets.c.id, datasets.c.workspace_id).where(indexed)).all()
    connection.execute(update(datasets).where(indexed).values(indexed_version=None))
    for dataset_id, workspace_id in owned:
        update_index(speak_for(connection, workspace_id), dataset_id, must_exist=False)
