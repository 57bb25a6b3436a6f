"""A backup put in the place of a database, after everything in it was verified."""

from __future__ import annotations

import hashlib
import re
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from smithkit.server.store.blobs import BlobFolder
from smithkit.server.store.clickhouse.address import is_clickhouse
from smithkit.server.store.engine import blob_folder, create_file, database_path
from smithkit.server.store.migrate import is_known
from smithkit.server.upkeep.backup import DATABASE, FORMAT, MANIFEST
from smithkit.server.upkeep.checking import check
from smithkit.server.upkeep.database import open_database
from smithkit.server.upkeep.errors import UpkeepError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["restore"]

_BLOB = re.compile(r"blobs/([0-9a-f]{2})/(\1[0-9a-f]{62})")
_MANIFEST_BYTES = 64 * 1024
_PIECE = 1 << 20
_SPARE = 64 << 20  # bytes of the disk that are left alone


def restore(source: Path, url: str, *, force: bool = False) -> int:
    """Put a backup in the place of a database.

    It is unpacked beside the database and checked there; only then do they change places, in one step.

    Args:
        source: The archive.
        url: ``sqlite:///path.db`` or a path.
        force: Whether to replace a database that is there.

    Returns:
        Its blobs (count).

    Raises:
        UpkeepError: The archive is damaged, hostile or of a newer release; the database is there, or in use.

    """
    if is_clickhouse(url):
        raise UpkeepError(
            "backups are of SQLite files: use `smithkit db import` for an export, or ClickHouse's RESTORE DATABASE "
            "together with the SQL database beside it (--db with the URL in meta=...)"
        )
    try:
        target = database_path(url)
    except ValueError as error:
        raise UpkeepError(str(error)) from error
    if target.exists() and not force:
        raise UpkeepError(f"{target} is there already: pass --force to replace it by the backup")
    _make_folder(target)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-restore-") as folder:
        copy = Path(folder) / target.name
        _unpack(source, copy)
        _require_whole(copy, source)
        return _swap(copy, target)


def _make_folder(target: Path) -> None:
    if not target.parent.exists():
        create_file(target)
        target.unlink()


def _unpack(source: Path, copy: Path) -> None:
    try:
        with zipfile.ZipFile(source) as bundle:
            members = _members(bundle)
            manifest = _manifest(bundle, members)
            _require_room(members, copy)
            _extract(bundle, members.pop(DATABASE), copy, manifest["database"]["sha256"])
            blobs = BlobFolder(blob_folder(copy))
            for name, info in members.items():
                digest = bytes.fromhex(name.rpartition("/")[2])
                path = blobs.path(digest)
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _extract(bundle, info, path, digest.hex())
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UpkeepError(f"there is no backup at {source}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UpkeepError(f"{source} is damaged or no backup: {error}") from error


def _members(bundle: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Give the archive's members by name. No name that could lead elsewhere is ever used as a path."""
    members: dict[str, zipfile.ZipInfo] = {}
    for info in bundle.infolist():
        if info.filename not in {MANIFEST, DATABASE} and not _BLOB.fullmatch(info.filename):
            raise UpkeepError(f"this is no backup of smithkit's: it has a member {info.filename[:80]!r}")
        if info.filename in members:
            raise UpkeepError(f"this is no backup of smithkit's: it has {info.filename!r} twice")
        members[info.filename] = info
    if MANIFEST not in members or DATABASE not in members:
        raise UpkeepError("this is no backup of smithkit's: manifest or database is missing")
    return members


def _manifest(bundle: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> dict[str, Any]:
    with bundle.open(members.pop(MANIFEST)) as file:
        text = file.read(_MANIFEST_BYTES)
    try:
        manifest = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UpkeepError("the backup's manifest is not JSON") from error
    match manifest:
        case {
            "smithkit": "backup",
            "format": int(form),
            "revision": str(revision),
            "database": {"size": int(), "sha256": str()},
        }:
            if form > FORMAT or not is_known(revision):
                raise UpkeepError(
                    f"the backup is of a newer release ({str(manifest.get('release'))[:40]}): upgrade smithkit-server"
                )
        case _:
            raise UpkeepError("the backup's manifest does not say what it should")
    known: dict[str, Any] = manifest
    return known


def _require_room(members: dict[str, zipfile.ZipInfo], copy: Path) -> None:
    needed = sum(info.file_size for info in members.values())
    free = shutil.disk_usage(copy.parent).free
    if needed + _SPARE > free:
        raise UpkeepError(
            f"unpacked, the backup takes {needed:,} bytes, and {free:,} are free in {copy.parent}"
        )


def _extract(bundle: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, digest: str) -> None:
    hashed = hashlib.sha256()
    path.touch(mode=0o600)
    with bundle.open(info) as file, path.open("wb") as out:
        for piece in _pieces(file, info.file_size):
            hashed.update(piece)
            out.write(piece)
    if hashed.hexdigest() != digest:
        raise UpkeepError(f"the backup is damaged: {info.filename} has another content than it should have")


def _pieces(file: Any, size: int) -> Iterator[bytes]:
    """Read what was announced, and no more."""
    while piece := file.read(_PIECE):
        size -= len(piece)
        if size < 0:
            raise UpkeepError("the backup is hostile: a member is longer than it says")
        yield piece


def _require_whole(copy: Path, source: Path) -> None:
    with open_database(str(copy), any_revision=True) as database:
        report = check(database, quick=True)
    # An older one is migrated when a server opens it; files that were gone when it was made are gone.
    problems = [*report.checks.get("integrity", ()), *report.checks.get("foreign keys", ())]
    if problems:
        raise UpkeepError(f"the database in {source} is damaged: {problems[0]}")


def _swap(copy: Path, target: Path) -> int:
    count = 0
    _leave_wal(copy)
    if target.exists():
        _leave_wal(target)
    blobs = BlobFolder(blob_folder(target))
    for group in BlobFolder(blob_folder(copy)).files():
        for digest, path in group.items():
            place = blobs.path(digest)
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.replace(place)
            count += 1
    copy.replace(target)
    return count


def _leave_wal(path: Path) -> None:
    """Bring everything into the one file, which fails as long as anybody has it open."""
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE").fetchone()
            connection.execute("BEGIN EXCLUSIVE")
            connection.rollback()
        except sqlite3.OperationalError as error:
            raise UpkeepError(
                f"{path} is in use: stop the server and all programs that use it ({error})"
            ) from error
        except sqlite3.DatabaseError:
            return  # what is no database cannot be in use as one, and --force replaces it
