"""Conditions on documents that are no SQL: which runs they hold for is worked out here, and named to ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from smithkit.server.domain.filters import And, Comparison, Node, Not, Or, Some, evaluate
from smithkit.server.store.clickhouse.client import Bound
from smithkit.server.store.stored_record import ARGUMENTS, StoredRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.clickhouse.client import Clickhouse

__all__ = ["Picker"]

_STEP = 500  # runs whose documents are read at a time
_FIRST = UUID(int=0)


class Picker:
    """Finds the runs of a workspace for which a condition on documents holds.

    Args:
        clickhouse: Where the documents are.
        workspace_id: Whose.
    """

    def __init__(self, clickhouse: Clickhouse, workspace_id: UUID) -> None:
        self._clickhouse = clickhouse
        self._workspace_id = workspace_id

    def pick(self, node: Node, bound: Bound) -> str:
        """Look through all documents that a condition asks for.

        Args:
            node: The condition.
            bound: Values of the statement that asks.

        Returns:
            A condition on ids. What is noted is the runs that differ from one without documents.
        """
        fields = sorted(set(_fields(node)))
        otherwise = evaluate(node, StoredRecord())
        pick = uuid4()
        for rows in self._documents(fields):
            found = [row["run_id"] for row in rows if evaluate(node, _record(row, fields)) is not otherwise]
            self._clickhouse.insert("picks", [{"pick": pick, "run_id": run_id} for run_id in found])
        word = "NOT IN" if otherwise else "IN"
        return f"(id {word} (SELECT run_id FROM picks WHERE pick = {bound(str(pick), 'UUID')}))"

    def _documents(self, fields: list[str]) -> Iterator[list[Row]]:
        """Documents by run, some runs at a time."""
        after = _FIRST
        columns = ", ".join(f"anyIf(json, field = '{name}') AS {name}" for name in fields)
        while True:
            bound = Bound()
            rows = self._clickhouse.query(
                f"SELECT run_id, {columns} FROM run_documents FINAL"
                f" WHERE workspace_id = {bound(str(self._workspace_id), 'UUID')}"
                f" AND field IN {bound(fields, 'Array(String)')} AND run_id > {bound(str(after), 'UUID')}"
                f" GROUP BY run_id ORDER BY run_id LIMIT {_STEP}",
                bound,
            )
            if rows:
                yield rows
            if len(rows) < _STEP:
                return
            after = rows[-1]["run_id"]


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
