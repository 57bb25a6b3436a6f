"""Files that a cache is dumped to: ``{"entries": {name: commit}}``, as the API's other clients write them."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smithkit.prompts.cache._commits import StoredCommit, as_data

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["read", "replace", "write"]


def write(path: str | Path, values: Mapping[str, Any]) -> None:
    """Write commits to a file.

    Args:
        path: The file.
        values: Name → commit.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    entries = {name: as_data(value) for name, value in values.items()}
    replace(target, json.dumps({"entries": entries}).encode())


def replace(target: Path, content: bytes) -> None:
    """Write a file, readable for its owner alone; it takes its place at once or not at all.

    Args:
        target: The file.
        content: What is in it.
    """
    import tempfile

    fd, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=".tmp", dir=target.parent)  # mode 0600
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
        os.replace(name, target)  # noqa: PTH105 - both are texts
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def read(path: str | Path) -> Iterator[tuple[str, StoredCommit]]:
    """Read the commits of a file; what is no commit is left out.

    Args:
        path: The file.

    Yields:
        Names and commits; none if the file is missing or is no such file.
    """
    try:
        data = json.loads(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError):
        return
    entries = data.get("entries") if isinstance(data, dict) else None
    for name, value in entries.items() if isinstance(entries, dict) else ():
        commit = StoredCommit.parse(value)
        if commit is not None:
            yield name, commit
