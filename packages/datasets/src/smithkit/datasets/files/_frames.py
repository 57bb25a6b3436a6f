"""Data frames as CSV, by their own means: neither pandas nor polars has to be installed."""

from __future__ import annotations

import csv
import io
from typing import Any, BinaryIO

from smithkit.errors import LangSmithUserError

__all__ = ["write_csv"]

_PIECE = 1 << 20


def write_csv(df: Any, file: BinaryIO) -> None:
    """Write a data frame, without an index.

    Args:
        df: A data frame of pandas or polars.
        file: An empty file, which stands at its start afterwards.

    Raises:
        LangSmithUserError: `df` is no data frame.
    """
    _write(df, file, quoted=False)
    if any(b"\r" in piece for piece in iter(lambda: file.read(_PIECE), b"")):
        # Both leave a carriage return bare, which then ends the row for whoever reads it.
        file.seek(0)
        file.truncate()
        _write(df, file, quoted=True)
    file.seek(0)


def _write(df: Any, file: BinaryIO, *, quoted: bool) -> None:
    if hasattr(df, "write_csv"):  # polars
        df.write_csv(file, quote_style="always" if quoted else "necessary")
    elif hasattr(df, "to_csv"):  # pandas
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        df.to_csv(
            text,
            index=False,
            quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL,
            lineterminator="\n",
        )
        text.detach()  # which writes what is left in it
    else:
        raise LangSmithUserError(
            f"df is a data frame of pandas or polars, not {type(df).__name__}; for others, write a CSV file and "
            f"use upload_csv."
        )
    file.seek(0)
