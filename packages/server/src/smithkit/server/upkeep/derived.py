"""What is worked out from other tables, and so is neither exported nor copied but made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from smithkit.server.store.dataset_tables import datasets
from smithkit.server.store.example_index import drop_index, update_index
from smithkit.server.store.feedback_figures import rebuild_figures

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["rebuild"]


def rebuild(connection: Connection) -> None:
    """Work everything out that is derived: figures of feedback, and search indexes.

    Args:
        connection: A connection that holds the write lock.
    """
    rebuild_figures(connection)
    if connection.dialect.name == "sqlite":
        _index_examples(connection)


def _index_examples(connection: Connection) -> None:
    indexed = select(datasets.c.id).where(datasets.c.indexed_version.is_not(None))
    for dataset_id in list(connection.execute(indexed).scalars()):
        drop_index(connection, dataset_id)
        update_index(connection, dataset_id, must_exist=False)
