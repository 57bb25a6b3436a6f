"""Feedback in an SQL database."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from smithkit.server.domain.jsons import dump, load
from smithkit.server.domain.times import now
from smithkit.server.store import (
    feedback_configs,
    feedback_figures,
    feedback_formulas,
    feedback_tokens,
    read_feedback,
    write_feedback,
)
from smithkit.server.store.feedback_protocol import FeedbackItem, FeedbackRefusedError
from smithkit.server.store.tables import feedback

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.access import Access
    from smithkit.server.store.feedback_protocol import FeedbackSelection

__all__ = ["SqlFeedback", "changed_item"]

_STEP = 1000  # runs that a formula is worked out for in one transaction


class SqlFeedback:
    """Fulfils `FeedbackStore`.

    Args:
        access: The open database, for one workspace.
    """

    def __init__(self, access: Access) -> None:
        self._write, self._read = access.write, access.read
        self._workspace_id = access.workspace_id

    async def put(self, items: Sequence[FeedbackItem]) -> list[Row]:
        """Store feedback."""
        return await self._write(lambda db: write_feedback.put_feedback(db, items, now()))

    async def change(self, feedback_id: UUID, fields: Row) -> Row | None:
        """Change a feedback."""

        def change(db: Connection) -> Row | None:
            before = read_feedback.select_one(db, feedback_id)
            if before is None:
                return None
            item = changed_item(before, fields)
            return write_feedback.put_feedback(db, [item], now())[0]

        return await self._write(change)

    async def delete(self, feedback_id: UUID) -> bool:
        """Remove a feedback."""
        given = (feedback.c.id == feedback_id) & feedback.c.formula_id.is_(None)
        gone = await self._write(lambda db: write_feedback.forget_feedback(db, given, now()))
        if not gone and await self.read(feedback_id) is not None:
            raise FeedbackRefusedError(f"id: {feedback_id} is worked out by a formula", taken=True)
        return bool(gone)

    async def find(self, selection: FeedbackSelection) -> list[Row]:
        """Read feedback."""
        return await self._read(read_feedback.select_feedback, selection)

    async def read(self, feedback_id: UUID) -> Row | None:
        """Read a feedback."""
        return await self._read(read_feedback.select_one, feedback_id)

    async def comparison_stats(self, ids: Sequence[UUID]) -> dict[UUID, Row]:
        """Read the figures of comparative experiments' feedback."""
        return await self._read(feedback_figures.read_figures, ids, feedback_figures.Scope.COMPARISON)

    async def create_config(self, key: str, config: Row, *, is_lower_better: bool | None) -> Row | None:
        """Give a key a config."""
        own = self._workspace_id
        return await self._write(
            lambda db: feedback_configs.insert_config(db, own, key, config, is_lower_better, now())
        )

    async def update_config(self, key: str, changes: Row) -> Row | None:
        """Change a key's config."""
        own = self._workspace_id
        return await self._write(lambda db: feedback_configs.update_config(db, own, key, changes, now()))

    async def delete_config(self, key: str) -> bool:
        """Remove a key's config."""
        own = self._workspace_id
        return await self._write(lambda db: feedback_configs.remove_config(db, own, key, now()))

    async def find_configs(
        self, keys: Collection[str] | None, name_contains: str | None, limit: int, offset: int
    ) -> list[Row]:
        """Read configs."""
        return await self._read(
            feedback_configs.select_configs, self._workspace_id, keys, name_contains, limit, offset
        )

    async def put_formula(self, values: Row) -> Row | None:
        """Store a formula, and work it out step by step."""
        row = await self._write(lambda db: feedback_formulas.store_formula(db, values, now()))
        if row is not None:
            await self._work_out(row)
        return row

    async def delete_formula(self, formula_id: UUID) -> bool:
        """Remove a formula, and step by step what it gave."""
        found = await self.find_formulas(formula_id=formula_id)
        if not found or not await self._write(lambda db: feedback_formulas.delete_formula(db, formula_id)):
            return False
        await self._work_out(found[0])
        while await self._write(lambda db: self._forget_some(db, formula_id)):
            pass
        return True

    @staticmethod
    def _forget_some(db: Connection, formula_id: UUID) -> bool:
        some = read_feedback.ids_of_formula(db, formula_id, _STEP)
        return bool(write_feedback.forget_feedback(db, feedback.c.id.in_(some), now())) if some else False

    async def _work_out(self, formula: Row) -> None:
        after: UUID | None = None
        while found := await self._read(feedback_formulas.next_runs, formula, after, _STEP):
            await self._write(partial(write_feedback.work_out, run_ids=found, moment=now()))
            after = found[-1]

    async def find_formulas(
        self,
        *,
        formula_id: UUID | None = None,
        dataset_id: UUID | None = None,
        session_id: UUID | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Row]:
        """Read formulas."""
        return await self._read(
            feedback_formulas.select_formulas,
            formula_id=formula_id,
            dataset_id=dataset_id,
            session_id=session_id,
            limit=limit,
            offset=offset,
        )

    async def add_tokens(self, rows: Sequence[Row]) -> None:
        """Store tokens' records."""
        await self._write(lambda db: feedback_tokens.insert_tokens(db, rows, now()))

    async def find_token(self, handle: bytes) -> Row | None:
        """Read the record of a token."""
        return await self._read(feedback_tokens.select_token, handle)

    async def find_tokens(self, run_id: UUID, limit: int, offset: int) -> list[Row]:
        """Read the records of a run's tokens."""
        return await self._read(feedback_tokens.select_tokens, run_id, now(), limit, offset)


def changed_item(row: Row, fields: Row) -> FeedbackItem:
    """A record with other contents, as an item that can be checked and stored."""
    body = {**load(row["body"]), **fields}
    score = body.get("score")
    return replace(
        FeedbackItem(
            row["id"], row["run_id"], row["trace_id"], row["session_id"], row["key"], None, None, b""
        ),
        score=None if score is None else float(score),
        value=body.get("value"),
        body=dump(body),
        source=row["source"],
        comparative_experiment_id=row["comparative_experiment_id"],
        created_at=row["created_at"],
    )
