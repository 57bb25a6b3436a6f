"""Writing runs: the requests of the moment are merged together and inserted at once.

ClickHouse has no transactions that read and write. All writing therefore happens inside a write transaction
of the SQL database, which one writer holds at a time, over all processes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smithkit.server.domain.runs import merge, new_row
from smithkit.server.domain.times import now
from smithkit.server.store.clickhouse.client import Bound, chunks
from smithkit.server.store.clickhouse.run_rows import (
    document_rows,
    fresh_metadata,
    home_of,
    home_row,
    looked_up,
    read_rows,
)
from smithkit.server.store.clickhouse.write_feedback import FeedbackWriter
from smithkit.server.store.dataset_protocol import TakenError
from smithkit.server.store.feedback_protocol import FeedbackRefusedError
from smithkit.server.store.linking import link_runs
from smithkit.server.store.write_runs import write_attachments
from smithkit.server.store.write_sessions import SessionResolver

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row, RunChange
    from smithkit.server.store.blobs import Blobs
    from smithkit.server.store.clickhouse.client import Clickhouse
    from smithkit.server.store.protocol import RunBatch

__all__ = ["RunWriter"]


@dataclass(slots=True)
class _Changes:
    """What requests change; nothing is stored before the end."""

    before: dict[UUID, Row] = field(default_factory=dict)
    after: dict[UUID, Row] = field(default_factory=dict)
    payloads: defaultdict[UUID, dict[str, bytes]] = field(default_factory=lambda: defaultdict(dict))

    def present(self, run_id: UUID) -> Row | None:
        """A run as it is after the requests so far."""
        return self.after.get(run_id) or self.before.get(run_id)

    def join(
        self, before: dict[UUID, Row], after: dict[UUID, Row], payloads: dict[UUID, dict[str, bytes]]
    ) -> None:
        """Take what a request changes."""
        for run_id, row in before.items():
            if run_id not in self.after:  # what an earlier request changed is not stored as it is now
                self.before.setdefault(run_id, row)
        self.after |= after
        for run_id, values in payloads.items():
            self.payloads[run_id] |= values


class RunWriter:
    """Writes a workspace's runs.

    Args:
        clickhouse: Where runs and feedback go.
        workspace_id: Whose they are.
        blobs: Where attachments go.
    """

    def __init__(self, clickhouse: Clickhouse, workspace_id: UUID, blobs: Blobs) -> None:
        self._clickhouse = clickhouse
        self._workspace_id = workspace_id
        self._blobs = blobs

    def write(self, connection: Connection, batches: Sequence[RunBatch]) -> list[Exception | None]:
        """Merge and store requests, each whole or not at all.

        Args:
            connection: A connection to the SQL database that holds the write lock.
            batches: What to store.

        Returns:
            Why each of them was refused; None for those that are stored.
        """
        moment = now()
        ids = {run_id for batch in batches for run_id in _ids(batch)}
        changes = _Changes(before=read_rows(self._clickhouse, ids))
        feedback = FeedbackWriter(self._clickhouse, self._workspace_id, moment)
        refusals: list[Exception | None] = []
        for batch in batches:
            savepoint = connection.begin_nested()
            try:
                self._accept(connection, batch, changes, feedback, moment)
            except (TakenError, FeedbackRefusedError) as error:
                savepoint.rollback()
                refusals.append(error)
            else:
                savepoint.commit()
                refusals.append(None)
        self._store(changes, moment)
        self._bring_feedback(changes, feedback)
        feedback.store(connection)
        return refusals

    def _accept(
        self,
        connection: Connection,
        batch: RunBatch,
        changes: _Changes,
        feedback: FeedbackWriter,
        moment: int,
    ) -> None:
        self._check_own(changes, _ids(batch))
        before, after, payloads = self._merge(connection, batch.changes, changes, moment)

        def read(ids: Collection[UUID]) -> Iterable[Row]:
            known = {run_id: row for run_id in ids if (row := changes.present(run_id)) is not None}
            missing = [run_id for run_id in ids if run_id not in known]
            stored = read_rows(self._clickhouse, missing) if missing else {}
            return [row for row in [*known.values(), *stored.values()] if self._is_own(row)]

        link_runs(before, after, read, lambda parents: self._waiting_runs(parents, changes))
        homes = {run_id: row["session_id"] for run_id, row in (changes.after | after).items()}
        feedback.put(connection, batch.feedback, homes)
        for item in batch.attachments:
            self._blobs.place(item.blob)
        write_attachments(connection, batch)
        changes.join(before, after, payloads)

    def _merge(
        self, connection: Connection, messages: list[RunChange], changes: _Changes, moment: int
    ) -> tuple[dict[UUID, Row], dict[UUID, Row], dict[UUID, dict[str, bytes]]]:
        sessions = SessionResolver(connection, moment)
        by_run: dict[UUID, list[RunChange]] = defaultdict(list)
        for message in messages:
            by_run[message.id].append(message)
            session_id = sessions.resolve(message.session_id, message.session_name)
            if session_id is not None:
                message.values["session_id"] = session_id
        before: dict[UUID, Row] = {}
        after: dict[UUID, Row] = {}
        payloads: dict[UUID, dict[str, bytes]] = {}
        for run_id, own in by_run.items():
            present = changes.present(run_id)
            if present is not None:
                before[run_id] = present
            row = dict(present) if present is not None else self._new_row(run_id, moment)
            after[run_id], payloads[run_id] = merge(row, own)
            if row["session_id"] is None:
                row["session_id"] = sessions.default()
            metadata = fresh_metadata(payloads[run_id])
            if metadata is not None:
                row["metadata"] = metadata
        return before, after, payloads

    def _new_row(self, run_id: UUID, moment: int) -> Row:
        return {**new_row(run_id, moment), "workspace_id": self._workspace_id, "metadata": {}, "version": 0}

    def _is_own(self, row: Row) -> bool:
        return bool(row["workspace_id"] == self._workspace_id)

    def _check_own(self, changes: _Changes, ids: Iterable[UUID]) -> None:
        """Refuse to change another workspace's runs."""
        for run_id in ids:
            row = changes.present(run_id)
            if row is not None and not self._is_own(row):
                raise TakenError(f"Run id {run_id} is in use")

    def _waiting_runs(self, parents: Collection[UUID], changes: _Changes) -> Iterable[Row]:
        """Runs that wait for a parent's place."""
        ids = set(self._waiting("run", parents))
        ids |= {row["id"] for row in changes.after.values() if not row["linked"]}
        rows = read_rows(self._clickhouse, ids - changes.after.keys()) if ids - changes.after.keys() else {}
        rows |= {run_id: dict(changes.after[run_id]) for run_id in ids & changes.after.keys()}
        return [
            row
            for row in rows.values()
            if not row["linked"] and row["parent_run_id"] in parents and self._is_own(row)
        ]

    def _waiting(self, kind: str, keys: Iterable[UUID]) -> list[UUID]:
        found: list[UUID] = []
        for part in chunks(keys):
            bound = Bound()
            rows = self._clickhouse.query(
                f"SELECT DISTINCT item_id FROM waiting WHERE workspace_id = {bound(str(self._workspace_id), 'UUID')}"
                f" AND kind = {bound(kind, 'String')} AND key_id IN {bound.ids(part)}",
                bound,
            )
            found += [row["item_id"] for row in rows]
        return found

    def _store(self, changes: _Changes, moment: int) -> None:
        """Insert what leads to runs first, then what they hold, then the runs: whoever finds one finds it whole."""
        rows, homes, documents, waiting = [], [], [], []
        for run_id, row in changes.after.items():
            before = changes.before.get(run_id)
            version = max(moment, before["version"] + 1 if before else 0)
            rows.append({**row, **looked_up(row), "modified_at": moment, "version": version, "deleted": 0})
            if before is None or home_of(before) != home_of(row):
                homes.append(home_row(row))
                if before is not None:
                    rows.append({**before, "version": version, "deleted": 1})
            documents += document_rows(self._workspace_id, run_id, changes.payloads[run_id], version)
            if not row["linked"]:
                waiting.append(self._hint("run", row["parent_run_id"], run_id))
        for table, own in (
            ("waiting", waiting),
            ("run_homes", homes),
            ("run_documents", documents),
            ("runs", rows),
        ):
            self._clickhouse.insert(table, own)

    def _hint(self, kind: str, key_id: UUID, item_id: UUID) -> Row:
        return {"workspace_id": self._workspace_id, "kind": kind, "key_id": key_id, "item_id": item_id}

    def _bring_feedback(self, changes: _Changes, feedback: FeedbackWriter) -> None:
        """Count feedback that was there before its run, or whose run has moved."""
        homes = {
            run_id: row["session_id"]
            for run_id, row in changes.after.items()
            if run_id not in changes.before or changes.before[run_id]["session_id"] != row["session_id"]
        }
        fresh = [run_id for run_id in homes if run_id not in changes.before]
        feedback.adopt(
            homes, self._waiting("feedback", fresh), [one for one in homes if one in changes.before]
        )


def _ids(batch: RunBatch) -> set[UUID]:
    return {change.id for change in batch.changes} | {item.run_id for item in batch.attachments}
