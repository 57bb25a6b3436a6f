"""Connections to a SQLite file, set up for many processes, one writer each and many readers."""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, create_engine, event
from sqlalchemy.pool import QueuePool

from smithkit.server.store.sqlite_filter import add_functions
from smithkit.server.store.storage import SoleUse, StorageError, file_system, is_network

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

__all__ = [
    "blob_folder",
    "claim",
    "create_file",
    "database_path",
    "end",
    "give_space_back",
    "reader_engine",
    "writer_engine",
]

_log = logging.getLogger("smithkit.server")
_BUSY_SECONDS = 30
_READERS = 8
_READER_CACHE = 32768  # KiB: the index by id of a million runs
_PAGE_SIZE = 16384
_VACUUM_PAGES = 1000
_PREFIX = "sqlite:///"


def database_path(url: str) -> Path:
    """Find the file that a database URL names.

    Args:
        url: ``sqlite:///path`` or a plain path; ``~`` is the home directory.

    Returns:
        Its absolute path.

    Raises:
        ValueError: It names another kind of database, or a database in memory, which could not be shared
            between threads and processes.

    Example:
        >>> database_path("sqlite:///x.db").name
        'x.db'
    """
    text = url.removeprefix(_PREFIX)
    if "://" in text or text in {"", ":memory:"}:
        raise ValueError(f"cannot store runs in {url!r}: give sqlite:///path/to/file.db or a path")
    return Path(text).expanduser().resolve()


def blob_folder(path: Path) -> Path:
    """Tell where the blobs of a database file lie.

    Example:
        >>> blob_folder(Path("runs.db")).name
        'runs.db.blobs'
    """
    return path.with_name(f"{path.name}.blobs")


def claim(path: Path) -> SoleUse | None:
    """Take a file on a network file system for this process alone; others need no such thing.

    Args:
        path: The file.

    Returns:
        The right to use it, to be released; None where processes may share it.

    Raises:
        StorageError: Another process uses it.
    """
    kind = file_system(path)
    if not is_network(kind):
        return None
    sole = SoleUse(path)
    _log.warning(
        "%s is on a network file system (%s), where SQLite's WAL cannot work: using the slower journal, for this "
        "process alone. Put the database on a local disk if you can",
        path,
        kind,
    )
    return sole


def create_file(path: Path) -> None:
    """Make a database file that only its owner can read, and the folders above it likewise.

    Args:
        path: The file; nothing changes if it is there.

    Raises:
        StorageError: It cannot be written.
    """
    try:
        _create_file(path)
    except OSError as error:
        raise StorageError(
            f"cannot write the database {path}: {error.strerror}. Make its folder writable, or name another (--db)"
        ) from error


def _create_file(path: Path) -> None:
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    # SQLite gives its -wal and -shm files the mode of the database.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def writer_engine(path: Path) -> Engine:
    """Open a file for writing: a transaction takes the write lock at its start, so it never fails half-way.

    Args:
        path: The file.

    Returns:
        An engine with one connection.
    """

    def set_up(connection: Any) -> None:
        _set_up_file(connection, path)
        _set_up(connection, ("foreign_keys=ON", "cache_size=-16384"))

    return _engine(path, begin="BEGIN IMMEDIATE", size=1, set_up=set_up)


def reader_engine(path: Path) -> Engine:
    """Open a file for reading.

    Args:
        path: The file.

    Returns:
        An engine with several connections, which refuse to write.
    """
    pragmas = ("query_only=ON", f"cache_size=-{_READER_CACHE}")
    return _engine(path, begin="BEGIN", size=_READERS, set_up=partial(_set_up, pragmas=pragmas))


def _engine(path: Path, *, begin: str, size: int, set_up: Callable[[Any], None]) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=_BUSY_SECONDS,
        pool_use_lifo=True,  # what one connection has read, the next reader finds in its cache
        hide_parameters=True,  # they are what clients store: no error may repeat them
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        # The driver's own transaction control begins too late; see `on_begin`.
        connection.isolation_level = None
        set_up(connection)

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("smithkit_begin", begin))

    return engine


def _set_up_file(connection: Any, path: Path) -> None:
    """Set how the file is kept. It waits for whoever writes, so only who writes does it."""
    # Both take effect on an empty file alone, in this order and before WAL. Of usual payloads a page of 4 KiB holds
    # one row and is half empty; auto_vacuum lets deleted data give its space back.
    connection.execute(f"PRAGMA page_size={_PAGE_SIZE}")
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    wanted = "DELETE" if is_network(file_system(path)) else "WAL"
    (mode,) = connection.execute(f"PRAGMA journal_mode={wanted}").fetchone()
    if mode == "wal":
        # In WAL mode NORMAL survives a killed process; only a power failure may cost the newest commits.
        connection.execute("PRAGMA synchronous=NORMAL")
    else:
        if mode != wanted.lower():
            _log.warning("%s: the file system does not support WAL; using the slower %r journal", path, mode)
        connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA journal_size_limit=67108864")


def _set_up(connection: Any, pragmas: tuple[str, ...]) -> None:
    add_functions(connection)
    for pragma in ("temp_store=MEMORY", *pragmas):
        connection.execute(f"PRAGMA {pragma}")


def end(engine: Engine) -> None:
    """Close an engine's connections: now, or when a read that was given up comes back with one.

    Args:
        engine: It is not used any more.
    """
    event.listen(engine.pool, "checkin", lambda _connection, record: record.invalidate())
    engine.dispose()


def give_space_back(connection: Connection) -> bool:
    """Return some free pages of the file to the file system.

    Args:
        connection: A connection that holds the write lock.

    Returns:
        Whether there are more.
    """
    if connection.dialect.name != "sqlite":  # others reuse it, and have upkeep of their own
        return False
    (free,) = connection.exec_driver_sql("PRAGMA freelist_count").one()
    driver = connection.connection.driver_connection
    if driver is None or not free:
        return False
    for _ in range(min(free, _VACUUM_PAGES)):
        # One page at a time: the driver takes one step only of a statement that has no columns.
        driver.execute("PRAGMA incremental_vacuum(1)")
    (left,) = connection.exec_driver_sql("PRAGMA freelist_count").one()
    return bool(0 < left < free)
