"""Examples in files: CSV, JSON lines and Parquet, read and written a row at a time.

A file of any size is read and written in constant memory. What a row holds is one of two things:

* the *whole example*: `id`, `inputs`, `outputs`, `metadata` and `split`; in the cells of a table as JSON,
* its *columns*: with `input_keys` and `output_keys` each named column is a key of the inputs or outputs.
  CSV holds text alone: what is no text is written as JSON, and everything is read as text.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smithkit.datasets.files import _csv, _jsonl, _parquet
from smithkit.datasets.files._layout import Columns, Layout, Whole
from smithkit.errors import LangSmithUserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import ModuleType

    from smithkit.datasets.schemas import Example

__all__ = ["read_examples", "write_examples"]

_FORMATS: dict[str, ModuleType] = {
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".parquet": _parquet,
}


def read_examples(
    path: str | os.PathLike[str], *, input_keys: Sequence[str] = (), output_keys: Sequence[str] = ()
) -> Iterator[dict[str, Any]]:
    r"""Read examples from a file, to be given to `create_examples`.

    Args:
        path: The file: ``.csv``, ``.jsonl``, ``.ndjson`` or ``.parquet``.
        input_keys: Columns that are the inputs. Default: the rows hold whole examples.
        output_keys: Columns that are the outputs.

    Yields:
        Examples: `inputs` and, where they are there, `id`, `outputs`, `metadata` and `split`.

    Raises:
        LangSmithUserError: The file's name has another ending, or output keys are given without input keys.
        InvalidExampleError: A row cannot be read; it names row and column.
        MissingPackageError: The file is Parquet and pyarrow is not installed.
        OSError: The file cannot be read.

    Example:
        >>> _ = Path("capitals.csv").write_text("country,capital\nFrance,Paris\n")
        >>> next(read_examples("capitals.csv", input_keys=["country"], output_keys=["capital"]))
        {'inputs': {'country': 'France'}, 'outputs': {'capital': 'Paris'}}
    """
    kind = _format(path)
    layout = _layout(input_keys, output_keys)
    for row, cells in enumerate(kind.read(Path(path), layout), 1):
        yield layout.example(row, cells)


def write_examples(
    path: str | os.PathLike[str],
    examples: Iterable[Example | Mapping[str, Any]],
    *,
    input_keys: Sequence[str] = (),
    output_keys: Sequence[str] = (),
) -> int:
    r"""Write examples to a file, such as those that `list_examples` gives.

    The file appears when all is written: what breaks off leaves no half of it.

    Args:
        path: The file: ``.csv``, ``.jsonl``, ``.ndjson`` or ``.parquet``.
        examples: Examples, as models or dictionaries.
        input_keys: Keys of the inputs, to be columns. Default: the rows hold whole examples.
        output_keys: Keys of the outputs, to be columns.

    Returns:
        How many examples were written.

    Raises:
        LangSmithUserError: The file's name has another ending, or output keys are given without input keys.
        InvalidExampleError: An example cannot be written; it names row and field.
        MissingPackageError: The file is Parquet and pyarrow is not installed.
        OSError: The file cannot be written.

    Example:
        >>> write_examples("capitals.jsonl", [{"inputs": {"country": "France"}}])
        1
        >>> Path("capitals.jsonl").read_text()
        '{"inputs": {"country": "France"}}\n'
    """
    kind = _format(path)
    layout = _layout(input_keys, output_keys)
    target = Path(path)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    rows = (layout.cells(row, example) for row, example in enumerate(examples, 1))
    try:
        count: int = kind.write(unfinished, layout, rows)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def _format(path: str | os.PathLike[str]) -> ModuleType:
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        raise LangSmithUserError(
            f"{Path(path).name} ends in {suffix or 'nothing'}: examples are in files that end in "
            f"{', '.join(_FORMATS)}."
        )
    return _FORMATS[suffix]


def _layout(input_keys: Sequence[str], output_keys: Sequence[str]) -> Layout:
    if output_keys and not input_keys:
        raise LangSmithUserError("output_keys are given without input_keys: name the columns of both.")
    return Columns(list(input_keys), list(output_keys)) if input_keys else Whole()
