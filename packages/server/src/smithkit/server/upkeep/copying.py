"""One database into another, of any kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smithkit.server.upkeep.errors import UpkeepError
from smithkit.server.upkeep.loading import Loaded, load
from smithkit.server.upkeep.records import count_rows, read_records

if TYPE_CHECKING:
    from smithkit.server.upkeep.database import Database

__all__ = ["Copied", "copy"]


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy has given.

    Attributes:
        rows: Table → rows in the source when it was read, and in the target now.
        loaded: What became of the records.
        missing: Digests of files that the source names and does not have.
    """

    rows: dict[str, tuple[int, int]]
    loaded: Loaded
    missing: list[bytes]

    @property
    def ok(self) -> bool:
        """Whether every row and file of the source is in the target."""
        whole = all(before <= after for before, after in self.rows.values())
        return whole and not self.missing and not self.loaded.refused


def copy(source: Database, target: Database) -> Copied:
    """Copy everything, as it is at one moment. Doing it again brings what is new.

    Args:
        source: Where from; servers may go on writing to it.
        target: Where to; what it has stays.

    Returns:
        What was copied.

    Raises:
        UpkeepError: Both are the same.
    """
    if source.name == target.name:
        raise UpkeepError("source and target are the same database")
    missing: list[bytes] = []
    with source.snapshot() as connection:
        before = count_rows(source, connection)
        loaded = load(target, read_records(source, connection, missing))
    with target.snapshot() as connection:
        after = count_rows(target, connection)
    return Copied({name: (count, after[name]) for name, count in before.items()}, loaded, missing)
