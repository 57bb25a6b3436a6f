"""Methods that make datasets of tables."""

from __future__ import annotations

import csv
import io
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from smithkit.datasets._methods._lookup import Lookup, dataset_from, given
from smithkit.errors import LangSmithUserError
from smithkit.operations import Flow, Request, operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smithkit.datasets.schemas import Dataset, DataType

__all__ = ["TableMethods"]


class _DataFrame(Protocol):
    """What pandas and polars have in common."""

    @property
    def columns(self) -> Any: ...


class TableMethods(Lookup):
    """Methods of both clients that make datasets of tables."""

    @operation
    def upload_csv(
        self,
        csv_file: str | Path | tuple[str, BinaryIO] | tuple[str, BinaryIO, str],
        input_keys: Sequence[str],
        output_keys: Sequence[str],
        *,
        name: str | None = None,
        description: str | None = None,
        data_type: DataType | str | None = "kv",
    ) -> Flow[Dataset]:
        """Make a dataset of a CSV file, an example of each row (``POST /datasets/upload``).

        The file is read to its end before anything is sent: what is wrong with it names row and column.

        Args:
            csv_file: Path; or (name, binary stream), or (name, binary stream, MIME type). UTF-8, with a header.
            input_keys: Columns that are the inputs.
            output_keys: Columns that are the outputs.
            name: The dataset's name. Default: the server takes the file's.
            description: A text for people.
            data_type: What the examples look like: ``kv``, ``llm`` or ``chat``.

        Returns:
            The dataset.

        Raises:
            ValueError: `csv_file` is of another type, or there is a dataset of that name.
            InvalidExampleError: A column is missing, a row has too few or too many cells, or is no UTF-8.
            LangSmithConflictError: There is a dataset of that name.

        Example:
            >>> client.upload_csv("capitals.csv", ["country"], ["capital"], name="capitals")  # doctest: +SKIP
        """
        fields = given(name=name, description=description, data_type=data_type)
        if isinstance(csv_file, str | Path):
            with Path(csv_file).open("rb") as file:
                named = Path(csv_file).name, file, "text/csv"
                return (yield from self._upload_table(named, input_keys, output_keys, fields))
        return (yield from self._upload_table(_stream(csv_file), input_keys, output_keys, fields))

    @operation
    def upload_dataframe(
        self,
        df: _DataFrame,
        name: str,
        input_keys: Sequence[str],
        output_keys: Sequence[str],
        *,
        description: str | None = None,
        data_type: DataType | str | None = "kv",
    ) -> Flow[Dataset]:
        """Make a dataset of a data frame, an example of each row (``POST /datasets/upload``).

        Args:
            df: A data frame of pandas or polars; what is in it is sent as CSV, without an index.
            name: The dataset's name.
            input_keys: Columns that are the inputs.
            output_keys: Columns that are the outputs.
            description: A text for people.
            data_type: What the examples look like: ``kv``, ``llm`` or ``chat``.

        Returns:
            The dataset.

        Raises:
            LangSmithUserError: `df` is no data frame.
            InvalidExampleError: A column is missing.
            LangSmithConflictError: There is a dataset of that name.

        Example:
            >>> client.upload_dataframe(frame, "capitals", ["country"], ["capital"])  # doctest: +SKIP
        """
        table = "data.csv", io.BytesIO(_csv_of(df)), "text/csv"
        fields = given(name=name, description=description, data_type=data_type)
        return (yield from self._upload_table(table, input_keys, output_keys, fields))

    def _upload_table(
        self,
        table: tuple[str, BinaryIO, str],
        input_keys: Sequence[str],
        output_keys: Sequence[str],
        fields: dict[str, Any],
    ) -> Flow[Dataset]:
        from smithkit.datasets.files import _csv

        _csv.check(table[1], [*input_keys, *output_keys])
        form = {"input_keys": list(input_keys), "output_keys": list(output_keys), **fields}
        form["id"] = str(uuid.uuid4())
        request = Request("POST", "/datasets/upload", data=form, files=[("file", table)])
        row = (yield request).json()
        if isinstance(row, dict) and "already exists" in str(row.get("detail", "")):
            raise ValueError(row["detail"])
        return dataset_from(row, **(yield from self._link()))


def _stream(csv_file: Any) -> tuple[str, BinaryIO, str]:
    """A table's name, its bytes in a stream that can be read again, and its type."""
    if not isinstance(csv_file, tuple) or len(csv_file) not in {2, 3}:
        raise ValueError(
            f"csv_file is a path, (name, stream) or (name, stream, type), not {type(csv_file).__name__}."
        )
    name, given_stream, *kind = csv_file
    stream: Any = io.BytesIO(given_stream) if isinstance(given_stream, bytes) else given_stream
    if not stream.seekable():
        stream = io.BytesIO(stream.read())
    return name, stream, kind[0] if kind else "text/csv"


def _csv_of(df: Any) -> bytes:
    """A data frame as CSV, by its own means: neither pandas nor polars has to be installed."""
    data = _written(df)
    # Both leave a carriage return bare, which then ends the row for whoever reads it.
    return _written(df, quoted=True) if b"\r" in data else data


def _written(df: Any, *, quoted: bool = False) -> bytes:
    if hasattr(df, "write_csv"):  # polars
        text = df.write_csv(quote_style="always" if quoted else "necessary")
    elif hasattr(df, "to_csv"):  # pandas
        text = df.to_csv(index=False, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    else:
        raise LangSmithUserError(
            f"df is a data frame of pandas or polars, not {type(df).__name__}; for others, write a CSV file and "
            f"use upload_csv."
        )
    data: bytes = text.encode() if isinstance(text, str) else text
    return data
