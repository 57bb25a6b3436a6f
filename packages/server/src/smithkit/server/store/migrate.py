"""Bring a database to the present schema, after a backup of what is in it."""

from __future__ import annotations

import logging
import secrets
import sqlite3
import time
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import inspect, select, text
from sqlalchemy.exc import OperationalError

from smithkit.server.domain.times import now
from smithkit.server.store.storage import StorageError, is_locked
from smithkit.server.store.tables import workspaces

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection, Engine

__all__ = ["HEAD", "KEPT_BACKUPS", "is_known", "migrate", "read_revision"]

HEAD = "0018"
"""The newest migration. A database that stands here is opened without loading Alembic."""
KEPT_BACKUPS = 3
"""Backups that are kept of those made before migrations."""

_log = logging.getLogger("smithkit.server")
_WAIT_SECONDS = 3600


def migrate(engine: Engine) -> None:
    """Run the migrations that a database has not seen, and make its workspace.

    All in one transaction under the write lock: of several processes that start at once, one migrates
    and the others wait and find it done. A database with data in it is copied first.

    Args:
        engine: The writing engine.

    Raises:
        StorageError: The database was written by a newer release, or there is no room for the backup.
    """
    if _is_ready(engine):
        return None
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            return _migrate(engine)
        except OperationalError as error:
            # Another process migrates, which takes as long as there is data.
            if not is_locked(error) or time.monotonic() > deadline:
                raise
            _log.warning("waiting for another process that migrates the database")


def read_revision(connection: Connection) -> str | None:
    """Tell at which migration a database stands; None for one that has no tables yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def is_known(revision: str) -> bool:
    """Tell whether a migration is of this release or an older one."""
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    try:
        return ScriptDirectory.from_config(_config()).get_revision(revision) is not None
    except CommandError:
        return False


def _is_ready(engine: Engine) -> bool:
    with engine.connect().execution_options(smithkit_begin="BEGIN") as connection:
        return read_revision(connection) == HEAD and _has_workspace(connection)


def _has_workspace(connection: Connection) -> bool:
    return connection.execute(select(workspaces.c.id)).first() is not None


def _migrate(engine: Engine) -> None:
    with engine.begin() as connection:
        revision = read_revision(connection)
        if revision != HEAD:
            _upgrade(connection, revision)
        if not _has_workspace(connection):
            connection.execute(
                workspaces.insert().values(
                    id=uuid4(),
                    display_name="Personal",
                    secret=secrets.token_bytes(32),
                    created_at=now(),
                    handle="personal",
                )
            )


def _upgrade(connection: Connection, revision: str | None) -> None:
    from alembic import command

    if revision is not None:
        if not is_known(revision):
            raise StorageError(
                f"the database is at revision {revision}, which this release does not know: upgrade smithkit-server "
                "(pip install -U smithkit-server), or use another file (--db)"
            )
        _back_up(connection, revision)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option(
        "script_location", str(files("smithkit.server.store") / "migrations").replace("%", "%%")
    )
    return config


def _back_up(connection: Connection, revision: str) -> None:
    """Copy a database file that has data in it; the caller's lock keeps everybody from writing."""
    path = connection.engine.url.database
    if connection.dialect.name != "sqlite" or path is None or not _has_data(connection):
        return
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    source = Path(path)
    target = source.with_name(f"{source.name}.before-{HEAD}.{stamp}.bak")
    try:
        _copy(source, target)
    except (OSError, sqlite3.Error) as error:
        target.unlink(missing_ok=True)
        raise StorageError(
            f"the database is to be migrated from revision {revision} to {HEAD}, and cannot be copied to {target} "
            f"before that ({error}): make room for {source.stat().st_size:,} bytes and start again"
        ) from error
    _log.warning("migrating %s from revision %s to %s; as it was: %s", source, revision, HEAD, target)
    for old in sorted(source.parent.glob(f"{source.name}.before-*.bak"), key=_age)[:-KEPT_BACKUPS]:
        old.unlink(missing_ok=True)


def _has_data(connection: Connection) -> bool:
    tables = set(inspect(connection).get_table_names())
    kept = sorted(tables & {"runs", "datasets", "prompt_repos", "feedback", "annotation_queues"})
    return any(connection.execute(text(f"SELECT 1 FROM {table} LIMIT 1")).first() for table in kept)  # noqa: S608


def _copy(source: Path, target: Path) -> None:
    target.touch(mode=0o600)
    reading = sqlite3.connect(source)
    with closing(reading), closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)


def _age(path: Path) -> str:
    return path.name.rsplit(".", 2)[-2]
