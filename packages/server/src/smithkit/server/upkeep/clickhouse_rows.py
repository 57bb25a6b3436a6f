"""Rows of runs and feedback on ClickHouse, as the tables of an SQL database would have them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from smithkit.server.domain.runs import PAYLOADS
from smithkit.server.domain.times import now
from smithkit.server.store.clickhouse.client import Bound, chunks
from smithkit.server.store.clickhouse.feedback_rows import rows_where
from smithkit.server.store.clickhouse.migrations import VERSION, read_version
from smithkit.server.store.clickhouse.run_rows import (
    document_rows,
    fresh_metadata,
    home_row,
    looked_up,
    read_rows,
)
from smithkit.server.store.clickhouse.schema import FEEDBACK_COLUMNS, RUN_COLUMNS
from smithkit.server.store.packing import pack, unpack
from smithkit.server.store.tables import feedback, run_payloads, run_shares, runs, sessions
from smithkit.server.upkeep.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy import Connection, Table

    from smithkit.server.store.clickhouse.client import Clickhouse
    from smithkit.server.upkeep.rows import Row

__all__ = ["ClickhouseRows"]

_PAGE = 1000  # records
_IDS = 50_000
_DOCUMENTS = 64  # runs whose payloads are read at a time: they may be large
_FIRST = UUID(int=0)
_EVER = 2**63 - 1


class ClickhouseRows(Rows):
    """The rows of an SQL database's tables, but for those that lie on ClickHouse.

    Args:
        clickhouse: Where runs and feedback are.
    """

    def __init__(self, clickhouse: Clickhouse) -> None:
        self._clickhouse = clickhouse
        self._latest = _EVER

    def begin(self) -> None:
        """Leave out runs that come in from now on, so that what is read of them fits together."""
        if read_version(self._clickhouse) is not None:
            (row,) = self._clickhouse.query("SELECT max(created_at) AS latest FROM runs")
            self._latest = int(row["latest"])

    def count(self, connection: Connection, table: Table) -> int:
        """Count the rows of a table."""
        if table in {runs, run_payloads}:
            which = f"runs FINAL WHERE created_at <= {self._latest}"
        elif table is run_shares:
            which = f"run_shares FINAL WHERE {self._of_runs()}"
        elif table is feedback:
            which = "feedback FINAL"
        else:
            return super().count(connection, table)
        (row,) = self._clickhouse.query(f"SELECT count() AS n FROM {which}")
        return int(row["n"])

    def read(self, connection: Connection, table: Table) -> Iterator[Row]:
        """Go through a table."""
        if table is runs:
            return self._read_runs(connection)
        if table is run_payloads:
            return self._read_payloads()
        if table is run_shares:
            return self._read_shares()
        return self._read_feedback() if table is feedback else super().read(connection, table)

    def absent(self, connection: Connection, table: Table, rows: list[Row]) -> list[Row]:
        """Keep the rows that are not there, by their primary keys."""
        if table is runs:
            here: Collection[UUID] = read_rows(self._clickhouse, [row["id"] for row in rows])
        elif table is run_payloads:
            here = self._with_payloads([row["run_id"] for row in rows])
            rows = [row for row in rows if any(row[name] is not None for name in PAYLOADS)]
        elif table is run_shares:
            return [row for row in rows if not self._shares("token", [row["token"]])]
        elif table is feedback:
            here = {row["id"] for row in rows_where(self._clickhouse, "id", [row["id"] for row in rows])}
        else:
            return super().absent(connection, table, rows)
        key = "run_id" if table is run_payloads else "id"
        return [row for row in rows if row[key] not in here]

    def insert(self, connection: Connection, table: Table, rows: list[Row]) -> int:
        """Store rows that are not there, but those that another one keeps out; tell how many were stored."""
        rows = [
            {str(name): value for name, value in row.items()} for row in rows
        ]  # SQLAlchemy's names are others
        if table is runs:
            return self._insert_runs(connection, rows)
        if table is run_payloads:
            return self._insert_payloads(rows)
        if table is run_shares:
            return self._insert_shares(rows)
        return self._insert_feedback(rows) if table is feedback else super().insert(connection, table, rows)

    def problems(self, connection: Connection) -> dict[str, list[str]]:
        """Look whether the tables are of this release, and runs belong to projects and are found by their ids."""
        version = read_version(self._clickhouse)
        if version != VERSION:
            older = (
                f"version {version} is not {VERSION}, which this release needs: a server of this release migrates "
                "an older one when it starts; for a newer one upgrade smithkit-server"
            )
            return {"ClickHouse schema": [older]}
        bound = Bound()
        known = bound.ids(connection.execute(select(sessions.c.id)).scalars().all())
        homes = "(workspace_id, session_id, start_time, id)"
        counted = (
            ("without a project", f"session_id NOT IN {known}"),
            (
                "cannot be found by their ids",
                f"{homes} NOT IN (SELECT workspace_id, session_id, start_time, run_id FROM run_homes)",
            ),
        )
        found = []
        for what, which in counted:
            (row,) = self._clickhouse.query(f"SELECT count() AS n FROM runs FINAL WHERE {which}", bound)
            found += [f"{row['n']} runs {what}"] if row["n"] else []
        return {"ClickHouse schema": [], "ClickHouse runs": found}

    # ---------------------------------------------------------------- reading

    def _of_runs(self) -> str:
        return f"run_id IN (SELECT id FROM runs FINAL WHERE created_at <= {self._latest})"

    def _read_runs(self, connection: Connection) -> Iterator[Row]:
        """Project by project, in the order in which they lie."""
        columns = (sessions.c.workspace_id, sessions.c.id)
        for workspace_id, session_id in connection.execute(select(*columns).order_by(*columns)).all():
            after = (-_EVER, _FIRST)
            while page := self._page(workspace_id, session_id, after):
                yield from page
                after = (page[-1]["start_time"], page[-1]["id"])

    def _page(self, workspace_id: UUID, session_id: UUID, after: tuple[int, UUID]) -> list[Row]:
        bound = Bound()
        moment, run_id = bound(after[0], "Int64"), bound(str(after[1]), "UUID")
        return self._clickhouse.query(
            f"SELECT {', '.join(RUN_COLUMNS)} FROM runs FINAL WHERE workspace_id = {bound(str(workspace_id), 'UUID')}"
            f" AND session_id = {bound(str(session_id), 'UUID')} AND created_at <= {self._latest}"
            f" AND start_time >= {moment} AND (start_time > {moment} OR id > {run_id})"
            f" ORDER BY start_time, id LIMIT {_PAGE}",
            bound,
        )

    def _read_payloads(self) -> Iterator[Row]:
        """In the order of ids, in which documents lie."""
        after = _FIRST
        while ids := self._ids_after(after):
            for at in range(0, len(ids), _DOCUMENTS):
                yield from self._payloads(ids[at : at + _DOCUMENTS])
            after = ids[-1]

    def _ids_after(self, after: UUID) -> list[UUID]:
        bound = Bound()
        rows = self._clickhouse.query(
            f"SELECT id FROM runs FINAL WHERE id > {bound(str(after), 'UUID')} AND created_at <= {self._latest}"
            f" ORDER BY id LIMIT {_IDS}",
            bound,
        )
        return [row["id"] for row in rows]

    def _payloads(self, ids: list[UUID]) -> Iterator[Row]:
        given: defaultdict[UUID, Row] = defaultdict(dict)
        for row in self._documents("run_id, field, json", ids):
            given[row["run_id"]][row["field"]] = pack(row["json"].encode())
        for run_id in ids:
            yield {"run_id": run_id, **dict.fromkeys(PAYLOADS), **given[run_id]}

    def _documents(self, columns: str, ids: list[UUID]) -> list[Row]:
        """Read columns of documents; each lies under its run's workspace."""
        bound = Bound()
        own = bound.ids(ids)
        workspaces = f"SELECT workspace_id FROM run_homes WHERE run_id IN {own}"
        return self._clickhouse.query(
            f"SELECT {columns} FROM run_documents FINAL WHERE workspace_id IN ({workspaces}) AND run_id IN {own}"
            f" AND field IN {bound(list(PAYLOADS), 'Array(String)')}",
            bound,
        )

    def _read_shares(self) -> Iterator[Row]:
        rows = self._clickhouse.query(
            f"SELECT * FROM run_shares FINAL WHERE {self._of_runs()} ORDER BY token"
        )
        for row in rows:
            yield {"token": row["token"], "run_id": row["run_id"], "created_at": row["version"]}

    def _read_feedback(self) -> Iterator[Row]:
        after = _FIRST
        while page := self._feedback_after(after):
            for row in page:
                score = row["score"]
                yield {**row, "score": None if score is None else float(score)}
            after = page[-1]["id"]

    def _feedback_after(self, after: UUID) -> list[Row]:
        bound = Bound()
        return self._clickhouse.query(
            f"SELECT {', '.join(FEEDBACK_COLUMNS)} FROM feedback FINAL WHERE id > {bound(str(after), 'UUID')}"
            f" ORDER BY id LIMIT {_PAGE}",
            bound,
        )

    # ---------------------------------------------------------------- writing

    def _with_payloads(self, ids: list[UUID]) -> set[UUID]:
        return {row["run_id"] for part in chunks(ids) for row in self._documents("DISTINCT run_id", part)}

    def _shares(self, column: str, ids: list[UUID]) -> list[Row]:
        bound = Bound()
        which = f"{column} IN {bound.ids(ids)}"
        return self._clickhouse.query(f"SELECT * FROM run_shares FINAL WHERE {which}", bound)

    def _insert_runs(self, connection: Connection, rows: list[Row]) -> int:
        """What leads to runs comes first, as whenever runs are written."""
        columns = (sessions.c.id, sessions.c.workspace_id)
        homes = {row["session_id"] for row in rows}
        known = {
            row.id: row.workspace_id
            for row in connection.execute(select(*columns).where(columns[0].in_(homes)))
        }
        more = {"metadata": {}, "version": now(), "deleted": 0}
        stored = [
            {**row, **looked_up(row), **more, "workspace_id": known[row["session_id"]]}
            for row in rows
            if row["session_id"] in known
        ]
        self._hint("run", [row for row in stored if not row["linked"]], "parent_run_id")
        self._clickhouse.insert("run_homes", [home_row(row) for row in stored])
        self._clickhouse.insert("runs", stored)
        return len(stored)

    def _insert_payloads(self, rows: list[Row]) -> int:
        """The runs get their metadata first, so that what is cut short is not taken for whole."""
        present = read_rows(self._clickhouse, [row["run_id"] for row in rows])
        moment = now()
        described, documents = [], []
        for row in rows:
            run = present.get(row["run_id"])
            if run is None:
                continue
            payloads = {name: unpack(row[name]) for name in PAYLOADS if row[name] is not None}
            metadata = fresh_metadata(payloads)
            if metadata:
                version = max(moment, run["version"] + 1)
                described.append({**run, "metadata": metadata, "version": version})
            documents += document_rows(run["workspace_id"], run["id"], payloads, moment)
        self._clickhouse.insert("runs", described)
        self._clickhouse.insert("run_documents", documents)
        return sum(row["run_id"] in present for row in rows)

    def _insert_shares(self, rows: list[Row]) -> int:
        ids = [row["run_id"] for row in rows]
        present = read_rows(self._clickhouse, ids)
        taken = {row["run_id"] for row in self._shares("run_id", ids)}
        stored = [
            {
                "run_id": row["run_id"],
                "workspace_id": present[row["run_id"]]["workspace_id"],
                "token": row["token"],
                "version": row["created_at"],
                "deleted": 0,
            }
            for row in rows
            if row["run_id"] in present and row["run_id"] not in taken
        ]
        self._clickhouse.insert("run_shares", stored)
        return len(stored)

    def _insert_feedback(self, rows: list[Row]) -> int:
        stored = [{**row, "version": now(), "deleted": 0} for row in rows if row["workspace_id"] is not None]
        waits = [row for row in stored if row["session_id"] is None and row["run_id"] is not None]
        self._hint("feedback", waits, "run_id")
        self._clickhouse.insert("feedback", stored)
        return len(stored)

    def _hint(self, kind: str, rows: list[Row], key: str) -> None:
        """Note what waits for a run."""
        self._clickhouse.insert(
            "waiting",
            [
                {"workspace_id": row["workspace_id"], "kind": kind, "key_id": row[key], "item_id": row["id"]}
                for row in rows
            ],
        )
