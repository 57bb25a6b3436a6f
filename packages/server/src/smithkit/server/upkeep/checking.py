"""Is everything in a database whole?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text

from smithkit.server.store.blobs import DamagedBlobError
from smithkit.server.store.dataset_tables import datasets, example_versions
from smithkit.server.store.feedback_figures import differing_figures
from smithkit.server.store.kept_figures import differing_run_figures
from smithkit.server.store.migrate import HEAD, is_known, read_revision
from smithkit.server.upkeep.records import count_rows, named_digests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from smithkit.server.upkeep.database import Database

__all__ = ["Report", "check"]

_MOST = 20  # problems of one kind that are listed


@dataclass(slots=True)
class Report:
    """What a check found.

    Attributes:
        database: Which database.
        revision: At which migration it stands.
        checks: What was looked at → the problems with it; none is good.
        rows: Table → rows.
        blobs: Files that records name (count).
        orphans: Files that no record names (count); `vacuum` removes them.
    """

    database: str
    revision: str | None = None
    checks: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    blobs: int = 0
    orphans: int = 0

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not any(self.checks.values())

    def as_json(self) -> dict[str, Any]:
        """What was found, for programs."""
        return {"ok": self.ok} | {name: getattr(self, name) for name in self.__slots__}


def check(database: Database, *, quick: bool = False) -> Report:
    """Look at everything that can be wrong with a database; nothing is changed.

    Args:
        database: The database; servers may go on writing to it.
        quick: Whether to believe that a file of the right name has the right content.

    Returns:
        What was found.
    """
    report = Report(database.name)
    with database.snapshot() as connection:
        report.revision = read_revision(connection)
        report.checks["schema"] = list(_check_schema(report.revision))
        if database.path is not None:
            report.checks["integrity"] = list(_check_integrity(connection))
            report.checks["foreign keys"] = list(_check_foreign_keys(connection))
        if not report.checks["schema"] and not report.checks.get("integrity"):
            _check_content(database, connection, report, quick=quick)
    return report


def _check_content(database: Database, connection: Connection, report: Report, *, quick: bool) -> None:
    report.checks |= database.rows.problems(connection)
    if report.checks.get("ClickHouse schema"):
        return
    report.rows = count_rows(database, connection)
    report.checks["figures"] = list(_check_figures(connection))
    found = report.checks["blobs"] = []
    for digest in named_digests(connection):
        report.blobs += 1
        problem = _blob_problem(database, digest, quick=quick)
        if problem and len(found) < _MOST:
            found.append(f"{digest.hex()}: {problem}")
    named = report.blobs - sum(problem.endswith("is not there") for problem in found)
    report.orphans = max(0, sum(map(len, database.blobs.groups())) - named)


def _check_schema(revision: str | None) -> Iterator[str]:
    if revision is None:
        yield "there are no tables of smithkit's"
    elif revision == HEAD:
        return
    elif is_known(revision):
        yield f"revision {revision} is older than {HEAD}, which this release needs: a server migrates it when it starts"
    else:
        yield f"revision {revision} is newer than {HEAD}, which this release knows: upgrade smithkit-server"


def _check_integrity(connection: Connection) -> Iterator[str]:
    for (line,) in connection.execute(text(f"PRAGMA integrity_check({_MOST})")):
        if line != "ok":
            yield line


def _check_foreign_keys(connection: Connection) -> Iterator[str]:
    for row in connection.execute(text("PRAGMA foreign_key_check")).fetchmany(_MOST):
        yield f"{row[0]}: row {row[1]} refers to a row of {row[2]} that is not there"


def _check_figures(connection: Connection) -> Iterator[str]:
    differing = differing_figures(connection)
    if differing:
        yield f"{differing} kept figures of feedback are not what the feedback says"
    differing = differing_run_figures(connection)
    if differing:
        yield f"{differing} kept figures of runs are not what the runs say"
    live = (
        select(func.count())
        .where(example_versions.c.dataset_id == datasets.c.id, example_versions.c.valid_to.is_(None))
        .scalar_subquery()
    )
    counted = select(datasets.c.name, datasets.c.example_count, live.label("live"))
    for name, kept, there in connection.execute(counted.where(datasets.c.example_count != live).limit(_MOST)):
        yield f"dataset {name!r}: {kept} examples are counted and {there} are there"


def _blob_problem(database: Database, digest: bytes, *, quick: bool) -> str | None:
    blob = database.blobs.find(digest)
    if blob is None:
        return "is not there"
    if quick:
        return None
    try:
        for _ in blob.pieces():
            pass
    except DamagedBlobError:
        return "has another content"
    return None
