"""Examples: checked on their way in, shown on their way out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
from starlette.concurrency import run_in_threadpool

from smithkit.server.domain.example_filter import example_matches
from smithkit.server.domain.example_schemas import Problem, problems
from smithkit.server.domain.filters import EXAMPLE_FIELDS
from smithkit.server.domain.jsons import contains, dump, load
from smithkit.server.domain.times import format_time
from smithkit.server.domain.transformations import TOOLS_OF_RUN, run_tools, transform
from smithkit.server.errors import not_found, problem, unprocessable
from smithkit.server.services.filters import read_filter
from smithkit.server.store import DatasetSelection, ExampleSelection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.errors import ApiError
    from smithkit.server.services.files import FileService
    from smithkit.server.store import ExampleChange, Store, WriteMode

__all__ = ["DatasetSchemas", "ExampleService", "FirstExamples", "dataset_schemas", "example_matcher"]

_STEP = 200
_TOLD = 1000
_PAYLOADS = ("inputs", "outputs")
_ALWAYS = frozenset({"id", "dataset_id", "inputs", "created_at", "modified_at", "source_run_id", "name"})


@dataclass(frozen=True, slots=True)
class DatasetSchemas:
    """What a dataset asks of its examples, and does to them, as JSON."""

    inputs: str | None
    outputs: str | None
    transformations: str | None


def dataset_schemas(row: Row) -> DatasetSchemas:
    """Take the schemas and transformations from a dataset's record."""
    return DatasetSchemas(row["inputs_schema"], row["outputs_schema"], row["transformations"])


def example_matcher(
    splits: Collection[str] | None, metadata: dict[str, Any] | None, filter_text: str | None
) -> Callable[[Row, dict[str, Any]], bool] | None:
    """Join the ways to choose examples into one; None if all are wanted.

    Raises:
        ApiError: 422, the filter is not understood.
    """
    tests: list[Callable[[Row, dict[str, Any]], bool]] = []
    if splits:
        wanted = frozenset(splits)
        tests.append(lambda _, own: not wanted.isdisjoint(own["dataset_split"]))
    if metadata is not None:
        part = metadata
        tests.append(lambda _, own: contains(own, part))
    node = read_filter("filter", filter_text, EXAMPLE_FIELDS)
    if node is not None:
        tests.append(partial(example_matches, node))
    return (lambda row, own: all(test(row, own) for test in tests)) if tests else None


