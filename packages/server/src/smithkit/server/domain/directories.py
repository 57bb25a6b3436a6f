"""Directories of agents and skills: paths, with a file or a link to another agent or skill at each."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from smithkit.server.domain.jsons import load
from smithkit.server.domain.manifests import Manifest, as_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Entries", "change_entries", "check_path", "read_entries", "write_entries"]

Entries = dict[str, dict[str, Any]]
"""Path → entry, as the API writes it."""

_LONGEST_PATH = 1024
_MOST_PARTS = 32
_MOST_ENTRIES = 5000
_LARGEST = 32 * 1024**2


def check_path(path: str) -> str:
    """Insist on the path of something in a directory: clients write files there.

    Raises:
        ValueError: It is none, or leads out of the directory.

    Example:
        >>> check_path("skills/search.md")
        'skills/search.md'
    """
    parts = path.split("/")
    if not 0 < len(path) <= _LONGEST_PATH or not path.isprintable() or "\\" in path or ":" in parts[0]:
        raise ValueError(
            f"{path!r:.100} is no path: it has printable characters, no '\\' and no drive, {_LONGEST_PATH} at most"
        )
    if any(part in {"", ".", ".."} for part in parts):
        raise ValueError(f"{path!r:.100} must be a path below the directory, such as 'notes/a.md'")
    if len(parts) > _MOST_PARTS:
        raise ValueError(
            f"{path!r:.100} leads through too many folders: a path has at most {_MOST_PARTS} parts"
        )
    return path


def change_entries(entries: Entries, changes: Mapping[str, dict[str, Any] | None]) -> Entries:
    """Put entries into a directory, and take those out that are null.

    Args:
        entries: The directory; it stays as it is.
        changes: Path → entry, or None.

    Returns:
        The directory afterwards, by path.

    Raises:
        ValueError: A path is that of a file and of a folder, or there is too much in the directory.

    Example:
        >>> change_entries({"a": {"type": "file", "content": "x"}}, {"a": None})
        {}
    """
    changed = {path: entry for path, entry in sorted({**entries, **changes}.items()) if entry is not None}
    _check_folders(changed)
    if len(changed) > _MOST_ENTRIES:
        raise ValueError(f"a directory has at most {_MOST_ENTRIES} entries")
    if sum(len(entry.get("content", "")) for entry in changed.values()) > _LARGEST:
        raise ValueError(f"a directory has at most {_LARGEST} characters in its files")
    return changed


def _check_folders(paths: Iterable[str]) -> None:
    # Sorted by their parts, what is below a path follows it at once.
    for folder, path in pairwise(sorted(paths, key=lambda path: path.split("/"))):
        if path.startswith(f"{folder}/"):
            raise ValueError(f"{folder!r:.100} cannot be an entry and the folder of {path!r:.100}")


def write_entries(entries: Entries) -> Manifest:
    """Give what to store of a directory."""
    return as_manifest({"files": entries})


def read_entries(content: bytes) -> Entries:
    """Read what `write_entries` gave.

    Example:
        >>> read_entries(write_entries({"a": {"type": "file", "content": "x"}}).content)
        {'a': {'type': 'file', 'content': 'x'}}
    """
    entries: Entries = load(content)["files"]
    return entries
