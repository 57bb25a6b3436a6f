"""A backup: one zip archive of the database, its blobs and a manifest."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tempfile
import zipfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from smithkit._version import __version__
from smithkit.server.domain.times import format_time, now
from smithkit.server.store.migrate import read_revision
from smithkit.server.upkeep.database import Database, open_database
from smithkit.server.upkeep.errors import UpkeepError
from smithkit.server.upkeep.records import named_digests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

__all__ = ["DATABASE", "FORMAT", "MANIFEST", "BackedUp", "backup", "blob_name"]

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "smithkit.db"
_TRIES = 3
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What is in a backup.

    Attributes:
        size: Bytes of the archive.
        blobs: Files in it (count).
        missing: Files that records name and that were not there (count).
    """

    size: int
    blobs: int
    missing: int


def blob_name(digest: bytes) -> str:
    """Give the name of a blob inside a backup.

    Example:
        >>> blob_name(bytes(32))[:10]
        'blobs/00/0'
    """
    name = digest.hex()
    return f"blobs/{name[:2]}/{name}"


def backup(database: Database, target: Path, *, force: bool = False) -> BackedUp:
    """Write a backup, whole or not at all. Servers go on writing; it has what was there at one moment.

    Args:
        database: A SQLite database.
        target: The archive.
        force: Whether to replace a file that is there.

    Returns:
        What is in it.

    Raises:
        UpkeepError: There is such a file, or the database is no SQLite file.
    """
    if database.path is None or database.clickhouse is not None:
        raise UpkeepError(
            "backups are of SQLite files: use `smithkit db export`, or the databases' own backups (pg_dump for "
            "PostgreSQL; BACKUP DATABASE for ClickHouse, together with a backup of the SQL database beside it)"
        )
    if target.exists() and not force:
        raise UpkeepError(f"{target} is there already: choose another name, or pass --force to replace it")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as folder:
        archive = Path(folder) / "archive.zip"
        blobs, missing = _write(database.path, database, archive, Path(folder) / DATABASE)
        size = archive.stat().st_size
        archive.replace(target)
    return BackedUp(size, blobs, missing)


def _write(source: Path, database: Database, archive: Path, copy: Path) -> tuple[int, int]:
    """Copy the database until every file that the copy names was still there to be put beside it."""
    written: set[bytes] = set()
    missing, revision = 0, None
    with zipfile.ZipFile(archive, "x", zipfile.ZIP_DEFLATED, compresslevel=1) as bundle:
        for _ in range(_TRIES):
            _copy(source, copy)
            missing = 0
            with _opened(copy) as connection:
                for digest in named_digests(connection):
                    missing += not (digest in written or _add_blob(bundle, database, digest, written))
                revision = read_revision(connection)
            if not missing:
                break
        bundle.write(copy, DATABASE)
        manifest = {
            "smithkit": "backup",
            "format": FORMAT,
            "release": __version__,
            "revision": revision,
            "created_at": format_time(now()),
            "database": {"size": copy.stat().st_size, "sha256": _digest(copy)},
            "blobs": len(written),
            "missing": missing,
        }
        bundle.writestr(MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    with archive.open("rb") as file:
        os.fsync(file.fileno())
    archive.chmod(0o600)
    return len(written), missing


def _copy(source: Path, target: Path) -> None:
    reading = sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=30)
    with closing(reading), closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)  # in one step: one moment, and in WAL mode nobody waits
        writing.execute("PRAGMA journal_mode=DELETE")


@contextmanager
def _opened(path: Path) -> Iterator[Connection]:
    with open_database(str(path), any_revision=True) as database, database.snapshot() as connection:
        yield connection


def _add_blob(bundle: zipfile.ZipFile, database: Database, digest: bytes, written: set[bytes]) -> bool:
    blob = database.blobs.find(digest)
    if blob is None:
        return False
    # Attachments are mostly compressed by themselves.
    entry = zipfile.ZipInfo(blob_name(digest))
    with blob.open() as source, bundle.open(entry, "w", force_zip64=True) as target:
        shutil.copyfileobj(source, target, _PIECE)
    written.add(digest)
    return True


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
