"""Vectors of examples' inputs, by which those are found that mean something alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, func, select, text

from smithkit.server.domain.embeddings import cosines
from smithkit.server.domain.jsons import load, text_of
from smithkit.server.store.dataset_tables import example_vectors, example_versions
from smithkit.server.store.packing import unpack
from smithkit.server.store.versions import read_dataset, valid_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.store.dataset_protocol import Likeness

__all__ = ["insert_vectors", "nearest", "remove_vectors", "searched_text", "texts_without_vector"]

_STEP = 2000
_columns = example_versions.c
# An example may have been removed for good while its vector was made.
_INSERT = text(
    "INSERT INTO example_vectors (row, model, vector) "
    'SELECT example_versions."row", :model, :vector FROM example_versions WHERE example_versions."row" = :row '
    'ON CONFLICT ("row") DO UPDATE SET model = excluded.model, vector = excluded.vector'
)


def searched_text(inputs: bytes | None) -> str:
    """Give the words of an example's packed inputs."""
    return "" if inputs is None else text_of(load(unpack(inputs)))


def texts_without_vector(
    connection: Connection, dataset_id: UUID, model: str, limit: int
) -> list[tuple[int, str]]:
    """Read the records of the indexed version that have no vector of a model, each with its words.

    Raises:
        MissingError: There is no such dataset.
    """
    version = read_dataset(connection, dataset_id)["indexed_version"]
    own = and_(example_vectors.c.row == _columns.row, example_vectors.c.model == model)
    statement = (
        select(_columns.row, _columns.inputs)
        .outerjoin(example_vectors, own)
        .where(_columns.dataset_id == dataset_id, valid_at(version), example_vectors.c.row.is_(None))
        .order_by(_columns.position)
        .limit(limit)
    )
    return [(row, searched_text(inputs)) for row, inputs in connection.execute(statement)]


def insert_vectors(connection: Connection, model: str, vectors: Mapping[int, bytes]) -> None:
    """Store the vectors of records, in place of those of another model."""
    if vectors:
        values = [{"row": row, "model": model, "vector": vector} for row, vector in vectors.items()]
        connection.execute(_INSERT, values)


def remove_vectors(connection: Connection, rows: Sequence[int]) -> None:
    """Forget the vectors of records, at most as many as fit into one statement."""
    connection.execute(delete(example_vectors).where(example_vectors.c.row.in_(rows)))


def nearest(connection: Connection, dataset_id: UUID, version: int, likeness: Likeness) -> Iterator[int]:
    """Go through the records of a version that have a comparable vector, the most alike first."""
    statement = (
        select(example_vectors.c.row, example_vectors.c.vector)
        .join(example_versions)
        .where(
            _columns.dataset_id == dataset_id,
            valid_at(version),
            example_vectors.c.model == likeness.model,
            func.length(example_vectors.c.vector) == len(likeness.vector),
        )
        .order_by(_columns.position)
    )
    scored: list[tuple[float, int]] = []
    for part in connection.execute(statement).partitions(_STEP):
        scores = cosines(likeness.vector, [vector for _, vector in part])
        scored += zip((-scores).tolist(), (row for row, _ in part), strict=True)
    scored.sort(key=lambda one: one[0])
    return (row for _, row in scored)
