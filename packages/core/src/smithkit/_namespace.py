"""The folders that the namespace is spread over."""

from __future__ import annotations

import sys
from os.path import isdir, isfile, join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableSequence

__all__ = ["extend"]


def extend(path: MutableSequence[str], name: str) -> list[str]:
    """`pkgutil.extend_path` for folders: what it imports costs more than the rest of ``import smithkit``.

    Args:
        path: The package's path.
        name: The package's name.

    Returns:
        The path with every folder of that name on `sys.path`.
    """
    if any(isfile(entry) for entry in sys.path):  # noqa: PTH113 - an archive: only its finder can tell
        from pkgutil import extend_path

        return list(extend_path(list(path), name))
    folders = [join(entry, name) for entry in sys.path]  # noqa: PTH118 - pathlib is slow to import
    new = [folder for folder in dict.fromkeys(folders) if folder not in path and isdir(folder)]  # noqa: PTH112
    return [*path, *new]
