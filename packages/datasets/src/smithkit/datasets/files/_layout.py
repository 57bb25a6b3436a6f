"""What the rows of a file hold: whole examples, or columns that are keys of inputs and outputs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from smithkit.datasets._rows import json_of
from smithkit.datasets.errors import InvalidExampleError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smithkit.datasets.schemas import Example

__all__ = ["Columns", "Layout", "Whole", "as_text"]

_FIELDS = ["id", "inputs", "outputs", "metadata", "split"]
_OF_JSON = ("inputs", "outputs", "metadata", "split")
_EMPTY = (None, "")
_SPLITS = "dataset_split"


class Layout(Protocol):
    """How examples and rows become each other."""

    @property
    def columns(self) -> Sequence[str]:
        """The columns of a table that is written."""
        ...

    @property
    def needed(self) -> Sequence[str]:
        """The columns that a table which is read has to have."""
        ...

    def example(self, row: int, cells: Mapping[str, Any]) -> dict[str, Any]:
        """The example of a row."""
        ...

    def cells(self, row: int, example: Example | Mapping[str, Any]) -> dict[str, Any]:
        """The row of an example."""
        ...


@dataclass(frozen=True)
class Whole:
    """A row is a whole example."""

    columns = _FIELDS
    needed = ("inputs",)

    def example(self, row: int, cells: Mapping[str, Any]) -> dict[str, Any]:
        """The example of a row.

        Args:
            row: Its number.
            cells: Column → cell.

        Raises:
            InvalidExampleError: A cell is no JSON, or the inputs are missing.
        """
        there = {name: cells[name] for name in _FIELDS if cells.get(name) not in _EMPTY}
        tabular = isinstance(cells.get("inputs"), str)
        fields = {name: _decoded(cell, row, name) for name, cell in there.items()} if tabular else there
        if not isinstance(fields.get("inputs"), dict):
            raise InvalidExampleError(
                "there are no inputs. Name the columns that are inputs (input_keys), if this is no file of "
                "whole examples.",
                row=row,
                field="inputs",
            )
        return fields

    def cells(self, row: int, example: Example | Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - of a layout
        """The row of an example; its splits, which the server keeps in the metadata, stand on their own.

        Args:
            row: Its number.
            example: It.
        """
        fields = _fields(example)
        metadata = dict(fields.get("metadata") or {})
        split = fields.get("split") or metadata.pop(_SPLITS, None)
        kept = {**fields, "metadata": metadata or None, "split": split}
        return {name: kept[name] for name in _FIELDS if kept.get(name) is not None}


@dataclass(frozen=True)
class Columns:
    """A row has a column for each key of inputs and outputs.

    Attributes:
        inputs: Keys of the inputs.
        outputs: Keys of the outputs.
    """

    inputs: list[str]
    outputs: list[str]

    @property
    def columns(self) -> Sequence[str]:
        """The columns of a table."""
        return list(dict.fromkeys([*self.inputs, *self.outputs]))

    @property
    def needed(self) -> Sequence[str]:
        """The same: a table that lacks one cannot be read."""
        return self.columns

    def example(self, row: int, cells: Mapping[str, Any]) -> dict[str, Any]:
        """The example of a row.

        Args:
            row: Its number.
            cells: Column → cell.

        Raises:
            InvalidExampleError: A column is missing.
        """
        for name in self.columns:
            if name not in cells:
                problem = f"there is no such column; there are {', '.join(map(str, cells))}"
                raise InvalidExampleError(problem, row=row, field=name)
        made: dict[str, Any] = {"inputs": {name: cells[name] for name in self.inputs}}
        if self.outputs:
            made["outputs"] = {name: cells[name] for name in self.outputs}
        return made

    def cells(self, row: int, example: Example | Mapping[str, Any]) -> dict[str, Any]:
        """The row of an example.

        Args:
            row: Its number.
            example: It.

        Raises:
            InvalidExampleError: It lacks a key, or has one that is no column and would be lost.
        """
        fields = _fields(example)
        made: dict[str, Any] = {}
        for field, keys in (("inputs", self.inputs), ("outputs", self.outputs)):
            values = fields.get(field) or {}
            for key in keys:
                if key not in values:
                    raise InvalidExampleError(f"there is no key {key!r}", row=row, field=field)
                made[key] = values[key]
            lost = [key for key in values if key not in keys]
            if keys and lost:
                problem = f"the key {lost[0]!r} is no column and would be lost"
                raise InvalidExampleError(problem, row=row, field=field)
        return made


def as_text(row: int, cells: Mapping[str, Any], *, layout: Layout) -> dict[str, str | None]:
    """A row whose cells are text: what is no text is JSON.

    Args:
        row: Its number.
        cells: Column → value.
        layout: The file's layout.
    """
    whole = isinstance(layout, Whole)
    return {
        name: _encoded(cells.get(name), row, name, always=whole and name in _OF_JSON)
        for name in layout.columns
    }


def _encoded(value: Any, row: int, name: str, *, always: bool) -> str | None:
    if value is None or (isinstance(value, str) and not always):
        return value
    if name == "id":
        return str(value)
    return json_of(value, row, name).decode()


def _decoded(cell: Any, row: int, name: str) -> Any:
    if name == "id" or not isinstance(cell, str):
        return cell
    try:
        return json.loads(cell)
    except ValueError as error:
        raise InvalidExampleError(f"it is no JSON: {error}", row=row, field=name) from None


def _fields(example: Any) -> Mapping[str, Any]:
    """The fields of an example, whatever holds them."""
    return example if isinstance(example, dict) else dict(example)
