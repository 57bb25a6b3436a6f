"""Connections to a PostgreSQL database: for writing alone, for writing beside others, and for reading."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from smithkit.server.store.access import beside_others
from smithkit.server.store.storage import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine

__all__ = [
    "alone_engine",
    "beside_engine",
    "database_url",
    "is_conflict",
    "is_postgres",
    "reader_engine",
    "told_clearly",
    "without_password",
]

_DRIVER = "postgresql+psycopg"
_NAMES = frozenset({"postgres", "postgresql", _DRIVER})
_READERS = 8
_WRITERS = 4
_WAIT_SECONDS = 30
_LOCK = int.from_bytes(b"smithkit")
"""The advisory lock of the database: exclusive for writing alone, shared for writing beside others."""
_CONFLICTS = frozenset(
    {"40001", "40P01", "23505"}
)  # serialization, deadlock, a key that somebody else has made
# A server that vanished must not keep its locks for hours.
_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "connect_timeout": 10}


def is_postgres(url: str) -> bool:
    """Tell whether a URL names a PostgreSQL database.

    Example:
        >>> is_postgres("postgresql://localhost/runs"), is_postgres("runs.db")
        (True, False)
    """
    scheme, found, _ = url.partition("://")
    return bool(found) and scheme in _NAMES


def database_url(url: str) -> URL:
    """Read the URL of a PostgreSQL database.

    Raises:
        ValueError: It names no database, or the driver is not installed.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ValueError(
            "cannot read the database's URL: give postgresql://user:password@host/database"
        ) from error
    if not is_postgres(url) or not parsed.database:
        raise ValueError("give the database as postgresql://user:password@host/database")
    try:
        import psycopg  # noqa: F401 - told before anything is opened
    except ImportError as error:
        raise ValueError("PostgreSQL needs its driver: pip install 'smithkit-server[postgres]'") from error
    return parsed.set(drivername=_DRIVER)


def without_password(url: str) -> str:
    """Write a database's URL or path for people.

    Example:
        >>> without_password("postgresql://me:secret@localhost/runs")
        'postgresql://me:***@localhost/runs'
    """
    return make_url(url).render_as_string(hide_password=True) if is_postgres(url) else url


def alone_engine(url: URL) -> Engine:
    """Connect for writing while nobody else writes: a transaction begins once all others have ended."""
    engine = _engine(url, size=1)
    _lock_at_begin(engine, "SELECT pg_advisory_xact_lock(:key)")
    return engine


def beside_engine(url: URL) -> Engine:
    """Connect for writing runs, beside others who do the same (`store.access.writes_alone`)."""
    engine = beside_others(_engine(url, size=_WRITERS))
    _lock_at_begin(engine, "SELECT pg_advisory_xact_lock_shared(:key)")
    return engine


def reader_engine(url: URL) -> Engine:
    """Connect for reading; a transaction sees one moment of the database."""
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return _engine(url, size=_READERS).execution_options(**options)


def _engine(url: URL, *, size: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=_WAIT_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            **_KEEPALIVE,
            "application_name": "smithkit",
            # Plans of runs depend on the project that is asked for.
            "prepare_threshold": None,
            "options": f"-c lock_timeout={_WAIT_SECONDS}s -c timezone=UTC",
        },
    )
    event.listen(engine, "connect", _set_up)
    return engine


def _set_up(connection: Any, _record: object) -> None:
    from psycopg.types.string import StrDumper

    class Dumper(StrDumper):
        """Texts of PostgreSQL's cannot hold the character 0."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd"))

    connection.adapters.register_dumper(str, Dumper)


def _lock_at_begin(engine: Engine, statement: str) -> None:
    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        if not connection.get_execution_options().get("smithkit_begin"):
            connection.execute(text(statement), {"key": _LOCK})


def is_conflict(error: DBAPIError) -> bool:
    """Tell whether a transaction failed because of another one, so that it may succeed when it is done again."""
    return getattr(error.orig, "sqlstate", None) in _CONFLICTS


@contextmanager
def told_clearly(url: URL) -> Iterator[None]:
    """Say which database cannot be used, and why.

    Raises:
        StorageError: It cannot be reached, or does not let this user in.
    """
    try:
        yield
    except OperationalError as error:
        name = url.render_as_string(hide_password=True)
        raise StorageError(f"cannot use the database {name}: {str(error.orig).strip()}") from error
