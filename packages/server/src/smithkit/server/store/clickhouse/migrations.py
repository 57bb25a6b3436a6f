"""Bring the tables on ClickHouse to the present schema.

ClickHouse changes tables without transactions: each statement may be run again, so that a migration which was cut
short is simply done once more.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from smithkit._version import __version__
from smithkit.server.store.clickhouse.schema import STATEMENTS, TEXT_INDEX
from smithkit.server.store.storage import StorageError

if TYPE_CHECKING:
    from smithkit.server.store.clickhouse.client import Clickhouse

__all__ = ["VERSION", "prepare", "read_version"]

VERSION = 2
"""At which the tables of this release stand."""

_UNNUMBERED = 1  # tables that were made before versions were noted
_OLDEST_SERVER = (26, 2)  # the first with text indexes for everybody
_STEPS: dict[int, tuple[str, ...]] = {
    2: (
        f"ALTER TABLE run_documents ADD INDEX IF NOT EXISTS {TEXT_INDEX}",
        "ALTER TABLE run_documents DROP INDEX IF EXISTS ix_words",
        "ALTER TABLE run_documents MATERIALIZE INDEX ix_text",
    ),
}
"""Version → what leads there from the one before. What takes long goes on in ClickHouse, behind everything else."""

_log = logging.getLogger("smithkit.server")


def prepare(clickhouse: Clickhouse) -> None:
    """Make the tables, or bring those of an older release up to date.

    Args:
        clickhouse: The server; nobody else may prepare it meanwhile.

    Raises:
        StorageError: They were made by a newer release, or the server is too old.
    """
    _require_server(clickhouse)
    version = read_version(clickhouse)
    if version == VERSION:
        return
    if version is not None and version > VERSION:
        raise StorageError(
            f"the ClickHouse database is at version {version}, and this release knows {VERSION}: upgrade "
            "smithkit-server (pip install -U smithkit-server), or name another database"
        )
    for statement in STATEMENTS:
        clickhouse.command(statement)
    if version is not None:
        _log.warning("migrating the ClickHouse database from version %d to %d", version, VERSION)
    for number in range(VERSION if version is None else version, VERSION):
        for statement in _STEPS[number + 1]:
            clickhouse.command(statement)
    clickhouse.insert("schema_versions", [{"version": VERSION, "release": __version__}])


def read_version(clickhouse: Clickhouse) -> int | None:
    """Tell at which version the tables stand; None if there are none."""
    rows = clickhouse.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND name IN ('runs', 'schema_versions')"
    )
    tables = {row["name"] for row in rows}
    if "schema_versions" in tables:
        (row,) = clickhouse.query("SELECT max(version) AS version FROM schema_versions")
        if row["version"]:
            return int(row["version"])
    return _UNNUMBERED if "runs" in tables else None


def _require_server(clickhouse: Clickhouse) -> None:
    (row,) = clickhouse.query("SELECT version() AS version")
    numbers = tuple(int(part) for part in re.findall(r"\d+", row["version"])[:2])
    if numbers < _OLDEST_SERVER:
        oldest = ".".join(map(str, _OLDEST_SERVER))
        raise StorageError(
            f"ClickHouse {row['version']} is too old: its full-text index needs {oldest} or newer"
        )
