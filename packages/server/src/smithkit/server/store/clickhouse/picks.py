"""Conditions on documents that are no SQL: which runs they hold for is worked out here, and named to ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from smithkit.server.domain.filters import And, Comparison, Node, Not, Or, Some, evaluate
from smithkit.server.store.clickhouse.client import Bound
from smithkit.server.store.stored_record import ARGUMENTS, StoredRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.clickhouse.client import Clickhouse

__all__ = ["Picker"]

_PAGE = 50_000  # runs that are named at a time
_STEP = 1000  # runs whose documents are read at a time
_FIRST = UUID(int=0)


class Picker:
    """Finds runs for which a condition on documents holds.

    Args:
        clickhouse: Where the documents are.
        workspace_id: Whose.
        within: Gives the conditions on `runs` within which to look, for a statement's values.
    """

    def __init__(
        self, clickhouse: Clickhouse, workspace_id: UUID, within: Callable[[Bound], list[str]]
    ) -> None:
        self._clickhouse = clickhouse
        self._workspace_id = workspace_id
        self._within = within

    def pick(self, node: Node, bound: Bound) -> str:
        """Look through the documents that a condition asks for.

        Args:
            node: The condition.
            bound: Values of the statement that asks.

        Returns:
            A condition on ids. What is noted is the runs that differ from one without documents.
        """
        fields = sorted(set(_fields(node)))
        otherwise = evaluate(node, StoredRecord())
        pick = uuid4()
        for ids in self._candidates():
            for at in range(0, len(ids), _STEP):
                rows = self._documents(ids[at : at + _STEP], fields)
                found = [
                    row["run_id"] for row in rows if evaluate(node, _record(row, fields)) is not otherwise
                ]
                self._clickhouse.insert("picks", [{"pick": pick, "run_id": run_id} for run_id in found])
        word = "NOT IN" if otherwise else "IN"
        return f"(id {word} (SELECT run_id FROM picks WHERE pick = {bound(str(pick), 'UUID')}))"

    def _candidates(self) -> Iterator[list[UUID]]:
        """Ids in the order of the documents, so that those of neighbours are read together."""
        after = _FIRST
        while True:
            bound = Bound()
            which = " AND ".join([*self._within(bound), f"id > {bound(str(after), 'UUID')}"])
            rows = self._clickhouse.query(
                f"SELECT id FROM runs FINAL WHERE {which} ORDER BY id LIMIT {_PAGE}", bound
            )
            yield [row["id"] for row in rows]
            if len(rows) < _PAGE:
                return
            after = rows[-1]["id"]

    def _documents(self, ids: list[UUID], fields: list[str]) -> list[Row]:
        """Documents by run."""
        columns = ", ".join(f"anyIf(json, field = '{name}') AS {name}" for name in fields)
        bound = Bound()
        return self._clickhouse.query(
            f"SELECT run_id, {columns} FROM run_documents FINAL"
            f" WHERE workspace_id = {bound(str(self._workspace_id), 'UUID')}"
            f" AND field IN {bound(fields, 'Array(String)')} AND run_id IN {bound.ids(ids)} GROUP BY run_id",
            bound,
        )


def _record(row: Row, fields: list[str]) -> StoredRecord:
    given = {name: row[name].encode() for name in fields if row[name]}
    return StoredRecord(*(given.get(name) for name in ARGUMENTS))


def _fields(node: Node) -> Iterator[str]:
    """The payloads that a condition reads."""
    match node:
        case And(operands) | Or(operands):
            for one in operands:
                yield from _fields(one)
        case Not(operand):
            yield from _fields(operand)
        case Some(group, _):
            yield "extra" if group.value == "metadata" else group.value
        case Comparison(_, name):
            document = name.partition(".")[0]
            yield "extra" if document == "metadata" else document
