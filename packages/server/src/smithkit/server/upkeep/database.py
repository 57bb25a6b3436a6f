"""A database as upkeep sees it: SQLite or PostgreSQL, maybe with ClickHouse beside it, and the folder of its blobs."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import DatabaseError

from smithkit.server.store import default_blobs, postgres_engine
from smithkit.server.store.blobs import Blobs, open_blobs
from smithkit.server.store.clickhouse.address import is_clickhouse, parse_address
from smithkit.server.store.clickhouse.client import Clickhouse
from smithkit.server.store.clickhouse.migrations import VERSION, prepare, read_version
from smithkit.server.store.engine import blob_folder, create_file, database_path, writer_engine
from smithkit.server.store.migrate import HEAD, migrate, read_revision
from smithkit.server.store.storage import StorageError
from smithkit.server.upkeep.clickhouse_rows import ClickhouseRows
from smithkit.server.upkeep.errors import UpkeepError
from smithkit.server.upkeep.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from smithkit.server.store.clickhouse.address import Address

__all__ = ["Database", "existing_file", "open_database"]


@dataclass(frozen=True, slots=True)
class Database:
    """An open database.

    Attributes:
        name: Its URL or path, without password.
        engine: Reads and writes it.
        blobs: Its files.
        path: The file, if the SQL database is one.
        rows: Reads and writes the rows of its tables.
        clickhouse: Where runs and feedback are, if they are on ClickHouse.
    """

    name: str
    engine: Engine
    blobs: Blobs
    path: Path | None = None
    rows: Rows = field(default_factory=Rows)
    clickhouse: Clickhouse | None = None

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Read it as it is at this moment, whatever others write meanwhile."""
        self.rows.begin()
        if self.path is None:
            options = {"isolation_level": "REPEATABLE READ", "smithkit_begin": "BEGIN"}
            with self.engine.connect().execution_options(**options) as connection:
                yield connection
            return
        with self.engine.connect().execution_options(smithkit_begin="BEGIN") as connection:
            yield connection


@contextmanager
def open_database(
    url: str, *, blobs: str | None = None, create: bool = False, any_revision: bool = False
) -> Iterator[Database]:
    """Open a database for upkeep.

    Args:
        url: ``sqlite:///path.db``, a path, ``postgresql://…``, or ``clickhouse://…?meta=…``.
        blobs: The folder or URL of its files; for SQLite beside it by default, else ``blobs`` in SMITHKIT_HOME.
        create: Whether to make and migrate it; otherwise it must be there and of this release.
        any_revision: Whether a database of another release is opened too.

    Yields:
        The open database.

    Raises:
        UpkeepError: It is not there, is of another release, or cannot be opened.

    Example:
        >>> with open_database("new.db", create=True) as database:
        ...     database.name.endswith("new.db")
        True
    """
    opened = _with_clickhouse if is_clickhouse(url) else _sql
    with opened(url, blobs, create=create, any_revision=any_revision) as database:
        yield database


@contextmanager
def _sql(url: str, blobs: str | None, *, create: bool, any_revision: bool) -> Iterator[Database]:
    database = _file(url, blobs, create=create) if _is_file(url) else _server(url, blobs)
    try:
        if create:
            migrate(database.engine)
        elif not any_revision:
            _require_present(database)
        yield database
    except DatabaseError as error:
        raise UpkeepError(f"{database.name}: {error.orig}") from error
    except StorageError as error:
        raise UpkeepError(f"{database.name}: {error}") from error
    finally:
        database.engine.dispose()


@contextmanager
def _with_clickhouse(url: str, blobs: str | None, *, create: bool, any_revision: bool) -> Iterator[Database]:
    try:
        address = parse_address(url)
    except ValueError as error:
        raise UpkeepError(str(error)) from error
    with _sql(address.meta, blobs, create=create, any_revision=any_revision) as inner:
        clickhouse = Clickhouse(address)
        with closing(clickhouse):
            if create:
                with inner.engine.begin():  # under the write lock: servers may start meanwhile
                    prepare(clickhouse)
            elif not any_revision:
                _require_version(address, read_version(clickhouse))
            rows = ClickhouseRows(clickhouse)
            yield replace(inner, name=str(address), rows=rows, clickhouse=clickhouse)


def existing_file(url: str) -> Path:
    """Find the SQLite file that a URL names.

    Raises:
        UpkeepError: It names none, or there is none.
    """
    try:
        path = database_path(url)
    except ValueError as error:
        raise UpkeepError(str(error)) from error
    if not path.is_file():
        raise UpkeepError(f"there is no database at {path}")
    return path


def _is_file(url: str) -> bool:
    return "://" not in url or url.startswith("sqlite:")


def _file(url: str, blobs: str | None, *, create: bool) -> Database:
    if create:
        try:
            path = database_path(url)
        except ValueError as error:
            raise UpkeepError(str(error)) from error
        create_file(path)
    else:
        path = existing_file(url)
    return Database(str(path), writer_engine(path), open_blobs(blobs, blob_folder(path)), path)


def _server(url: str, blobs: str | None) -> Database:
    try:
        parsed = postgres_engine.database_url(url)
    except ValueError as error:
        raise UpkeepError(str(error)) from error
    engine = postgres_engine.alone_engine(parsed)
    return Database(parsed.render_as_string(hide_password=True), engine, open_blobs(blobs, default_blobs()))


def _require_present(database: Database) -> None:
    with database.snapshot() as connection:
        revision = read_revision(connection)
    if revision != HEAD:
        raise UpkeepError(
            f"{database.name} is at revision {revision}, this release at {HEAD}: "
            "let a server of this release open an older one, and upgrade smithkit-server for a newer one"
        )


def _require_version(address: Address, version: int | None) -> None:
    if version != VERSION:
        raise UpkeepError(
            f"{address} is at version {version} of the tables on ClickHouse, this release at {VERSION}: "
            "let a server of this release open an older one, and upgrade smithkit-server for a newer one"
        )
