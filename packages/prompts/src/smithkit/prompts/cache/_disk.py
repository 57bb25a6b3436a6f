"""Pulled commits on disk, for the next process.

::

    <folder>/5f0c9b2d81e6a3740a4d4fd83f0c9b2d/    who sees them: a server, a workspace, a key
        8a1f0c9b2d81e6a374….json                  a commit, and when it was fetched

Nothing in it is trusted: a file that is not this user's alone, or not what it should be, is not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smithkit import environment
from smithkit.errors import LangSmithUserError
from smithkit.prompts.cache._commits import StoredCommit, as_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smithkit.prompts.cache._keys import Key

__all__ = ["DiskCache"]

_PRIVATE = 0o700
_OTHERS = 0o077
_MAX_BYTES = 16 * 1024 * 1024
_DAY = 86_400.0
_VERSION = 1
_OWN_FOLDER = re.compile(r"[0-9a-f]{32}|everybody")
_OWN_FILE = re.compile(r"[0-9a-f]{40}\.json|\.[0-9a-f]{40}\.\w+\.tmp")


class DiskCache:
    """A folder that keeps pulled commits for the next process.

    Args:
        folder: The folder; made, readable for you alone. Default: ``prompts`` in `smithkit.config.home()`.
        max_age_seconds: Up to this age a commit is given at once, and fetched anew behind; for an older one the
            server is asked first, once, and it is given when that fails.
        max_entries: Commits at most; those that were fetched longest ago go first.
        max_bytes: Bytes of all of them at most.

    Raises:
        LangSmithUserError: A number is negative.

    Example:
        >>> from smithkit import Client, PromptCache
        >>> from smithkit.prompts.cache import DiskCache
        >>> cache = PromptCache(disk=DiskCache("prompt-cache", max_age_seconds=3600))
        >>> client = Client("https://langsmith.example", plugins=[cache])
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        max_age_seconds: float = _DAY,
        max_entries: int = 1000,
        max_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        if min(max_age_seconds, max_entries, max_bytes) < 0:
            raise LangSmithUserError(
                f"A disk cache needs max_age_seconds, max_entries and max_bytes >= 0, not {max_age_seconds!r}, "
                f"{max_entries!r} and {max_bytes!r}."
            )
        if folder is None:
            from smithkit.config import home

            folder = home() / "prompts"
        _load_readers()
        self.folder = Path(folder).expanduser()
        """The folder."""
        self.max_age_seconds = max_age_seconds
        """Up to this age a commit is given without asking the server."""
        self.max_entries = max_entries
        """Commits at most."""
        self.max_bytes = max_bytes
        """Bytes of all of them at most."""

    @classmethod
    def of(cls, given: DiskCache | str | Path | bool | None) -> DiskCache | None:  # noqa: FBT001 - one argument
        """What an argument `disk` means.

        Args:
            given: A `DiskCache` or its folder; True for the default folder, False for none, None for what
                ``LANGSMITH_PROMPT_CACHE`` says.
        """
        if given is None:
            named = (environment.get("PROMPT_CACHE") or "").strip()
            switch = {"true": True, "1": True, "": False, "false": False, "0": False}
            given = switch.get(named.lower(), named)
        if isinstance(given, bool):
            return cls() if given else None
        return given if isinstance(given, DiskCache) else cls(given)

    def read(self, key: Key, *, young: bool = False) -> tuple[StoredCommit, float] | None:
        """Read a commit.

        Args:
            key: Its key.
            young: Only if it is no older than `max_age_seconds`, or can not change.

        Returns:
            The commit, and its age in seconds; None if there is none that can be trusted.
        """
        try:
            data = json.loads(_read_private(self._path(key)))
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(data, dict) or data.get("version") != _VERSION or data.get("key") != key.name:
            return None
        commit, fetched = StoredCommit.parse(data.get("commit")), data.get("fetched_at")
        if commit is None or isinstance(fetched, bool) or not isinstance(fetched, int | float):
            return None
        age = max(0.0, time.time() - fetched)
        if young and age > self.max_age_seconds and commit.commit_hash != key.commit:
            return None
        return commit, age

    def write(self, key: Key, value: Any) -> None:
        """Keep a commit; a disk that is full or read-only is none of the caller's business.

        Args:
            key: Its key.
            value: The commit.
        """
        from smithkit.prompts.cache._dump import replace

        content = {
            "version": _VERSION,
            "key": key.name,
            "fetched_at": time.time(),
            "commit": as_data(value),
        }
        path = self._path(key)
        with contextlib.suppress(OSError, ValueError):
            for folder in (self.folder, path.parent):
                folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
                _check_private(folder.lstat(), stat.S_ISDIR)
            replace(path, json.dumps(content).encode())
            self._prune()

    def remove(self, name: str) -> None:
        """Forget a commit, whoever sees it.

        Args:
            name: The name in its key.
        """
        with contextlib.suppress(OSError):
            for path in self.folder.glob(f"*/{_file(name)}"):
                path.unlink(missing_ok=True)

    def _prune(self) -> None:
        """Delete what is too much; only files that have the names of this cache's own."""
        files = sorted(_own_files(self.folder), key=lambda file: file[0].st_mtime_ns, reverse=True)
        size = 0
        for count, (found, path) in enumerate(files, 1):
            size += found.st_size
            if count > self.max_entries or size > self.max_bytes:
                path.unlink(missing_ok=True)

    def _path(self, key: Key) -> Path:
        return self.folder / (key.scope or "everybody") / _file(key.name)


def _file(name: str) -> str:
    return f"{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}.json"


def _load_readers() -> None:
    """Load what reads commits: the first pull of a process is to wait for its file alone.

    Pydantic, which takes longer than all else, is left out where the process does without it so far.
    """
    import_module("smithkit.prompts._templates._reading")
    if "pydantic" in sys.modules:
        import_module("smithkit.prompts.cache._unread")


def _own_files(folder: Path) -> Iterator[tuple[os.stat_result, Path]]:
    """The cache's files, and those that a writer who was killed has left."""
    with os.scandir(folder) as scopes:
        inner = [
            one.path
            for one in scopes
            if _OWN_FOLDER.fullmatch(one.name) and one.is_dir(follow_symlinks=False)
        ]
    for path in inner:
        with os.scandir(path) as files:
            for file in files:
                if _OWN_FILE.fullmatch(file.name) and file.is_file(follow_symlinks=False):
                    yield file.stat(follow_symlinks=False), Path(file.path)


def _read_private(path: Path) -> bytes:
    """Read a file that belongs to this user alone and lies in such a folder.

    Raises:
        OSError: It is not there, or not private.
        ValueError: It is too large.
    """
    _check_private(path.parent.lstat(), stat.S_ISDIR)
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(fd, "rb") as file:
        found = os.fstat(fd)
        _check_private(found, stat.S_ISREG)
        if found.st_size > _MAX_BYTES:
            raise ValueError(f"{path} is too large for a prompt")
        return file.read(_MAX_BYTES)


def _check_private(found: os.stat_result, kind: Any) -> None:
    if not kind(found.st_mode):
        raise PermissionError("neither a link nor a device may stand in the place of a prompt")
    if hasattr(os, "geteuid") and (found.st_uid != os.geteuid() or found.st_mode & _OTHERS):
        raise PermissionError("the prompt cache's files must belong to you alone")
