"""Writing feedback: staged first, then inserted at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from smithkit.server.store import feedback_configs, feedback_formulas
from smithkit.server.store.clickhouse.feedback_rows import rows_where
from smithkit.server.store.clickhouse.run_rows import read_rows
from smithkit.server.store.tables import sessions
from smithkit.server.store.write_feedback import check_named, feedback_row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.clickhouse.client import Clickhouse
    from smithkit.server.store.feedback_protocol import FeedbackItem

__all__ = ["FeedbackWriter"]


class _Place(NamedTuple):
    """Where a run is."""

    id: UUID
    session_id: UUID
    trace_id: UUID
    reference_dataset_id: UUID | None


class FeedbackWriter:
    """Takes changes of a workspace's feedback, and stores them together.

    Args:
        clickhouse: Where feedback goes.
        workspace_id: Whose it is.
        moment: Now.
    """

    def __init__(self, clickhouse: Clickhouse, workspace_id: UUID, moment: int) -> None:
        self._clickhouse = clickhouse
        self._workspace_id = workspace_id
        self._moment = moment
        self._rows: dict[UUID, Row] = {}

    def put(
        self, connection: Connection, items: Sequence[FeedbackItem], homes: Mapping[UUID, UUID]
    ) -> list[Row]:
        """Take feedback, in place of what has the same id.

        Args:
            connection: A connection to the SQL database that holds the write lock.
            items: The feedback; of several with one id the last counts.
            homes: Run → its project, of runs that are not stored yet, and maybe of others.

        Returns:
            The records.

        Raises:
            FeedbackRefusedError: One cannot be accepted; none is taken.
        """
        if not items:
            return []
        by_id = {item.id: item for item in items}
        feedback_configs.check_items(connection, self._workspace_id, by_id.values(), self._moment)
        check_named(connection, by_id.values())
        before = self._present(by_id)
        known = self._homes({item.run_id for item in items if item.run_id is not None}, homes)
        rows = {
            item.id: feedback_row(item, before.get(item.id), self._workspace_id, known, self._moment)
            | {"version": self._version(before.get(item.id)), "deleted": 0}
            for item in by_id.values()
        }
        self._rows |= rows
        return list(rows.values())

    def adopt(self, homes: Mapping[UUID, UUID], waiting: Iterable[UUID], moved: Collection[UUID]) -> None:
        """Count feedback that was there before its run, or whose run has moved.

        Args:
            homes: Run → its project.
            waiting: Feedback that may have waited for one of these runs.
            moved: Those of the runs whose feedback counts elsewhere so far.
        """
        stored = {row["id"]: row for row in rows_where(self._clickhouse, "id", waiting)}
        stored |= {row["id"]: row for row in rows_where(self._clickhouse, "run_id", moved)}
        for row in (stored | self._rows).values():
            home = homes.get(row["run_id"])
            if home is not None and row["workspace_id"] == self._workspace_id and row["session_id"] != home:
                self._rows[row["id"]] = {**row, "session_id": home, "version": self._version(row)}

    def remove(self, rows: Iterable[Row]) -> None:
        """Take feedback away; the records are whole ones."""
        for row in rows:
            self._rows[row["id"]] = {**row, "version": self._version(row), "deleted": 1}

    def store(self, connection: Connection) -> None:
        """Store what was taken, and what formulas make of it."""
        changed = self._flush()
        self.work_out(connection, changed)

    def work_out(self, connection: Connection, run_ids: Collection[UUID]) -> None:
        """Bring what formulas say of these runs up to date."""
        formulas = feedback_formulas.select_formulas(connection) if run_ids else []
        if not formulas:
            return
        told = [row for row in rows_where(self._clickhouse, "run_id", run_ids) if self._is_own(row)]
        versions = {row["id"]: row for row in told}
        places = self._places(connection, run_ids)
        before, after = feedback_formulas.apply_formulas(formulas, told, places, self._moment)
        for row in after:
            self._rows[row["id"]] = {**row, "version": self._version(versions.get(row["id"])), "deleted": 0}
        given = {row["id"] for row in after}
        self.remove(row for row in before if row["id"] not in given)
        self._flush()

    def _flush(self) -> set[UUID]:
        """Store what was taken, hints first, and tell of which runs it is."""
        rows = list(self._rows.values())
        self._rows = {}
        waiting = [
            {
                "workspace_id": self._workspace_id,
                "kind": "feedback",
                "key_id": row["run_id"],
                "item_id": row["id"],
            }
            for row in rows
            if row["session_id"] is None and row["run_id"] is not None
        ]
        self._clickhouse.insert("waiting", waiting)
        self._clickhouse.insert("feedback", rows)
        return {row["run_id"] for row in rows if row["run_id"] is not None}

    def _present(self, ids: Collection[UUID]) -> dict[UUID, Row]:
        stored = {row["id"]: row for row in rows_where(self._clickhouse, "id", ids)}
        return stored | {one: self._rows[one] for one in ids if one in self._rows}

    def _homes(self, run_ids: Collection[UUID], known: Mapping[UUID, UUID]) -> dict[UUID, UUID]:
        missing = [run_id for run_id in run_ids if run_id not in known]
        stored = read_rows(self._clickhouse, missing)
        own = {run_id: row["session_id"] for run_id, row in stored.items() if self._is_own(row)}
        return own | dict(known)

    def _places(self, connection: Connection, run_ids: Collection[UUID]) -> list[_Place]:
        rows = [row for row in read_rows(self._clickhouse, run_ids).values() if self._is_own(row)]
        homes = {row["session_id"] for row in rows}
        statement = select(sessions.c.id, sessions.c.reference_dataset_id).where(sessions.c.id.in_(homes))
        datasets = {row.id: row.reference_dataset_id for row in connection.execute(statement)}
        return [
            _Place(row["id"], row["session_id"], row["trace_id"], datasets.get(row["session_id"]))
            for row in rows
        ]

    def _is_own(self, row: Row) -> bool:
        return bool(row["workspace_id"] == self._workspace_id)

    def _version(self, before: Row | None) -> int:
        return max(self._moment, before["version"] + 1 if before else 0)
