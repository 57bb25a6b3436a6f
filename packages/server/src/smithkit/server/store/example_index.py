"""An index of examples' inputs: full text (SQLite's FTS5 or PostgreSQL's `tsvector`), ranked, and vectors where there are some."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text, update

from smithkit.server.store.dataset_tables import datasets, example_versions
from smithkit.server.store.example_vectors import nearest, remove_vectors, searched_text
from smithkit.server.store.read_examples import load_light, load_rows, matching, scan
from smithkit.server.store.versions import read_dataset, valid_at
from smithkit.server.store.write_examples import chunks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.dataset_protocol import ExampleSelection, Likeness

__all__ = ["drop_index", "search", "unindex", "update_index"]

_INSERT = {
    "sqlite": text("INSERT INTO example_texts (rowid, dataset, text) VALUES (:row, :dataset, :text)"),
    "postgresql": text(
        'INSERT INTO example_texts ("row", dataset, words)'
        " VALUES (:row, CAST(:dataset AS uuid), to_tsvector('simple', left(:text, 200000)))"
    ),
}
_DELETE = {
    "sqlite": text("DELETE FROM example_texts WHERE rowid = :row"),
    "postgresql": text('DELETE FROM example_texts WHERE "row" = :row'),
}
_RANKED = {
    "sqlite": text(
        "SELECT rowid FROM example_texts WHERE example_texts MATCH :query"
        " ORDER BY bm25(example_texts, 0.0, 1.0)"
    ),
    "postgresql": text(
        'SELECT "row" FROM example_texts WHERE dataset = CAST(:dataset AS uuid)'
        " AND words @@ CAST(:query AS tsquery)"
        ' ORDER BY ts_rank(words, CAST(:query AS tsquery), 1) DESC, "row"'
    ),
}


def update_index(connection: Connection, dataset_id: UUID, *, must_exist: bool) -> bool:
    """Bring a dataset's index to its present version.

    Args:
        connection: A connection that holds the write lock.
        dataset_id: The dataset.
        must_exist: Whether to make no index where there is none.

    Returns:
        Whether there is an index now.

    Raises:
        MissingError: There is no such dataset.
    """
    dataset = read_dataset(connection, dataset_id)
    if must_exist and dataset["indexed_version"] is None:
        return False
    known = dataset["indexed_version"] or 0
    columns = example_versions.c
    own = select(columns.row).where(columns.dataset_id == dataset_id)
    unindex(connection, list(connection.execute(own.where(columns.valid_to > known)).scalars()))
    fresh = list(connection.execute(own.where(columns.valid_from > known, valid_at(None))).scalars())
    for part in chunks(fresh):
        payloads = select(columns.row, columns.inputs).where(columns.row.in_(part))
        connection.execute(
            _INSERT[connection.dialect.name],
            [_entry(dataset_id, row) for row in connection.execute(payloads).mappings()],
        )
    _mark(connection, dataset_id, dataset["version"])
    return True


def drop_index(connection: Connection, dataset_id: UUID) -> None:
    """Remove a dataset's index.

    Raises:
        MissingError: There is no such dataset.
    """
    read_dataset(connection, dataset_id)
    rows = select(example_versions.c.row).where(example_versions.c.dataset_id == dataset_id)
    unindex(connection, list(connection.execute(rows).scalars()))
    _mark(connection, dataset_id, None)


def unindex(connection: Connection, rows: Sequence[int]) -> None:
    """Take example records out of the index; those that are not in it do no harm."""
    for part in chunks(rows):
        connection.execute(_DELETE[connection.dialect.name], [{"row": row} for row in part])
        remove_vectors(connection, part)


def search(
    connection: Connection, dataset_id: UUID, likeness: Likeness, selection: ExampleSelection
) -> list[Row] | None:
    """Read the examples whose inputs are most like something, as the index knows the dataset.

    Examples that have nothing in common with it follow those that do, so that there are as many as asked for.

    Returns:
        The records, best first; None if the dataset has no index.

    Raises:
        MissingError: There is no such dataset.
    """
    dataset = read_dataset(connection, dataset_id)
    version = dataset["indexed_version"]
    if version is None:
        return None
    ranked = list(nearest(connection, dataset_id, version, likeness)) if likeness.vector else []
    ranked = ranked or list(_ranked(connection, dataset_id, likeness.words))
    best = (row["row"] for row in _found(connection, ranked, selection))
    others = (row["row"] for row in scan(connection, selection, version, 0))
    rows = dict.fromkeys(islice(best, selection.limit))
    while len(rows) < selection.limit and (row := next(others, None)) is not None:
        rows[row] = None
    return load_rows(connection, list(rows))


def _found(connection: Connection, ranked: Sequence[int], selection: ExampleSelection) -> Iterator[Row]:
    """Go through the matching ones of ranked records, looking at no more than are asked for."""
    for part in chunks(ranked):
        yield from matching(selection, load_light(connection, part))


def _ranked(connection: Connection, dataset_id: UUID, words: Sequence[str]) -> Iterator[int]:
    if not words:
        return
    values = {"dataset": dataset_id.hex}
    if connection.dialect.name == "sqlite":
        terms = " OR ".join(f'"{word}"' for word in words)
        values["query"] = f'dataset : "{dataset_id.hex}" AND text : ({terms})'
    else:
        values["query"] = " | ".join(f"'{word}'" for word in words)
    yield from connection.execute(_RANKED[connection.dialect.name], values).scalars()


def _entry(dataset_id: UUID, row: Any) -> Row:
    words = searched_text(row["inputs"])
    return {"row": row["row"], "dataset": dataset_id.hex, "text": words.encode(errors="replace").decode()}


def _mark(connection: Connection, dataset_id: UUID, version: int | None) -> None:
    connection.execute(update(datasets).where(datasets.c.id == dataset_id).values(indexed_version=version))
