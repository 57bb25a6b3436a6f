"""Storage: the protocol that services rely on, and the stores that fulfil it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from smithkit.server.store.dataset_protocol import (
    DatasetSelection,
    DatasetStore,
    Diff,
    ExampleChange,
    ExampleFile,
    ExampleOrder,
    ExampleSelection,
    ExperimentSelection,
    FileOperations,
    Likeness,
    MismatchError,
    MissingError,
    RefusalError,
    TakenError,
    WriteMode,
)
from smithkit.server.store.feedback_protocol import (
    FeedbackItem,
    FeedbackRefusedError,
    FeedbackSelection,
    FeedbackStore,
    QueueSelection,
    QueueStore,
)
from smithkit.server.store.prompt_protocol import (
    CommitSelection,
    NewCommit,
    PromptStore,
    RepoSelection,
    RepoType,
    SortField,
)
from smithkit.server.store.protocol import (
    Attachment,
    Directory,
    Duty,
    NameTakenError,
    Place,
    RunBatch,
    RunGrouping,
    RunSelection,
    SessionSelection,
    Store,
    StoreFigures,
    Workspace,
)

if TYPE_CHECKING:
    from pathlib import Path

    from smithkit.server.store.sql_store import SqlStore

__all__ = [
    "Attachment",
    "CommitSelection",
    "DatasetSelection",
    "DatasetStore",
    "Diff",
    "Directory",
    "Duty",
    "ExampleChange",
    "ExampleFile",
    "ExampleOrder",
    "ExampleSelection",
    "ExperimentSelection",
    "FeedbackItem",
    "FeedbackRefusedError",
    "FeedbackSelection",
    "FeedbackStore",
    "FileOperations",
    "Likeness",
    "MismatchError",
    "MissingError",
    "NameTakenError",
    "NewCommit",
    "Place",
    "PromptStore",
    "QueueSelection",
    "QueueStore",
    "RefusalError",
    "RepoSelection",
    "RepoType",
    "RunBatch",
    "RunGrouping",
    "RunSelection",
    "SessionSelection",
    "SortField",
    "Store",
    "StoreFigures",
    "TakenError",
    "Workspace",
    "WriteMode",
    "default_blobs",
    "open_store",
]


def open_store(url: str, *, blobs: str | None = None) -> Store:
    """Find the store for a database URL and open it.

    Plugins are asked first (hook `create_store`); SQLite, PostgreSQL, and runs on ClickHouse, are built in.

    Args:
        url: ``sqlite:///path.db``, a path, ``postgresql://user:password@host/database`` (extra `postgres`),
            ``clickhouse://user@host:8123/database?meta=sqlite:///path.db`` (extra `clickhouse`), or what a plugin knows.
        blobs: Where attachments lie: a folder, or a URL that fsspec knows (``s3://bucket/prefix``). By default beside a
            SQLite file, else in ``blobs`` in SMITHKIT_HOME.

    Returns:
        The open store; `close` it in the end.

    Raises:
        ValueError: Nobody knows this kind of URL.
        StorageError: The database was written by a newer release, or cannot be used as it is.

    Example:
        >>> store = open_store("sqlite:///runs.db")
        >>> store.close()
    """
    store = _from_plugins(url)
    if store is None:
        store = _built_in(url, blobs)
    store.open()
    return store


def _built_in(url: str, blobs: str | None) -> Store:
    from smithkit.server.store.clickhouse.address import is_clickhouse, parse_address

    if is_clickhouse(url):
        from smithkit.server.store.clickhouse.store import ClickhouseStore

        address = parse_address(url)
        return ClickhouseStore(address, _sql_store(address.meta, blobs))
    return _sql_store(url, blobs)


def _sql_store(url: str, blobs: str | None) -> SqlStore:
    from smithkit.server.store.blobs import open_blobs
    from smithkit.server.store.postgres_engine import is_postgres

    if is_postgres(url):
        from smithkit.server.store.postgres import PostgresStore

        return PostgresStore(url, open_blobs(blobs, default_blobs()))
    from smithkit.server.store.sqlite import SqliteStore

    return SqliteStore(url, blobs)


def default_blobs() -> Path:
    """Give the folder of files that have no place beside a database: ``blobs`` in SMITHKIT_HOME."""
    from smithkit.config import home

    return home() / "blobs"


def _from_plugins(url: str) -> Store | None:
    try:
        from smithkit.plugins import manager
    except ImportError:  # a core without plugins serves the built-in store
        return None
    return cast("Store | None", manager().first("create_store", url=url))
