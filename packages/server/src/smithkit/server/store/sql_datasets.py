"""Datasets in an SQL database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update
from starlette.concurrency import run_in_threadpool

from smithkit.server.store import (
    comparisons,
    datasets,
    example_index,
    example_vectors,
    experiment_rows,
    read_examples,
    versions,
    write_examples,
)
from smithkit.server.store.anchors import Anchors
from smithkit.server.store.dataset_tables import datasets as dataset_table
from smithkit.server.store.dataset_tables import example_versions
from smithkit.server.store.orders import Orders
from smithkit.server.store.ownership import in_own_dataset
from smithkit.server.store.write_sessions import orphan_digests

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.access import Access
    from smithkit.server.store.blobs import Blobs
    from smithkit.server.store.dataset_protocol import (
        DatasetSelection,
        Diff,
        ExampleChange,
        ExampleSelection,
        ExperimentSelection,
        Likeness,
        WriteMode,
    )

__all__ = ["SqlDatasets"]


class SqlDatasets:
    """Fulfils `DatasetStore`.

    Args:
        access: The open database, for one workspace.
        blobs: Where files lie.
    """

    def __init__(self, access: Access, blobs: Blobs) -> None:
        self._write = access.write
        self._read = access.read
        self._blobs = blobs
        self._workspace_id = access.workspace_id
        self._anchors = Anchors()
        self._orders = Orders()
        self._listings = experiment_rows.RowListings()

    async def create(self, values: Row, examples: Iterable[ExampleChange] = ()) -> Row:
        """Make a dataset with its first examples."""

        def make(connection: Connection) -> Row:
            made = datasets.insert_dataset(connection, {**values, "workspace_id": self._workspace_id})
            write_examples.write_new(connection, made["id"], examples)
            return versions.read_dataset(connection, made["id"])

        return await self._write(make)

    async def _prepare(self, changes: Sequence[ExampleChange]) -> None:
        for change in changes:
            for file in change.files:
                await run_in_threadpool(self._blobs.prepare, file.blob)

    async def update(self, dataset_id: UUID, values: Row) -> Row:
        """Change a dataset."""
        return await self._write(lambda connection: datasets.change_dataset(connection, dataset_id, values))

    async def delete(self, dataset_id: UUID) -> None:
        """Remove a dataset, step by step, so that other requests come through in between."""
        await self._read(versions.read_dataset, dataset_id)
        while not await self._write(lambda connection: self._delete_part(connection, dataset_id)):
            pass

    async def find(self, selection: DatasetSelection) -> list[Row]:
        """Read datasets."""
        return await self._read(datasets.select_datasets, selection)

    async def versions(
        self, dataset_id: UUID, limit: int, offset: int, search: str | None = None
    ) -> list[Row]:
        """Read versions, newest first."""
        return await self._read(versions.select_versions, dataset_id, limit, offset, search)

    async def version(self, dataset_id: UUID, as_of: str) -> Row:
        """Read one version."""
        return await self._read(versions.read_version, dataset_id, as_of)

    async def tag(self, dataset_id: UUID, as_of: int, tag: str) -> Row:
        """Give a version a name."""
        return await self._write(lambda connection: versions.tag_version(connection, dataset_id, as_of, tag))

    async def diff(self, dataset_id: UUID, begin: str, end: str) -> Diff:
        """Compare two versions."""
        return await self._read(versions.compare, dataset_id, begin, end)

    async def splits(self, dataset_id: UUID, as_of: str | None) -> list[str]:
        """Read the names of splits."""
        return await self._read(read_examples.select_splits, dataset_id, as_of)

    async def change_split(self, dataset_id: UUID, name: str, ids: Sequence[UUID], *, remove: bool) -> None:
        """Put examples into a split, or take them out."""
        await self._write(
            lambda connection: write_examples.move_split(connection, dataset_id, name, ids, remove=remove)
        )

    async def write_examples(self, changes: Sequence[ExampleChange], mode: WriteMode) -> int:
        """Store examples."""
        await self._prepare(changes)
        return await self._write(
            lambda connection: write_examples.write_changes(connection, changes, mode, self._blobs)
        )

    async def delete_examples(self, ids: Sequence[UUID], *, hard: bool) -> int:
        """Remove examples."""

        def remove(connection: Connection) -> int:
            ended = write_examples.end_examples(connection, ids)
            return self._purge(connection, ids) if hard else ended

        return await self._write(remove)

    async def clone(
        self,
        source: UUID,
        target: UUID,
        as_of: str | None,
        ids: Collection[UUID] | None,
        *,
        splits: Collection[str] | None = None,
    ) -> list[UUID]:
        """Copy examples into another dataset."""
        return await self._write(
            lambda connection: write_examples.clone_examples(
                connection, source, target, as_of, ids, splits=splits
            )
        )

    async def read_examples(self, selection: ExampleSelection) -> list[Row]:
        """Read examples."""
        return await self._read(read_examples.select_examples, selection, self._anchors, self._orders)

    async def read_files(self, rows: Sequence[int]) -> dict[int, list[Row]]:
        """Read the files of example records."""
        return await self._read(read_examples.read_files, rows)

    async def compare(self, values: Row, experiments: Sequence[UUID]) -> None:
        """Store a comparative experiment."""
        await self._write(lambda connection: comparisons.insert_comparison(connection, values, experiments))

    async def comparisons(self, dataset_id: UUID, limit: int, offset: int) -> list[Row]:
        """Read the comparative experiments of a dataset."""
        return await self._read(comparisons.select_comparisons, dataset_id, limit, offset)

    async def comparison(self, dataset_id: UUID, comparison_id: UUID) -> Row:
        """Read one comparative experiment."""
        return await self._read(comparisons.select_comparison, dataset_id, comparison_id)

    async def experiment_rows(self, selection: ExperimentSelection) -> list[Row]:
        """Read the examples that experiments answered."""
        return await self._read(experiment_rows.select_experiment_rows, selection, self._listings)

    async def share(self, dataset_id: UUID, token: UUID) -> UUID:
        """Store a dataset's token, and give the one that it has."""
        return await self._write(lambda connection: datasets.insert_share(connection, dataset_id, token))

    async def read_share(self, dataset_id: UUID) -> UUID | None:
        """Read a dataset's token."""
        return await self._read(datasets.select_share, dataset_id)

    async def delete_share(self, dataset_id: UUID) -> None:
        """Forget a dataset's token."""
        await self._write(lambda connection: datasets.delete_share(connection, dataset_id))

    async def find_shared(self, token: UUID) -> UUID | None:
        """Give the dataset that has a token."""
        return await self._read(datasets.find_shared, token)

    async def index(self, dataset_id: UUID, *, must_exist: bool) -> bool:
        """Make the search index of a dataset, or bring it up to date."""
        return await self._write(
            lambda connection: example_index.update_index(connection, dataset_id, must_exist=must_exist)
        )

    async def drop_index(self, dataset_id: UUID) -> None:
        """Remove the search index of a dataset."""
        await self._write(lambda connection: example_index.drop_index(connection, dataset_id))

    async def search(
        self, dataset_id: UUID, likeness: Likeness, selection: ExampleSelection
    ) -> list[Row] | None:
        """Read the examples whose inputs are most like something."""
        return await self._read(example_index.search, dataset_id, likeness, selection)

    async def texts_without_vector(self, dataset_id: UUID, model: str, limit: int) -> list[tuple[int, str]]:
        """Read indexed records that have no vector."""
        return await self._read(example_vectors.texts_without_vector, dataset_id, model, limit)

    async def add_vectors(self, model: str, vectors: Mapping[int, bytes]) -> None:
        """Store vectors."""
        await self._write(lambda connection: example_vectors.insert_vectors(connection, model, vectors))

    def _delete_part(self, connection: Connection, dataset_id: UUID) -> bool:
        rows = datasets.example_rows(connection, dataset_id)
        if not rows:
            datasets.forget_dataset(connection, dataset_id)
            return True
        self._remove_rows(connection, rows)
        return False

    def _purge(self, connection: Connection, ids: Sequence[UUID]) -> int:
        gone: set[UUID] = set()
        for part in write_examples.chunks(list(dict.fromkeys(ids))):
            statement = select(
                example_versions.c.row, example_versions.c.example_id, example_versions.c.dataset_id
            ).where(
                example_versions.c.example_id.in_(part),
                in_own_dataset(connection, example_versions.c.dataset_id),
            )
            found = connection.execute(statement).all()
            gone |= {row.example_id for row in found}
            connection.execute(
                update(dataset_table)
                .where(dataset_table.c.id.in_({row.dataset_id for row in found}))
                .values(purges=dataset_table.c.purges + 1)
            )
            for rows in write_examples.chunks([row.row for row in found]):
                self._remove_rows(connection, rows)
        return len(gone)

    def _remove_rows(self, connection: Connection, rows: Sequence[int]) -> None:
        example_index.unindex(connection, rows)
        for digest in orphan_digests(connection, write_examples.purge(connection, rows)):
            self._blobs.remove(digest)
