"""Talking to a ClickHouse server: statements with bound parameters, rows as JSON in both directions."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from smithkit.server.store.clickhouse.schema import BYTES, COLUMNS, IDS
from smithkit.server.store.storage import StorageError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from clickhouse_connect.driver.httpclient import HttpClient

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.clickhouse.address import Address

__all__ = ["CHUNK", "Bound", "Clickhouse", "chunks"]

CHUNK = 2000
"""Ids a statement: parameters travel in form fields, which servers cap at 128 KiB."""

_READ = {"output_format_json_quote_64bit_integers": 0, "final": 0}
_WRITE = {"async_insert": 0, "input_format_skip_unknown_fields": 0, "insert_deduplicate": 0}
_CONNECT_SECONDS = 10
_TEXTS = frozenset({"String", "Array(String)"})
_OVERLOADED = ("TOO_MANY_PARTS", "TOO_MANY_SIMULTANEOUS_QUERIES", "MEMORY_LIMIT_EXCEEDED", "TIMEOUT_EXCEEDED")


def chunks(ids: Iterable[Any]) -> Iterator[list[Any]]:
    """Cut ids into parts that fit into one statement."""
    wanted = list(ids)
    for at in range(0, len(wanted), CHUNK):
        yield wanted[at : at + CHUNK]


class Bound:
    """Collects the values of a statement, and gives what stands for each in its text.

    Example:
        >>> bound = Bound()
        >>> bound(7, "Int64"), bound.values
        ('{p0:Int64}', {'p0': 7})
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def __call__(self, value: Any, kind: str) -> str:
        """Bind a value of a ClickHouse type."""
        if kind in _TEXTS and "\0" in str(value if kind == "String" else "".join(value)):
            return self._bind_as_hex(value, kind)
        name = f"p{len(self.values)}"
        self.values[name] = _clean(value)
        return f"{{{name}:{kind}}}"

    def _bind_as_hex(self, value: Any, kind: str) -> str:
        """Not every way that parameters take lets the character U+0000 through."""
        if kind == "String":
            return f"unhex({self(_clean(value).encode().hex(), kind)})"
        return f"arrayMap(x -> unhex(x), {self([_clean(one).encode().hex() for one in value], kind)})"

    def ids(self, values: Collection[UUID]) -> str:
        """Bind ids, for ``IN``."""
        return self([str(value) for value in values], "Array(UUID)")


class Clickhouse:
    """An open connection to a server. Threads may share it.

    Args:
        address: The server and its database.

    Raises:
        StorageError: The client is not installed, or the server cannot be reached.
    """

    def __init__(self, address: Address) -> None:
        self._client = _connect(address)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def query(self, text: str, bound: Bound | None = None) -> list[Row]:
        """Read rows.

        Args:
            text: A SELECT without format.
            bound: Its values.

        Returns:
            The rows; ids, bytes and flags of known columns have their Python types.
        """
        values = bound.values if bound is not None else {}
        with _told():
            data = self._client.raw_query(text, values or None, settings=dict(_READ), fmt="JSONEachRow")
        return [_decoded(orjson.loads(line)) for line in data.splitlines()]

    def insert(self, table: str, rows: list[Row]) -> None:
        """Store rows, all of them or none; they are durable, and seen by whoever reads later, on return."""
        if rows:
            data = b"\n".join(map(_encoded, rows))
            with _told():
                self._client.raw_insert(table, COLUMNS[table], data, dict(_WRITE), "JSONEachRow")

    def command(self, text: str) -> None:
        """Run a statement that gives nothing, such as one that changes tables."""
        with _told():
            self._client.command(text)

    def size(self) -> int:
        """Tell how many bytes the tables take on the server's disks."""
        (row,) = self.query(
            "SELECT sum(total_bytes) AS size FROM system.tables WHERE database = currentDatabase()"
        )
        return int(row["size"] or 0)

    def delete(self, table: str, condition: str, bound: Bound) -> None:
        """Remove rows; they are gone for whoever reads later on return."""
        with _told():
            self._client.command(
                f"DELETE FROM {table} WHERE {condition}",
                bound.values,
                settings={"lightweight_deletes_sync": 2},
            )


@contextmanager
def _told() -> Iterator[None]:
    """Say what kind of trouble the server has, where it is not the statement's.

    Raises:
        UnavailableError: It cannot be reached, or has too much to do.
        OSError: Its disk is full.
    """
    from clickhouse_connect.driver.exceptions import Error, OperationalError

    try:
        yield
    except Error as error:
        if "NOT_ENOUGH_SPACE" in str(error):
            raise OSError(errno.ENOSPC, "the disk of the ClickHouse server is full") from error
        if isinstance(error, OperationalError) or any(word in str(error) for word in _OVERLOADED):
            raise UnavailableError(f"ClickHouse: {error}") from error
        raise


def _connect(address: Address) -> HttpClient:
    try:
        from clickhouse_connect.driver.exceptions import Error
        from clickhouse_connect.driver.httpclient import HttpClient
    except ImportError as error:
        raise StorageError(
            "runs on ClickHouse need its client: pip install 'smithkit-server[clickhouse]'"
        ) from error
    try:
        return HttpClient(
            "https" if address.secure else "http",
            address.host,
            address.port,
            address.user,
            address.password,
            address.database,
            connect_timeout=_CONNECT_SECONDS,
            autogenerate_session_id=False,  # a session would allow one statement at a time
            form_encode_query_params=True,  # ids may be too many for a URL
        )
    except Error as error:
        raise StorageError(
            f"cannot use the ClickHouse database {address.database!r} on {address.host}:{address.port}: {error}. "
            "Look whether the server runs, the database is there and the user may use it"
        ) from error


def _decoded(row: Row) -> Row:
    for name, value in row.items():
        if value is None:
            continue
        if name in IDS:
            row[name] = UUID(value)
        elif name in BYTES:
            row[name] = value.encode()
    return row


def _encoded(row: Row) -> bytes:
    plain = {name: value.decode() if isinstance(value, bytes) else value for name, value in row.items()}
    try:
        return orjson.dumps(plain)
    except TypeError:
        return orjson.dumps(_clean(plain))


def _clean(value: Any) -> Any:
    """Lone surrogates have no place in UTF-8: they are spelled out, the same in what is stored and what is asked for."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(one) for key, one in value.items()}
    return value
