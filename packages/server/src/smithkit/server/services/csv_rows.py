"""CSV files as examples, row by row."""

from __future__ import annotations

import csv
import io
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from smithkit.server.domain.jsons import dump
from smithkit.server.errors import unprocessable
from smithkit.server.store import ExampleChange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["CsvRows"]

_LONGEST_FIELD = 64 * 1024 * 1024
_NAMES_TOLD = 10
_LONGEST_TOLD = 60


class CsvRows:
    r"""The rows of a CSV file, each an example. They are read while they are gone through, and may be so again.

    Args:
        open_file: Opens the file, which is in UTF-8 and has a header.
        inputs: Columns that are inputs.
        outputs: Columns that are outputs.

    Example:
        >>> (example,) = CsvRows(lambda: io.BytesIO(b"q,a\nwhy,because\n"), ["q"], ["a"])
        >>> example.inputs, example.outputs
        (b'{"q":"why"}', b'{"a":"because"}')
    """

    def __init__(
        self, open_file: Callable[[], IO[bytes]], inputs: Sequence[str], outputs: Sequence[str]
    ) -> None:
        self._open = open_file
        self._inputs = inputs
        self._outputs = outputs

    def __iter__(self) -> Iterator[ExampleChange]:
        """Read the rows.

        Raises:
            ApiError: 422, it is no such file, or a column is not there.
        """
        csv.field_size_limit(_LONGEST_FIELD)
        with io.TextIOWrapper(self._open(), "utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            try:
                self._check(list(reader.fieldnames or ()))
                for row in reader:
                    inputs, outputs = _columns(row, self._inputs), _columns(row, self._outputs)
                    yield ExampleChange(uuid4(), inputs=inputs, outputs=outputs)
            except UnicodeDecodeError as error:
                raise unprocessable("file: is not UTF-8 text") from error
            except csv.Error as error:
                raise unprocessable(f"file: line {reader.line_num} is not CSV: {error}") from error

    def _check(self, known: list[str]) -> None:
        absent = [key for key in (*self._inputs, *self._outputs) if key not in known]
        if absent:
            raise unprocessable(f"file: has no column {_told(absent[:1])}; it has {_told(known)}")


def _told(names: Sequence[str]) -> str:
    """The first names of a header, which may be very long."""
    shown = [
        repr(name if len(name) <= _LONGEST_TOLD else f"{name[:_LONGEST_TOLD]}…")
        for name in names[:_NAMES_TOLD]
    ]
    more = [f"{len(names) - _NAMES_TOLD} more"] if len(names) > _NAMES_TOLD else []
    return ", ".join(shown + more) or "none"


def _columns(row: dict[str, Any], names: Sequence[str]) -> bytes | None:
    return dump({name: row[name] for name in names}) if names else None
