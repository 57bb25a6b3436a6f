"""What a database file lies on, and whether it can be relied upon.

SQLite's WAL mode needs memory that all processes share, and its locks have to be real: a network file
system has neither for certain. There the slower journal is used, and one process at a time.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import DatabaseError, DBAPIError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "SoleUse",
    "StorageError",
    "UnavailableError",
    "file_system",
    "is_locked",
    "is_network",
    "is_too_long",
    "no_room",
    "parse_mounts",
    "told_clearly",
]

_MOUNTS = Path("/proc/self/mounts")
_NETWORK = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.cephfs",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.goofys",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb2",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
    }
)
_DISK_FULL = "53100"  # of PostgreSQL's
_TOO_LONG = "54000"
_ESCAPED = re.compile(r"\\([0-7]{3})")
_NO_ROOM = (
    frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG}) if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
)

_ADVICE = {
    "readonly database": "Make the file and its folder writable, or name another (--db)",
    "unable to open": "Make the file and its folder writable, or name another (--db)",
    "not a database": "Name another file (--db), or put a backup in its place (smithkit db restore)",
    "malformed": "Put a backup in its place (smithkit db restore), or look with `smithkit db check`",
    "disk is full": "Make room on the disk and start again",
    "disk I/O error": "Look whether the disk is full or failing",
}


class StorageError(OSError, RuntimeError):
    """A database that cannot be opened as it is; the text says what to do.

    Both of its kinds: a file that the system refuses, and one that a newer release has written.
    """


class UnavailableError(StorageError):
    """A database server that does not answer at present, or takes nothing more; trying again may help."""


def parse_mounts(text: str) -> list[tuple[Path, str]]:
    r"""Read a list of mounts as Linux gives it.

    Args:
        text: Content of ``/proc/mounts``.

    Returns:
        Where each is and its type, in the order of mounting.

    Example:
        >>> parse_mounts("host:/x /mnt/my\\040data nfs4 rw 0 0")[0][1]
        'nfs4'
    """
    rows = (line.split(" ") for line in text.splitlines())
    return [(Path(_unescape(row[1])), row[2]) for row in rows if len(row) > 2]  # noqa: PLR2004 - what, where, type


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)


def file_system(path: Path) -> str | None:
    """Tell which kind of file system a file is on.

    Args:
        path: An absolute path without links.

    Returns:
        Its type as the system names it; None where the system does not say (it is asked on Linux alone).
    """
    if sys.platform != "linux":
        return None
    try:
        mounts = parse_mounts(_MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return None
    above = [
        (len(point.parts), place) for place, (point, _) in enumerate(mounts) if path.is_relative_to(point)
    ]
    return mounts[max(above)[1]][1] if above else None


def is_network(kind: str | None) -> bool:
    """Tell whether this kind of file system is on other machines too.

    Example:
        >>> is_network("nfs4"), is_network("ext4")
        (True, False)
    """
    return kind in _NETWORK


def no_room(error: BaseException) -> bool:
    """Tell whether an error says that a disk, a quota or a file is full.

    Example:
        >>> import errno
        >>> no_room(OSError(errno.ENOSPC, "No space left on device"))
        True
    """
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    cause = str(getattr(error, "orig", ""))
    if getattr(getattr(error, "orig", None), "sqlstate", None) == _DISK_FULL:
        return True
    # A file at its limit and a used-up quota are input/output errors to SQLite.
    return "disk is full" in cause or "disk I/O error" in cause


def is_locked(error: DBAPIError) -> bool:
    """Tell whether another process kept a lock for too long."""
    cause = str(error.orig)
    return "locked" in cause or "busy" in cause or "lock timeout" in cause


def is_too_long(error: DBAPIError) -> bool:
    """Tell whether a text is longer than an index of PostgreSQL's takes."""
    return getattr(error.orig, "sqlstate", None) == _TOO_LONG


@contextmanager
def told_clearly(path: Path) -> Iterator[None]:
    """Say what to do about a file that SQLite cannot use.

    Raises:
        StorageError: It can only be read, is no database, or the disk is full.
    """
    try:
        yield
    except DatabaseError as error:
        cause = str(error.orig)
        for part, advice in _ADVICE.items():
            if part in cause:
                raise StorageError(f"cannot use the database {path}: {cause}. {advice}") from error
        raise


class SoleUse:
    """The right to use a file that one process alone may use, held until released.

    Args:
        path: The database.

    Raises:
        StorageError: Another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.with_name(f"{path.name}.lock").open("a+", encoding="utf-8")
        try:
            _lock(self._file.fileno())
        except OSError as error:
            self._file.seek(0)
            holder = self._file.read(200).strip() or "another process"
            self._file.close()
            raise StorageError(
                f"{path} is on a network file system, where one process at a time may use it, and {holder} does: "
                "send requests to one `smithkit serve` instead, or put the database on a local disk"
            ) from error
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {socket.gethostname()}")
        self._file.flush()

    def release(self) -> None:
        """Let others have it."""
        self._file.close()


def _lock(handle: int) -> None:
    import fcntl

    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
