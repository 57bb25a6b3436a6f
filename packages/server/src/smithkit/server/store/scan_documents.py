"""Filters on what payloads hold, where the database cannot look into them: candidates are read and judged here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import select

from smithkit.server.domain.filters import And, Comparison, Node, Not, Operator, Or
from smithkit.server.store.filter_sql import compile_filter, is_of_documents, of_root, of_tree
from smithkit.server.store.postgres_filter import JudgingDialect, is_one_of
from smithkit.server.store.tables import runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.protocol import RunSelection

__all__ = ["asks_documents", "scan_runs"]

_FIRST, _MOST = 100, 2000  # candidates a step


def asks_documents(selection: RunSelection) -> bool:
    """Tell whether a selection's filters ask for what payloads hold."""
    filters = (selection.filter, selection.trace_filter, selection.tree_filter)
    return any(_asks(node) for node in filters if node is not None)


def scan_runs(
    connection: Connection, selection: RunSelection, read: Callable[[RunSelection], list[Row]]
) -> Iterator[Row]:
    """Go through the runs that a selection names, in its order, whatever its limit.

    Args:
        connection: A connection.
        selection: Which runs.
        read: Reads the records of a selection that asks for nothing in payloads.
    """
    wide = replace(
        selection,
        filter=_wide(selection.filter),
        trace_filter=_wide(selection.trace_filter),
        tree_filter=_wide(selection.tree_filter),
        limit=max(_FIRST, min(selection.limit, _MOST)),
    )
    while True:
        page = read(wide)
        kept = _judge(connection, selection, [row["id"] for row in page])
        yield from (row for row in page if row["id"] in kept)
        if len(page) < wide.limit:
            return
        last = page[-1]
        wide = replace(wide, after=(last["start_time"], last["id"]), limit=min(2 * wide.limit, _MOST))


def _judge(connection: Connection, selection: RunSelection, ids: list[UUID]) -> set[UUID]:
    """Keep the runs for which the filters hold."""
    if not ids:
        return set()
    dialect = JudgingDialect(connection, ids)
    which = [is_one_of(runs.c.id, ids)]
    if selection.filter is not None:
        which.append(compile_filter(selection.filter, runs, dialect))
    if selection.trace_filter is not None:
        which.append(of_root(selection.trace_filter, dialect))
    if selection.tree_filter is not None:
        which.append(of_tree(selection.tree_filter, dialect))
    return set(connection.execute(select(runs.c.id).where(*which)).scalars())


def _asks(node: Node) -> bool:
    match node:
        case And(operands) | Or(operands):
            return any(_asks(one) for one in operands)
        case Not(operand):
            return _asks(operand)
        case Comparison(Operator.SEARCH):
            return True
    return is_of_documents(node)


def _wide(node: Node | None) -> Node | None:
    """What a filter says without payloads: holds wherever the filter does. None says nothing."""
    match node:
        case And(operands):
            left = tuple(one for one in map(_wide, operands) if one is not None)
            return And(left) if left else None
        case Or(operands):
            each = tuple(one for one in map(_wide, operands) if one is not None)
            return Or(each) if len(each) == len(operands) else None
        case Not(And(operands)) if _asks(node):
            return _wide(Or(tuple(Not(one) for one in operands)))
        case Not(Or(operands)) if _asks(node):
            return _wide(And(tuple(Not(one) for one in operands)))
        case Not(Not(operand)):
            return _wide(operand)
    return None if node is None or _asks(node) else node