class ExampleService:
    """Reads and writes examples.

    Args:
        store: Where they lie.
        files: Signs the URLs of attachments.
    """

    def __init__(self, store: Store, files: FileService) -> None:
        self._runs = store
        self._store = store.datasets
        self._files = files

    async def write(self, changes: Sequence[ExampleChange], mode: WriteMode) -> dict[str, Any]:
        """Store examples, all or none.

        Args:
            changes: The examples.
            mode: Whether they must be new, must be there, or may be either.

        Returns:
            Their number and ids, and the time of the version that they make.

        Raises:
            ApiError: 404, 409 or 422.
        """
        await self.prepare(changes, await self._schemas(changes, mode))
        as_of = await self._store.write_examples(changes, mode)
        return {
            "count": len(changes),
            "example_ids": [change.id for change in changes],
            "as_of": format_time(as_of) if changes else None,
        }

    async def prepare(self, changes: Sequence[ExampleChange], schemas: Mapping[UUID, DatasetSchemas]) -> None:
        """Fill in what examples take from runs, and check them.

        Raises:
            ApiError: 404, a run is not there; 422, an example is not what its dataset's schemas say.
        """
        await self._copy_runs([change for change in changes if change.run_io])
        tools = await self._tools_of_runs(changes, schemas)
        await run_in_threadpool(lambda: _check_all(_transformed(changes, schemas, tools)))

    async def read(self, example_id: UUID, as_of: str | None) -> bytes:
        """Read one example with the URLs of its attachments.

        Raises:
            ApiError: 404.
        """
        rows = await self._store.read_examples(ExampleSelection(ids=[example_id], as_of=as_of, limit=1))
        if not rows:
            raise not_found("Example")
        return orjson.dumps((await self.show(rows))[0])

    async def find(self, selection: ExampleSelection, select: Collection[str] | None) -> AsyncIterator[bytes]:
        """Read examples as one JSON array, piece by piece; all pieces are of one version.

        Args:
            selection: Which.
            select: Fields; None is all but `attachment_urls`.

        Yields:
            Pieces of the array's text.

        Raises:
            ApiError: 404.
        """
        if selection.limit > _STEP and selection.ids is None and selection.dataset_id is not None:
            selection = await self._pinned(selection)
        end = selection.offset + selection.limit
        before = b"["
        while True:
            page = replace(selection, limit=min(_STEP, end - selection.offset))
            rows = await self._store.read_examples(page)
            shown = await self._render_all(rows, select)
            if shown:
                yield before + b",".join(shown)
                before = b","
            selection.offset += len(rows)
            if len(rows) < page.limit or selection.offset >= end:
                break
        yield b"]" if before == b"," else b"[]"

    async def delete(self, ids: Sequence[UUID], *, hard: bool, must_exist: bool = False) -> int:
        """Remove examples.

        Args:
            ids: The examples; those that are not there are passed over.
            hard: Whether past versions forget them too.
            must_exist: Whether it is an error if none of them is there.

        Returns:
            How many there were.

        Raises:
            ApiError: 404.
        """
        count = await self._store.delete_examples(ids, hard=hard)
        if must_exist and not count:
            raise not_found("Example")
        return count

    async def show(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Show examples with the URLs of their attachments."""
        files = await self._store.read_files([row["row"] for row in rows])
        return [self._render(row, None, files) for row in rows]

    def render_found(self, row: Row) -> dict[str, Any]:
        """Show an example that a search has found: clients add its dataset themselves, and once only."""
        shown = self._render(row, None, {})
        del shown["dataset_id"]
        return shown

    async def _pinned(self, selection: ExampleSelection) -> ExampleSelection:
        assert selection.dataset_id is not None  # noqa: S101 - for the type checker
        versions = await self._store.versions(selection.dataset_id, 1, 0)
        if not versions:
            return selection
        if selection.as_of is None:
            return replace(selection, as_of=format_time(versions[0]["as_of"]))
        return selection

    async def _render_all(self, rows: Sequence[Row], select: Collection[str] | None) -> list[bytes]:
        wants_files = select is not None and "attachment_urls" in select
        files = await self._store.read_files([row["row"] for row in rows]) if wants_files else {}
        return [orjson.dumps(self._render(row, select, files)) for row in rows]

    def _render(
        self, row: Row, select: Collection[str] | None, files: Mapping[int, Sequence[Row]]
    ) -> dict[str, Any]:
        shown = {
            "id": row["example_id"],
            "dataset_id": row["dataset_id"],
            "name": f"#{row['position']:04} @ {row['dataset_name']}",
            "created_at": format_time(row["created_at"]),
            "modified_at": format_time(row["valid_from"]),
            "source_run_id": row["source_run_id"],
            "inputs": orjson.Fragment(row["inputs"] or b"null"),
            "outputs": orjson.Fragment(row["outputs"] or b"null"),
            "metadata": orjson.Fragment(row["metadata"]),
        }
        if select is not None:
            shown = {name: shown[name] for name in shown if name in _ALWAYS or name in select}
        if row["row"] in files:
            shown["attachment_urls"] = self._urls(files[row["row"]])
        return shown

    def _urls(self, files: Sequence[Row]) -> dict[str, Any] | None:
        return {
            f"attachment.{file['name']}": {
                "presigned_url": self._files.url(file["digest"], file["mime_type"]),
                "s3_url": file["digest"].hex(),
                "mime_type": file["mime_type"],
            }
            for file in files
        } or None

    async def _schemas(self, changes: Sequence[ExampleChange], mode: WriteMode) -> dict[UUID, DatasetSchemas]:
        """Find the schemas of the datasets, and the datasets of examples that do not say theirs."""
        homeless = [change for change in changes if change.dataset_id is None]
        if homeless and mode != "create":
            rows = await self._store.read_examples(
                ExampleSelection(ids=[change.id for change in homeless], limit=len(homeless))
            )
            homes = {row["example_id"]: row["dataset_id"] for row in rows}
            for change in homeless:
                change.dataset_id = homes.get(change.id)
        ids = {change.dataset_id for change in changes if change.dataset_id is not None}
        found = await self._store.find(DatasetSelection(ids=ids, limit=len(ids)))
        return {row["id"]: dataset_schemas(row) for row in found}

    async def _copy_runs(self, changes: Sequence[ExampleChange]) -> None:
        runs = [change.source_run_id for change in changes if change.source_run_id is not None]
        payloads = await self._runs.read_payloads(runs, ["inputs", "outputs"]) if runs else {}
        for change in changes:
            own = payloads.get(change.source_run_id) if change.source_run_id else None
            if own is None:
                raise not_found(f"Source run of example {change.id}")
            change.inputs = change.inputs or own.get("inputs")
            change.outputs = change.outputs or own.get("outputs")

    async def _tools_of_runs(
        self, changes: Sequence[ExampleChange], schemas: Mapping[UUID, DatasetSchemas]
    ) -> dict[UUID, list[Any]]:
        """Find the tools that source runs were given, by run, where datasets ask for them."""
        asking = {key for key, own in schemas.items() if TOOLS_OF_RUN in (own.transformations or "")}
        runs = {one.source_run_id for one in changes if one.source_run_id and one.dataset_id in asking}
        found = await self._runs.read_payloads(list(runs), ["inputs", "extra"]) if runs else {}
        return {run: run_tools({name: load(own) for name, own in had.items()}) for run, had in found.items()}


class FirstExamples:
    """The examples of a dataset that is yet to be made.

    They are checked by `check` alone, which takes longest: whoever stores them keeps others waiting.

    Args:
        examples: The examples; they take nothing from runs.
        dataset_id: The dataset, which is filled in.
        schemas: What they must be like.
    """

    def __init__(self, examples: Iterable[ExampleChange], dataset_id: UUID, schemas: DatasetSchemas) -> None:
        self._examples = examples
        self._dataset_id = dataset_id
        self._schemas = schemas

    def __iter__(self) -> Iterator[ExampleChange]:
        """Go through them as they are to be stored, one at a time."""
        for change in self._examples:
            change.dataset_id = self._dataset_id
            _transform(change, self._schemas, None)
            yield change

    def check(self) -> None:
        """Go through all of them and check each.

        Raises:
            ApiError: 422, some are not what the schemas say.
        """
        _check_all((change, self._schemas) for change in self)


def _transformed(
    changes: Iterable[ExampleChange],
    schemas: Mapping[UUID, DatasetSchemas],
    tools: Mapping[UUID, list[Any]],
) -> Iterator[tuple[ExampleChange, DatasetSchemas]]:
    """Transform examples, each when its turn comes; those of datasets that are not there are left out."""
    for change in changes:
        own = schemas.get(change.dataset_id) if change.dataset_id else None
        if own is not None:
            _transform(change, own, tools.get(change.source_run_id) if change.source_run_id else None)
            yield change, own


def _check_all(examples: Iterable[tuple[ExampleChange, DatasetSchemas]]) -> None:
    refused: dict[UUID, list[Problem]] = {}
    for change, own in examples:
        found = _problems(change, "inputs", own.inputs) + _problems(change, "outputs", own.outputs)
        if found:
            refused[change.id] = found
        if len(refused) == _TOLD:
            break
    if refused:
        raise _not_by_schema(refused)


def _transform(change: ExampleChange, own: DatasetSchemas, tools: list[Any] | None) -> None:
    if own.transformations is None:
        return
    given = {name: getattr(change, name) for name in _PAYLOADS if getattr(change, name) is not None}
    schemas = {name: load(text.encode()) for name in _PAYLOADS if (text := getattr(own, name)) is not None}
    wishes = load(own.transformations.encode())
    done = transform({name: load(payload) for name, payload in given.items()}, wishes, schemas, tools or ())
    for name, value in done.items():
        setattr(change, name, dump(value))


def _problems(change: ExampleChange, name: str, schema: str | None) -> list[Problem]:
    payload: bytes | None = getattr(change, name)
    if schema is None or payload is None:
        return []
    try:
        found = problems(schema, load(payload))
    except ValueError as error:
        raise unprocessable(f"{name}_schema_definition: {error}") from error
    return [Problem(f"{name}.{place}", message) for place, message in found]


def _not_by_schema(refused: Mapping[UUID, Sequence[Problem]]) -> ApiError:
    first, found = next(iter(refused.items()))
    wrong = "; ".join(map(str, found))
    others = f" (and {len(refused) - 1} more examples)" if len(refused) > 1 else ""
    error = unprocessable(f"Example {first} does not match the dataset's schema: {wrong}{others}")
    error.errors = [problem(key, own[0].place, own[0].message) for key, own in refused.items()]
    return error
