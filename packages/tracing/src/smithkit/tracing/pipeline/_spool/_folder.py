"""Where segments lie: a folder for each endpoint, and in it one for each process, locked while that lives.

::

    <spool>/api.smith.langchain.com-5f0c9b2d81e6a374/     an endpoint, and a workspace
        4711-9a0b1c2d/                                    a process, or one client of it
            lock
            00000001765432109876543210-9a0b1c2d.runs      segments, oldest first

Whoever gets the lock of a folder may take what is in it: its process is gone.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smithkit.operations import without_secrets
from smithkit.tracing.pipeline._spool._lock import try_lock
from smithkit.tracing.pipeline._spool._segment import SUFFIX, is_known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["OwnFolder", "disk_usage", "endpoint_folder", "has_others", "has_runs", "take_orphans"]

_LOCK = "lock"
_PRIVATE = 0o700
_OTHERS = 0o077
_HASH_DIGITS = 16
_ATTEMPTS = 5


def endpoint_folder(spool: Path, url: str, workspace: str | None) -> Path:
    """The folder for an endpoint: its host, for people, and a hash that tells endpoints apart.

    Args:
        spool: The spool's folder.
        url: The endpoint's base URL; user and password in it are left out.
        workspace: The workspace that runs are written to, if it is named.
    """
    bare = without_secrets(url)
    digest = hashlib.sha256(f"{bare}\n{workspace or ''}".encode()).hexdigest()[:_HASH_DIGITS]
    host = urlsplit(bare).hostname or "embedded"
    return spool / f"{re.sub(r'[^A-Za-z0-9.-]', '_', host)[:80]}-{digest}"


class OwnFolder:
    """A folder of one's own.

    Args:
        parent: The endpoint's folder; made if it is not there.

    Raises:
        OSError: It cannot be made or locked, or others could read what is in it.
    """

    def __init__(self, parent: Path) -> None:
        parent.parent.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        parent.mkdir(mode=_PRIVATE, exist_ok=True)
        _check_private(parent)
        self.path, fd = _locked_folder(parent)
        self._leave = weakref.finalize(self, _leave, self.path, fd, os.getpid())
        self._leave.atexit = False  # the last runs are still to be delivered then

    def new_path(self) -> Path:
        """A path for a new segment, which sorts behind all before it."""
        return self.path / f"{time.time_ns():026d}-{secrets.token_hex(4)}{SUFFIX}"

    def close(self) -> None:
        """Leave the folder to others; it goes if it is empty."""
        self._leave()


def has_runs(parent: Path) -> bool:
    """Whether some process has left runs, or is still at them.

    Args:
        parent: The endpoint's folder.
    """
    return any(_segments(folder) for folder in _folders(parent))


def has_others(parent: Path, own: OwnFolder | None) -> bool:
    """Whether there is a folder beside one's own.

    Args:
        parent: The endpoint's folder.
        own: One's own.
    """
    return any(own is None or folder != own.path for folder in _folders(parent))


def take_orphans(parent: Path, own: OwnFolder, foreign: Callable[[Path], None]) -> Iterator[Path]:
    """Move the segments that ended processes have left into one's own folder.

    Args:
        parent: The endpoint's folder.
        own: One's own.
        foreign: Told of files of another version, which are left where they are.

    Yields:
        Their new paths.
    """
    for folder in _folders(parent):
        if folder == own.path:
            continue
        try:
            fd = os.open(folder / _LOCK, os.O_RDWR)
        except OSError:
            continue
        try:
            if not try_lock(fd):
                continue
            for path in sorted(_segments(folder)):
                if is_known(path):
                    yield path.rename(own.path / path.name)
                else:
                    foreign(path)
            _remove(folder)
        except OSError:
            continue
        finally:
            os.close(fd)


def disk_usage(parent: Path) -> int:
    """Bytes of all segments of an endpoint.

    Args:
        parent: Its folder.
    """
    total = 0
    for folder in _folders(parent):
        for path in _segments(folder):
            with suppress(OSError):
                total += path.stat().st_size
    return total


def _locked_folder(parent: Path) -> tuple[Path, int]:
    """A new folder, and its lock; another process may have taken it for an orphan before it was locked."""
    for _ in range(_ATTEMPTS):
        path = parent / f"{os.getpid()}-{secrets.token_hex(4)}"
        path.mkdir(mode=_PRIVATE)
        fd = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if try_lock(fd) and (path / _LOCK).exists():
                return path, fd
        except OSError:
            os.close(fd)
            _remove(path)
            raise
        os.close(fd)
    raise OSError("another process takes each new folder")


def _check_private(folder: Path) -> None:
    """Refuse a folder that somebody else has made, or could look into."""
    if not hasattr(os, "geteuid"):
        return
    found = folder.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & _OTHERS or folder.is_symlink():
        raise PermissionError(f"{folder} must belong to you alone: chmod 700, or name another folder")


def _folders(parent: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(parent) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _segments(folder: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(folder) if entry.name.endswith(SUFFIX)]
    except OSError:
        return []


def _leave(folder: Path, fd: int, process: int) -> None:
    """Give a folder up; a forked child only closes its copy of the lock, which stays the parent's."""
    if os.getpid() == process:
        _remove(folder)
    os.close(fd)


def _remove(folder: Path) -> None:
    """Remove a folder without segments, and its lock."""
    if not _segments(folder):
        with suppress(OSError):
            (folder / _LOCK).unlink()
        with suppress(OSError):
            folder.rmdir()
