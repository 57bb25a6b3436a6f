"""Writing projects inside a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy import delete, or_, select

from smithkit.server.domain.times import now
from smithkit.server.store.access import workspace_of
from smithkit.server.store.dataset_protocol import TakenError
from smithkit.server.store.dataset_tables import example_files
from smithkit.server.store.feedback_tables import (
    annotation_queue_runs,
    feedback_formulas,
    feedback_tokens,
)
from smithkit.server.store.kept_figures import forget_run_figures
from smithkit.server.store.tables import (
    attachments,
    feedback,
    insights_jobs,
    run_payloads,
    run_shares,
    runs,
    sessions,
)
from smithkit.server.store.text_index import forget_texts
from smithkit.server.store.write_feedback import forget_feedback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row

__all__ = [
    "DEFAULT_PROJECT",
    "DIGEST_COLUMNS",
    "SessionResolver",
    "delete_runs",
    "delete_session_part",
    "insert_session",
    "orphan_digests",
    "read_session",
    "session_row",
]

DEFAULT_PROJECT = "default"
DIGEST_COLUMNS = (attachments.c.digest, example_files.c.digest)
"""What names blobs."""
_DELETE_STEP = 5000


def session_row(workspace_id: UUID, name: str, moment: int, session_id: UUID | None = None) -> Row:
    """Give the record of a new project.

    Args:
        workspace_id: Whose it is.
        name: Its name.
        moment: Now.
        session_id: Its id; a new one by default.

    Returns:
        Every column.
    """
    return {
        "id": session_id or uuid4(),
        "workspace_id": workspace_id,
        "name": name,
        "description": None,
        "extra": None,
        "start_time": moment,
        "end_time": None,
        "reference_dataset_id": None,
        "default_dataset_id": None,
        "trace_tier": "longlived",
        "created_at": moment,
        "modified_at": moment,
    }


class SessionResolver:
    """Finds the project of a run, making it on first use.

    Args:
        connection: A connection that holds the write lock.
        moment: Now.
    """

    def __init__(self, connection: Connection, moment: int) -> None:
        self._connection = connection
        self._workspace_id = workspace_of(connection)
        self._moment = moment
        self._by_name: dict[str, UUID] = {}
        self._ids: set[UUID] = set()

    def default(self) -> UUID:
        """Give the project of runs that name none."""
        return self._named(DEFAULT_PROJECT)

    def resolve(self, session_id: UUID | None, name: str | None) -> UUID | None:
        """Give the project with an id or, failing that, a name.

        Args:
            session_id: Id that the run names, if any.
            name: Name that the run gives, if any.

        Returns:
            The project's id; None when the run says neither.

        Raises:
            TakenError: The id is that of another workspace's project.
        """
        if session_id is None:
            return self._named(name) if name is not None else None
        if session_id not in self._ids:
            found = read_session(self._connection, session_id)
            if found is None:
                if name is not None and self._find(name) is not None:
                    return self._named(name)
                if self._connection.execute(select(sessions.c.id).where(sessions.c.id == session_id)).first():
                    raise TakenError(f"Session id {session_id} is in use")
                self._make(name or str(session_id), session_id)
            self._ids.add(session_id)
        return session_id

    def _named(self, name: str) -> UUID:
        if name not in self._by_name:
            self._by_name[name] = self._find(name) or self._make(name, None)
        return self._by_name[name]

    def _find(self, name: str) -> UUID | None:
        statement = select(sessions.c.id).where(
            sessions.c.workspace_id == self._workspace_id, sessions.c.name == name
        )
        return self._connection.execute(statement).scalar()

    def _make(self, name: str, session_id: UUID | None) -> UUID:
        row = session_row(self._workspace_id, name, self._moment, session_id)
        self._connection.execute(sessions.insert(), row)
        made: UUID = row["id"]
        return made


def read_session(connection: Connection, session_id: UUID) -> Row | None:
    """Read a project of the workspace by id."""
    own = sessions.c.workspace_id == workspace_of(connection)
    found = connection.execute(select(sessions).where(sessions.c.id == session_id, own)).mappings().first()
    return dict(found) if found is not None else None


def insert_session(connection: Connection, values: Row, *, upsert: bool) -> Row | None:
    """Make a project, or with `upsert` update the one of that name.

    Args:
        connection: A connection that holds the write lock.
        values: Every column.
        upsert: Whether a present one is to be updated with what is not null.

    Returns:
        The record; None if name or id is taken.
    """
    same = or_(
        (sessions.c.workspace_id == values["workspace_id"]) & (sessions.c.name == values["name"]),
        sessions.c.id == values["id"],
    )
    present = connection.execute(select(sessions).where(same)).mappings().all()
    if not present:
        connection.execute(sessions.insert(), values)
        return values
    own = (row for row in present if row["workspace_id"] == values["workspace_id"])
    named = next((row for row in own if row["name"] == values["name"]), None)
    if not upsert or named is None:
        return None
    fixed = {"id", "workspace_id", "name", "start_time", "trace_tier", "created_at"}
    changes = {name: value for name, value in values.items() if value is not None and name not in fixed}
    connection.execute(sessions.update().where(sessions.c.id == named["id"]).values(changes))
    return {**named, **changes}


def delete_session_part(connection: Connection, session_id: UUID) -> tuple[bool, set[bytes]]:
    """Remove some of a project's runs, and the project itself after the last.

    Steps keep the write lock short, so that other requests come through in between.

    Args:
        connection: A connection that holds the write lock.
        session_id: The project.

    Returns:
        Whether all is gone, and the digests of files that were in use.
    """
    some = select(runs.c.id).where(runs.c.session_id == session_id).limit(_DELETE_STEP)
    ids = list(connection.execute(some).scalars())
    if not ids:
        forget_feedback(connection, feedback.c.session_id == session_id, now())
        connection.execute(delete(feedback_formulas).where(feedback_formulas.c.session_id == session_id))
        connection.execute(delete(insights_jobs).where(insights_jobs.c.session_id == session_id))
        connection.execute(delete(sessions).where(sessions.c.id == session_id))
        return True, set()
    return False, delete_runs(connection, ids)


def delete_runs(connection: Connection, ids: Sequence[UUID]) -> set[bytes]:
    """Remove runs and all that belongs to them.

    Args:
        connection: A connection that holds the write lock.
        ids: The runs.

    Returns:
        The digests of files that were in use.
    """
    of_runs = attachments.c.run_id.in_(ids)
    digests = set(connection.execute(select(attachments.c.digest).where(of_runs)).scalars())
    connection.execute(delete(attachments).where(of_runs))
    forget_feedback(connection, feedback.c.run_id.in_(ids), now())
    for table in (feedback_tokens, annotation_queue_runs):
        connection.execute(delete(table).where(table.c.run_id.in_(ids)))
    forget_run_figures(connection, ids)
    forget_texts(connection, ids)
    connection.execute(delete(run_shares).where(run_shares.c.run_id.in_(ids)))
    connection.execute(delete(run_payloads).where(run_payloads.c.run_id.in_(ids)))
    connection.execute(delete(runs).where(runs.c.id.in_(ids)))
    return digests


def orphan_digests(connection: Connection, digests: set[bytes]) -> set[bytes]:
    """Tell which of these files no record names any more.

    Args:
        connection: A connection that holds the write lock.
        digests: Candidates.

    Returns:
        Those to remove.
    """
    used: set[bytes] = set()
    candidates = list(digests)
    for at in range(0, len(candidates), _DELETE_STEP):
        chunk = candidates[at : at + _DELETE_STEP]
        for own in DIGEST_COLUMNS:
            used |= set(connection.execute(select(own).where(own.in_(chunk))).scalars())
    return digests - used
