"""Parquet files, by pyarrow: read and written a batch of rows at a time."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from smithkit.datasets.errors import InvalidExampleError
from smithkit.datasets.files._layout import Whole, as_text
from smithkit.errors import MissingPackageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from smithkit.datasets.files._layout import Layout

__all__ = ["read", "write"]

_BATCH = 1000


def read(path: Path, layout: Layout) -> Iterator[dict[str, Any]]:
    """The rows of a file.

    Args:
        path: The file.
        layout: Tells which columns are needed; others are not read.

    Yields:
        Rows, as column → value.

    Raises:
        InvalidExampleError: It is no Parquet file, or a column is missing.
    """
    arrow, parquet = _pyarrow()
    try:
        file = parquet.ParquetFile(path)
    except arrow.ArrowInvalid as error:
        raise InvalidExampleError(f"{path.name} is no Parquet file: {error}") from None
    with file:
        there = file.schema_arrow.names
        for name in layout.needed:
            if name not in there:
                raise InvalidExampleError(
                    f"there is no such column; there are {', '.join(there)}", field=name
                )
        wanted = [name for name in layout.columns if name in there]
        for batch in file.iter_batches(_BATCH, columns=wanted):
            yield from batch.to_pylist()


def write(path: Path, layout: Layout, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write a file. Columns have the types of the first thousand rows; whole examples are JSON.

    Args:
        path: The file.
        layout: Tells the columns.
        rows: Column → value, each.

    Returns:
        How many rows were written.

    Raises:
        InvalidExampleError: A column holds values of several types.
    """
    arrow, parquet = _pyarrow()
    left = iter(rows)
    schema = (
        arrow.schema([(name, arrow.string()) for name in layout.columns])
        if isinstance(layout, Whole)
        else None
    )
    count, writer = 0, None
    try:
        while (batch := list(islice(left, _BATCH))) or writer is None:
            table = _table(batch, count, layout, schema)
            schema = table.schema
            writer = writer or parquet.ParquetWriter(path, schema)
            writer.write_table(table)
            count += len(batch)
    finally:
        if writer is not None:
            writer.close()
    return count


def _table(batch: list[Mapping[str, Any]], before: int, layout: Layout, schema: Any) -> Any:
    arrow, _ = _pyarrow()
    whole = isinstance(layout, Whole)
    rows = [
        as_text(row, cells, layout=layout) if whole else cells for row, cells in enumerate(batch, before + 1)
    ]
    columns = []
    for name in layout.columns:
        kind = None if schema is None else schema.field(name).type
        try:
            columns.append(arrow.array([row.get(name) for row in rows], type=kind))
        except (arrow.ArrowInvalid, arrow.ArrowTypeError, OverflowError) as error:
            problem = (
                f"the column holds values of several types ({error}). Use JSON lines, or whole examples."
            )
            raise InvalidExampleError(problem, row=_culprit(rows, before, name, kind), field=name) from None
    return arrow.table(columns, names=list(layout.columns))


def _culprit(rows: list[Any], before: int, name: str, kind: Any) -> int:
    """The first row with whose value a column cannot be made."""
    arrow, _ = _pyarrow()
    for end in range(1, len(rows) + 1):
        try:
            arrow.array([row.get(name) for row in rows[:end]], type=kind)
        except (arrow.ArrowInvalid, arrow.ArrowTypeError, OverflowError):
            return before + end
    return before + 1


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingPackageError(
            "Parquet needs pyarrow: pip install 'smithkit-datasets[parquet]'"
        ) from error
    return pa, parquet
