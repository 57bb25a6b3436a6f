"""What the services ask of a store about datasets and their examples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from uuid import UUID

    from smithkit.server.domain.filters import Node
    from smithkit.server.domain.runs import Row
    from smithkit.server.store.blobs import StagedBlob

__all__ = [
    "DatasetSelection",
    "DatasetStore",
    "Diff",
    "ExampleChange",
    "ExampleFile",
    "ExampleOrder",
    "ExampleSelection",
    "ExperimentSelection",
    "FileOperations",
    "Likeness",
    "MismatchError",
    "MissingError",
    "RefusalError",
    "TakenError",
    "WriteMode",
]

WriteMode = Literal["create", "update", "upsert"]
ExampleOrder = Literal["recent", "recently_created", "random", "id"]
"""Changed last first; made last first; shuffled, each version and seed in its own way; by id."""


class RefusalError(Exception):
    """What cannot be done as things stand.

    Args:
        what: What is wrong.
        examples: The examples for which it cannot, each with what is wrong; empty if it is not for examples.
    """

    def __init__(self, what: str, examples: Mapping[UUID, str] | None = None) -> None:
        super().__init__(what)
        self.examples = dict(examples or {})


class MissingError(RefusalError):
    """Something that the request names is not there; the argument says what."""


class TakenError(RefusalError):
    """A name or an id that must be unique is in use; the argument says which."""


class MismatchError(RefusalError):
    """An example belongs to another dataset than the request says."""


@dataclass(slots=True)
class DatasetSelection:
    """Which datasets, newest first. What is None does not restrict."""

    ids: Collection[UUID] | None = None
    name: str | None = None
    name_contains: str | None = None
    data_type: str | None = None
    metadata: dict[str, Any] | None = None
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Likeness:
    """What examples' inputs shall be like.

    Attributes:
        words: Its words.
        model: The embedder that made its vector.
        vector: Its vector, packed as those of the examples; empty if there is none, so that words decide.
    """

    words: Sequence[str]
    model: str = ""
    vector: bytes = b""


@dataclass(slots=True)
class ExampleSelection:
    """Which examples, and in which order: else that in which they were made. What is None does not restrict.

    Attributes:
        dataset_id: Of which dataset.
        ids: These.
        as_of: As they were then: a tag, or a time as text; None is now.
        matches: Tells from an example's record and its metadata whether it is wanted.
        key: Stands for `matches`: the same text means the same answer.
        order: In another order than that in which they were made.
        seed: Tells random orders apart.
        offset: Examples to pass over.
        limit: Examples at most.
    """

    dataset_id: UUID | None = None
    ids: Collection[UUID] | None = None
    as_of: str | None = None
    order: ExampleOrder | None = None
    seed: str = ""
    matches: Callable[[Row, dict[str, Any]], bool] | None = None
    key: str = ""
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class ExperimentSelection:
    """Which rows of experiments, in the order of the dataset.

    Attributes:
        dataset_id: The dataset that they ran on.
        sessions: The experiments; a row is an example that one of them answered.
        filters: Experiments with a filter, which must hold of some run of theirs on the example.
        examples: These examples alone; None for all.
        offset: Rows to pass over.
        limit: Rows at most.
    """

    dataset_id: UUID
    sessions: tuple[UUID, ...]
    filters: tuple[tuple[UUID, Node], ...] = ()
    examples: frozenset[UUID] | None = None
    offset: int = 0
    limit: int = 100


@dataclass(slots=True)
class ExampleFile:
    """A file received for an example."""

    name: str
    mime_type: str
    blob: StagedBlob


@dataclass(slots=True)
class FileOperations:
    """Which files of an example stay, by name, and under which name. Others go."""

    retain: list[str] = field(default_factory=list)
    rename: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ExampleChange:
    """A new example, or what changes in one. What is None stays as it is.

    Attributes:
        id: The example.
        dataset_id: Its dataset; a new one needs it.
        created_at: When it was made, as the client says.
        inputs: JSON.
        outputs: JSON.
        metadata: Replaces what was there, apart from the splits.
        split: The splits it is in.
        source_run_id: The run that it was made from.
        run_io: Whether inputs and outputs are those of that run.
        run_files: Files of that run to take over, by name.
        files: New files; without `operations` they replace all others.
        operations: What happens to present files.
    """

    id: UUID
    dataset_id: UUID | None = None
    created_at: int | None = None
    inputs: bytes | None = None
    outputs: bytes | None = None
    metadata: dict[str, Any] | None = None
    split: list[str] | None = None
    source_run_id: UUID | None = None
    run_io: bool = False
    run_files: list[str] = field(default_factory=list)
    files: list[ExampleFile] = field(default_factory=list)
    operations: FileOperations | None = None


@dataclass(slots=True)
class Diff:
    """What lies between two versions: ids of examples."""

    added: list[UUID]
    removed: list[UUID]
    modified: list[UUID]


class DatasetStore(Protocol):
    """Durable storage of datasets. Rows are mappings of the column names in `store.dataset_tables`."""

    async def create(self, values: Row, examples: Iterable[ExampleChange] = ()) -> Row:
        """Make a dataset with its first examples, which bring no files.

        Raises:
            TakenError: Its name or id is in use.
        """
        ...

    async def update(self, dataset_id: UUID, values: Row) -> Row:
        """Change a dataset.

        Raises:
            MissingError: There is none.
            TakenError: Another one has the new name.
        """
        ...

    async def delete(self, dataset_id: UUID) -> None:
        """Remove a dataset, its examples and its history.

        Raises:
            MissingError: There is none.
        """
        ...

    async def find(self, selection: DatasetSelection) -> list[Row]:
        """Read datasets, with `session_count` and `last_session_start_time`."""
        ...

    async def versions(
        self, dataset_id: UUID, limit: int, offset: int, search: str | None = None
    ) -> list[Row]:
        """Read the moments at which examples changed, newest first, each with its tags.

        With `search` only those that have a tag which contains the text.

        Raises:
            MissingError: There is no such dataset.
        """
        ...

    async def version(self, dataset_id: UUID, as_of: str) -> Row:
        """Read the version that was there at a time, or has a tag.

        Raises:
            MissingError: There is none.
        """
        ...

    async def tag(self, dataset_id: UUID, as_of: int, tag: str) -> Row:
        """Give a version a name, taking it from another one; answers like `version`.

        Raises:
            MissingError: There is no such version.
        """
        ...

    async def diff(self, dataset_id: UUID, begin: str, end: str) -> Diff:
        """Compare two versions.

        Raises:
            MissingError: There is no such version.
        """
        ...

    async def splits(self, dataset_id: UUID, as_of: str | None) -> list[str]:
        """Read the names of splits that examples are in, sorted."""
        ...

    async def change_split(self, dataset_id: UUID, name: str, ids: Sequence[UUID], *, remove: bool) -> None:
        """Put examples into a split, or take them out.

        Raises:
            MissingError: An example is not there.
        """
        ...

    async def write_examples(self, changes: Sequence[ExampleChange], mode: WriteMode) -> int:
        """Store examples, all or none, as one version of each dataset; gives the newest one's time.

        Raises:
            MissingError: A dataset, or an example to update, is not there.
            TakenError: An id is in use.
            MismatchError: An example belongs to another dataset.
        """
        ...

    async def delete_examples(self, ids: Sequence[UUID], *, hard: bool) -> int:
        """Remove examples from the present version, or with `hard` from history too; gives their number."""
        ...

    async def clone(
        self,
        source: UUID,
        target: UUID,
        as_of: str | None,
        ids: Collection[UUID] | None,
        *,
        splits: Collection[str] | None = None,
    ) -> list[UUID]:
        """Copy examples with their files and splits into another dataset, under new ids.

        With `splits` only those that are in one of them.

        Raises:
            MissingError: A dataset, or the version, is not there.
        """
        ...

    async def read_examples(self, selection: ExampleSelection) -> list[Row]:
        """Read examples with payloads unpacked, and `dataset_name`.

        Raises:
            MissingError: The dataset, or the version, is not there.
        """
        ...

    async def read_files(self, rows: Sequence[int]) -> dict[int, list[Row]]:
        """Read the files of example records, by their `row`."""
        ...

    async def compare(self, values: Row, experiments: Sequence[UUID]) -> None:
        """Store a comparative experiment.

        Raises:
            MissingError: The dataset, or an experiment, is not there.
            MismatchError: An experiment is one on another dataset.
            TakenError: Its id is in use, or the dataset has one of that name.
        """
        ...

    async def comparisons(self, dataset_id: UUID, limit: int, offset: int) -> list[Row]:
        """Read the comparative experiments of a dataset, newest first.

        Raises:
            MissingError: There is no such dataset.
        """
        ...

    async def comparison(self, dataset_id: UUID, comparison_id: UUID) -> Row:
        """Read one comparative experiment of a dataset.

        Raises:
            MissingError: There is none.
        """
        ...

    async def experiment_rows(self, selection: ExperimentSelection) -> list[Row]:
        """Read the examples that experiments answered, as `read_examples` does, each as it was last.

        Raises:
            MissingError: The dataset, or an experiment, is not there.
            MismatchError: An experiment is one on another dataset.
        """
        ...

    async def share(self, dataset_id: UUID, token: UUID) -> UUID:
        """Store a dataset's token unless it has one, and give the one that it has.

        Raises:
            MissingError: There is no such dataset.
            TakenError: Another dataset has this token.
        """
        ...

    async def read_share(self, dataset_id: UUID) -> UUID | None:
        """Read a dataset's token; None if it has none."""
        ...

    async def delete_share(self, dataset_id: UUID) -> None:
        """Forget a dataset's token."""
        ...

    async def find_shared(self, token: UUID) -> UUID | None:
        """Give the dataset that has a token."""
        ...

    async def index(self, dataset_id: UUID, *, must_exist: bool) -> bool:
        """Make the search index of a dataset, or bring it up to date; with `must_exist` none is made.

        Returns whether there is one now.

        Raises:
            MissingError: There is no such dataset.
        """
        ...

    async def drop_index(self, dataset_id: UUID) -> None:
        """Remove the search index of a dataset."""
        ...

    async def search(
        self, dataset_id: UUID, likeness: Likeness, selection: ExampleSelection
    ) -> list[Row] | None:
        """Read the examples whose inputs are most like something, best first; None without an index."""
        ...

    async def texts_without_vector(self, dataset_id: UUID, model: str, limit: int) -> list[tuple[int, str]]:
        """Read indexed records that have no vector of a model, each with the words of its inputs."""
        ...

    async def add_vectors(self, model: str, vectors: Mapping[int, bytes]) -> None:
        """Store the vectors of example records, by their `row`."""
        ...
