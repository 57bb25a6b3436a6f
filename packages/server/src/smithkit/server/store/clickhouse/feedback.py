"""Feedback on ClickHouse; its configs, formulas and tokens are in the SQL database."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

import orjson
from starlette.concurrency import run_in_threadpool

from smithkit.server.domain.times import now
from smithkit.server.store import feedback_formulas
from smithkit.server.store.clickhouse.client import Bound
from smithkit.server.store.clickhouse.feedback_rows import read_figures, rows_where, select_feedback
from smithkit.server.store.clickhouse.write_feedback import FeedbackWriter
from smithkit.server.store.feedback_figures import Scope
from smithkit.server.store.feedback_protocol import FeedbackRefusedError
from smithkit.server.store.sql_feedback import SqlFeedback, changed_item

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.access import Access
    from smithkit.server.store.clickhouse.client import Clickhouse
    from smithkit.server.store.feedback_protocol import FeedbackItem, FeedbackSelection

__all__ = ["ClickhouseFeedback"]

_T = TypeVar("_T")
_STEP = 1000  # runs that a formula is worked out for while nobody else writes


class ClickhouseFeedback(SqlFeedback):
    """Fulfils `FeedbackStore`.

    Args:
        access: The open SQL database, for one workspace.
        clickhouse: Where feedback is.
    """

    def __init__(self, access: Access, clickhouse: Clickhouse) -> None:
        super().__init__(access)
        self._clickhouse = clickhouse

    async def put(self, items: Sequence[FeedbackItem]) -> list[Row]:
        """Store feedback."""
        return await self._write(partial(self._put, items=items))

    async def change(self, feedback_id: UUID, fields: Row) -> Row | None:
        """Change a feedback."""

        def change(db: Connection) -> Row | None:
            before = self._one(feedback_id)
            return None if before is None else self._put(db, [changed_item(before, fields)])[0]

        return await self._write(change)

    async def delete(self, feedback_id: UUID) -> bool:
        """Remove a feedback."""

        def delete(db: Connection) -> bool:
            row = self._one(feedback_id)
            if row is None:
                return False
            if row["formula_id"] is not None:
                raise FeedbackRefusedError(f"id: {feedback_id} is worked out by a formula", taken=True)
            self._change(db, lambda writer: writer.remove([row]))
            return True

        return await self._write(delete)

    async def find(self, selection: FeedbackSelection) -> list[Row]:
        """Read feedback."""
        return await run_in_threadpool(select_feedback, self._clickhouse, self._workspace_id, selection)

    async def read(self, feedback_id: UUID) -> Row | None:
        """Read a feedback."""
        return await run_in_threadpool(self._one, feedback_id)

    async def comparison_stats(self, ids: Sequence[UUID]) -> dict[UUID, Row]:
        """Read the figures of comparative experiments' feedback."""
        return await run_in_threadpool(
            read_figures, self._clickhouse, self._workspace_id, ids, Scope.COMPARISON
        )

    async def delete_formula(self, formula_id: UUID) -> bool:
        """Remove a formula, and step by step what it gave."""
        found = await self.find_formulas(formula_id=formula_id)
        if not found or not await self._write(lambda db: feedback_formulas.delete_formula(db, formula_id)):
            return False
        await self._work_out(found[0])
        await self._write(partial(self._forget_formula, formula_id=formula_id))
        return True

    def _forget_formula(self, db: Connection, formula_id: UUID) -> None:
        rows = [row for row in rows_where(self._clickhouse, "formula_id", [formula_id]) if self._is_own(row)]
        self._change(db, lambda writer: writer.remove(rows))

    async def _work_out(self, formula: Row) -> None:
        """Work a formula out for the runs that it may say something of, or has said something of."""
        runs = await run_in_threadpool(self._concerned, formula)
        for at in range(0, len(runs), _STEP):
            await self._write(partial(self._work_out_some, run_ids=runs[at : at + _STEP]))

    def _work_out_some(self, db: Connection, run_ids: Sequence[UUID]) -> None:
        FeedbackWriter(self._clickhouse, self._workspace_id, now()).work_out(db, run_ids)

    def _concerned(self, formula: Row) -> list[UUID]:
        bound = Bound()
        keys = [part["key"] for part in orjson.loads(formula["formula_parts"])]
        rows = self._clickhouse.query(
            "SELECT DISTINCT run_id FROM feedback FINAL"
            f" WHERE workspace_id = {bound(str(self._workspace_id), 'UUID')} AND run_id IS NOT NULL"
            f" AND (key IN {bound(keys, 'Array(String)')} OR formula_id = {bound(str(formula['id']), 'UUID')})",
            bound,
        )
        return [row["run_id"] for row in rows]

    def _put(self, db: Connection, items: Sequence[FeedbackItem]) -> list[Row]:
        return self._change(db, lambda writer: writer.put(db, items, {}))

    def _change(self, db: Connection, change: Callable[[FeedbackWriter], _T]) -> _T:
        writer = FeedbackWriter(self._clickhouse, self._workspace_id, now())
        result = change(writer)
        writer.store(db)
        return result

    def _one(self, feedback_id: UUID) -> Row | None:
        found = rows_where(self._clickhouse, "id", [feedback_id])
        return next((row for row in found if self._is_own(row)), None)

    def _is_own(self, row: Row) -> bool:
        return bool(row["workspace_id"] == self._workspace_id)
