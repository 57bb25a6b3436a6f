"""CSV files, read row by row: what is wrong with one names its row and column."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, BinaryIO

from smithkit.datasets.errors import InvalidExampleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from smithkit.datasets.files._layout import Layout

__all__ = ["check", "read", "rows_of", "write"]

_LONGEST_CELL = 1 << 28


def read(path: Path, layout: Layout) -> Iterator[dict[str, str]]:
    """The rows of a file.

    Args:
        path: The file.
        layout: Tells which columns are needed.

    Yields:
        Rows.

    Raises:
        InvalidExampleError: As `rows_of`.
    """
    with path.open("rb") as file:
        yield from rows_of(file, layout.needed)


def write(path: Path, layout: Layout, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write a file.

    Args:
        path: The file.
        layout: Tells the columns.
        rows: Column → value, each.

    Returns:
        How many rows were written.
    """
    from smithkit.datasets.files._layout import as_text

    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, layout.columns, quoting=csv.QUOTE_ALL)
        writer.writeheader()
        for count, row in enumerate(rows, 1):
            writer.writerow(as_text(count, row, layout=layout))
    return count


def check(file: BinaryIO, columns: Sequence[str]) -> None:
    """Read a file to its end, and insist that it is a table with certain columns.

    Args:
        file: The file; it stands where it stood, afterwards.
        columns: The columns.

    Raises:
        InvalidExampleError: It is not; it names row and column.
    """
    place = file.tell()
    for _ in rows_of(file, columns):
        pass
    file.seek(place)


def rows_of(file: BinaryIO, columns: Sequence[str] = ()) -> Iterator[dict[str, str]]:
    """The rows of a table, each as column → text.

    Args:
        file: The file, in UTF-8; the first row names the columns.
        columns: Columns that have to be there.

    Yields:
        Rows.

    Raises:
        InvalidExampleError: No header, a column that is missing or there twice, a row of another length, or
            text that is no UTF-8.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))  # documents are longer than 128 KiB
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        yield from _rows(csv.reader(text, strict=True), columns)
    finally:
        text.detach()  # the file is the caller's to close


def _rows(reader: Any, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    row = 0
    try:
        header: list[str] = next(reader, [])
        _check_header(header, columns)
        for row, cells in enumerate(filter(None, reader), 1):
            if len(cells) != len(header):
                raise _ragged(row, header, cells)
            yield dict(zip(header, cells, strict=True))
    except UnicodeDecodeError as error:
        raise InvalidExampleError(f"it is no UTF-8 text ({error.reason})", row=row + 1) from None
    except csv.Error as error:
        raise InvalidExampleError(f"it is no CSV: {error}", row=row + 1) from None


def _check_header(header: Sequence[str], columns: Sequence[str]) -> None:
    if not header:
        raise InvalidExampleError("the table is empty: its first row names the columns")
    for name in header:
        if header.count(name) > 1:
            raise InvalidExampleError("two columns have this name", field=name)
    for name in columns:
        if name not in header:
            raise InvalidExampleError(f"there is no such column; there are {', '.join(header)}", field=name)


def _ragged(row: int, header: Sequence[str], cells: Sequence[str]) -> InvalidExampleError:
    if len(cells) < len(header):
        return InvalidExampleError(
            f"the row has {len(cells)} cells, where the header has {len(header)}: this one is missing",
            row=row,
            field=header[len(cells)],
        )
    return InvalidExampleError(
        f"the row has {len(cells)} cells, where the header has {len(header)}", row=row, field=header[-1]
    )
