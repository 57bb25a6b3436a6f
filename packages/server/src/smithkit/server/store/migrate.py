"""Bring a database to the present schema."""

from __future__ import annotations

import secrets
from importlib.resources import files
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import inspect, select, text

from smithkit.server.domain.times import now
from smithkit.server.store.tables import workspaces

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["HEAD", "migrate"]

HEAD = "0011"
"""The newest migration. A database that stands here is opened without loading Alembic."""


def migrate(engine: Engine) -> None:
    """Run the migrations that a database has not seen, and make its workspace.

    All in one transaction under the write lock: of several processes that start at once, one migrates
    and the others wait and find it done.

    Args:
        engine: The writing engine.

    Raises:
        RuntimeError: The database was written by a newer release.
    """
    with engine.begin() as connection:
        if _revision(connection) != HEAD:
            _upgrade(connection)
        if connection.execute(select(workspaces.c.id)).first() is None:
            connection.execute(
                workspaces.insert().values(
                    id=uuid4(),
                    display_name="Personal",
                    secret=secrets.token_bytes(32),
                    created_at=now(),
                    handle="personal",
                )
            )


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option(
        "script_location", str(files("smithkit.server.store") / "migrations").replace("%", "%%")
    )
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise RuntimeError(
            f"the database is at revision {_revision(connection)}, which this release does not know: "
            "upgrade smithkit-server"
        ) from error
