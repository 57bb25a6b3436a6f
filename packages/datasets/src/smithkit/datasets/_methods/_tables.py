"""Methods that make datasets of tables."""

from __future__ import annotations

import io
import shutil
import uuid
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from smithkit.datasets._methods._lookup import Lookup, dataset_from, given
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

        The file is read to its end before anything is sent: what is wrong with it names row and column. It is
        never in memory as a whole.

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
        with ExitStack() as opened:
            table = _table(csv_file, opened)
            return (yield from self._upload_table(table, input_keys, output_keys, fields))

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
            df: A data frame of pandas or polars; what is in it is sent as CSV, without an index, which is
                written to a temporary file first.
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
        from smithkit.datasets.files._frames import write_csv

        fields = given(name=name, description=description, data_type=data_type)
        with TemporaryFile() as file:
            write_csv(df, file)
            table = "data.csv", file, "text/csv"
            return (yield from self._upload_table(table, input_keys, output_keys, fields))

    def _upload_table(
        self,
        table: tuple[str, BinaryIO, str],
        input_keys: Sequence[str],
        output_keys: Sequence[str],
        fields: dict[str, Any],
    ) -> Flow[Dataset]:
        from smithkit.datasets.files import _csv
        from smithkit.multipart import Body, StreamPiece, part

        name, file, kind = table
        _csv.check(file, [*input_keys, *output_keys])
        form: list[tuple[str, Any]] = [
            *(("input_keys", key) for key in input_keys),
            *(("output_keys", key) for key in output_keys),
        ]
        form += [*fields.items(), ("id", uuid.uuid4())]
        pieces = [piece for field, value in form for piece in part(field, _text(value).encode())]
        content: Any = Body([*pieces, *part("file", StreamPiece.of(file), kind, name)])
        request = Request("POST", "/datasets/upload", content=content, headers=content.headers)
        row = (yield request).json()
        if isinstance(row, dict) and "already exists" in str(row.get("detail", "")):
            raise ValueError(row["detail"])
        return dataset_from(row, **(yield from self._link()))


def _table(csv_file: Any, opened: ExitStack) -> tuple[str, BinaryIO, str]:
    """A table's name, its bytes in a file that can be read again, and its type."""
    if isinstance(csv_file, str | Path):
        return Path(csv_file).name, opened.enter_context(Path(csv_file).open("rb")), "text/csv"
    if not isinstance(csv_file, tuple) or len(csv_file) not in {2, 3}:
        raise ValueError(
            f"csv_file is a path, (name, stream) or (name, stream, type), not {type(csv_file).__name__}."
        )
    name, given_stream, *kind = csv_file
    stream: Any = io.BytesIO(given_stream) if isinstance(given_stream, bytes) else given_stream
    if not stream.seekable():
        copy = opened.enter_context(TemporaryFile())  # noqa: SIM115 - the caller closes it
        shutil.copyfileobj(stream, copy)
        copy.seek(0)
        stream = copy
    return name, stream, kind[0] if kind else "text/csv"


def _text(value: Any) -> str:
    """A form field's text; members of an enumeration are what they stand for."""
    return str(getattr(value, "value", value))
