"""Records as lines of JSON.

The first line says what the file is, the last how many records it has, so that a cut file is noticed. Bytes
that are text are written as text; those that are stored compressed are marked, and compressed again when read.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

import orjson
import zstandard
from sqlalchemy import Boolean, Float, LargeBinary, Table, Text
from sqlalchemy import Integer as AnyInteger

from smithkit.server.store.migrate import HEAD, is_known
from smithkit.server.store.packing import pack, unpack
from smithkit.server.store.types import Guid
from smithkit.server.upkeep.errors import UpkeepError
from smithkit.server.upkeep.records import BlobRecord, RowRecord, exported_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from smithkit.server.upkeep.records import Record

__all__ = ["open_reading", "open_writing", "read_lines", "write_lines"]

_FORMAT = 1
_LONGEST_LINE = 1 << 30
_WINDOW = 1 << 27
_INTEGERS = 1 << 63
_ZSTD = frozenset({".zst", ".zstd"})


@contextmanager
def open_writing(path: Path) -> Iterator[IO[bytes]]:
    """Open an export to be written, compressed if its name ends in ``.zst``; it appears once it is whole."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with ExitStack() as stack:
            file: IO[bytes] = stack.enter_context(partial.open("wb"))
            partial.chmod(0o600)
            if path.suffix in _ZSTD:
                file = stack.enter_context(zstandard.ZstdCompressor(level=3).stream_writer(file))
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def open_reading(path: Path) -> Iterator[IO[bytes]]:
    """Open an export to be read."""
    import io

    try:
        with ExitStack() as stack:
            file: IO[bytes] = stack.enter_context(path.open("rb"))
            if path.suffix in _ZSTD:
                reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(
                    file, read_across_frames=True
                )
                file = io.BufferedReader(reader, 1 << 20)
            yield file
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UpkeepError(f"there is no export at {path}") from error
    except zstandard.ZstdError as error:
        raise UpkeepError(f"{path} is damaged or not compressed with zstd: {error}") from error


def write_lines(records: Iterable[Record], file: IO[bytes]) -> Counter[str]:
    """Write records.

    Returns:
        Table → rows; ``blobs`` counts files.
    """
    counts: Counter[str] = Counter()
    file.write(orjson.dumps({"smithkit": "export", "format": _FORMAT, "revision": HEAD}) + b"\n")
    for record in records:
        if isinstance(record, RowRecord):
            row = {str(name): _encode(value) for name, value in record.values.items()}
            file.write(orjson.dumps({"table": record.table.name, "row": row}) + b"\n")
            counts[record.table.name] += 1
            continue
        digest = record.digest.hex()
        for piece in record.pieces:
            file.write(orjson.dumps({"blob": digest, "data": base64.b64encode(piece).decode()}) + b"\n")
        file.write(orjson.dumps({"blob": digest, "end": True}) + b"\n")
        counts["blobs"] += 1
    file.write(orjson.dumps({"end": {str(name): count for name, count in counts.items()}}) + b"\n")
    return counts


def _encode(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if not isinstance(value, bytes):
        return value
    try:
        plain = unpack(value)
        text = plain.decode()
    except (zstandard.ZstdError, UnicodeDecodeError):
        return {"base64": base64.b64encode(value).decode()}
    return text if plain is value else {"zstd": text}


def read_lines(file: IO[bytes]) -> Iterator[Record]:
    """Read records.

    Raises:
        UpkeepError: A line is not one of an export, the file is cut, or is of a newer release.
    """
    return _Reader(file).records()


class _Reader:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._number = 0
        self._counts: Counter[str] = Counter()
        self._tables = {table.name: table for table in exported_tables()}

    def records(self) -> Iterator[Record]:
        self._check_head(self._line())
        while True:
            match self._line():
                case {"table": str(name), "row": dict(row)}:
                    yield RowRecord(self._table(name), self._row(self._table(name), row))
                    self._counts[name] += 1
                case {"blob": str(digest)} as first:
                    yield self._blob(digest, first)
                    self._counts["blobs"] += 1
                case {"end": dict(counts)}:
                    if counts != self._counts:
                        raise self._error("lines are missing: it was changed since it was written")
                    return
                case _:
                    raise self._error("is no record")

    def _line(self) -> Any:
        line = self._file.readline(_LONGEST_LINE)
        self._number += 1
        if not line.endswith(b"\n"):
            raise self._error(
                "is too long" if len(line) == _LONGEST_LINE else "the file ends here: it is cut"
            )
        try:
            return orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise self._error(f"is not JSON: {error}") from error

    def _check_head(self, head: Any) -> None:
        match head:
            case {"smithkit": "export", "format": int(form), "revision": str(revision)}:
                if form > _FORMAT or not is_known(revision):
                    raise self._error("the export is of a newer release: upgrade smithkit-server")
            case _:
                raise self._error("this is no export of smithkit's")

    def _table(self, name: str) -> Table:
        if name not in self._tables:
            raise self._error(f"there is no table {name[:80]!r}")
        return self._tables[name]

    def _row(self, table: Table, given: dict[str, Any]) -> dict[str, Any]:
        unknown = given.keys() - {column.name for column in table.columns}
        if unknown:
            raise self._error(f"{table.name} has no column {min(unknown)[:80]!r}")
        values = {}
        for column in table.columns:
            value = given.get(column.name)
            if value is None and not column.nullable:
                raise self._error(f"{table.name}.{column.name} is missing")
            try:
                values[column.name] = None if value is None else _decode(column.type, value)
            except (ValueError, TypeError, AttributeError) as error:
                raise self._error(f"{table.name}.{column.name} is not what it should be: {error}") from error
        return values

    def _blob(self, digest: str, first: dict[str, Any]) -> BlobRecord:
        try:
            key = bytes.fromhex(digest)
        except ValueError as error:
            raise self._error("is no blob") from error
        if len(key) != 32:  # noqa: PLR2004 - SHA-256
            raise self._error("is no blob")
        return BlobRecord(key, self._pieces(digest, first))

    def _pieces(self, digest: str, line: Any) -> Iterator[bytes]:
        while True:
            match line:
                case {"end": True}:
                    return
                case {"data": str(data)}:
                    yield self._bytes(data)
                case _:
                    raise self._error("is no piece of a blob")
            line = self._line()
            if not isinstance(line, dict) or line.get("blob") != digest:
                raise self._error("a blob ends before all of it was there")

    def _bytes(self, data: str) -> bytes:
        try:
            return base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise self._error("is not base64") from error

    def _error(self, text: str) -> UpkeepError:
        return UpkeepError(f"line {self._number}: {text}")


def _decode(kind: Any, value: Any) -> Any:
    if isinstance(kind, Guid):
        return UUID(value)
    if isinstance(kind, LargeBinary):
        return _decode_bytes(value)
    if isinstance(kind, Float):
        return float(value)
    expected = next(own for base, own in _PLAIN if isinstance(kind, base))
    if type(value) is not expected:
        raise TypeError(f"{expected.__name__} expected")
    if isinstance(value, int) and not -_INTEGERS <= value < _INTEGERS:
        raise ValueError("a number of 64 bits expected")
    return value


_PLAIN: tuple[tuple[type, type], ...] = ((Boolean, bool), (AnyInteger, int), (Text, str))


def _decode_bytes(value: Any) -> bytes:
    match value:
        case str():
            return value.encode()
        case {"zstd": str(text)}:
            return pack(text.encode())
        case {"base64": str(text)}:
            return base64.b64decode(text, validate=True)
        case _:
            raise TypeError("text, zstd or base64 expected")
