"""Files of JSON lines: an object in each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from smithkit.datasets._rows import json_of
from smithkit.datasets.errors import InvalidExampleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from smithkit.datasets.files._layout import Layout

__all__ = ["read", "write"]


def read(path: Path, layout: Layout) -> Iterator[dict[str, Any]]:  # noqa: ARG001 - of any format
    """The objects of a file; blank lines are none.

    Args:
        path: The file, in UTF-8.
        layout: What they hold.

    Yields:
        Objects.

    Raises:
        InvalidExampleError: A line is no JSON object.
    """
    with path.open("rb") as file:
        for row, line in enumerate(filter(bytes.strip, file), 1):
            try:
                value = json.loads(line)
            except ValueError as error:  # UnicodeDecodeError among them
                raise InvalidExampleError(f"the line is no JSON: {error}", row=row) from None
            if not isinstance(value, dict):
                raise InvalidExampleError("the line is no JSON object", row=row)
            yield value


def write(path: Path, layout: Layout, rows: Iterable[Mapping[str, Any]]) -> int:  # noqa: ARG001 - of any format
    """Write a file.

    Args:
        path: The file.
        layout: What the objects hold.
        rows: The objects.

    Returns:
        How many were written.
    """
    count = 0
    with path.open("wb") as file:
        for count, row in enumerate(rows, 1):
            file.write(json_of(row, count, "inputs") + b"\n")
    return count
