"""Reading runs and what belongs to them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select

from smithkit.server.domain.filters import And, Comparison, Node, Operator
from smithkit.server.store.access import workspace_of
from smithkit.server.store.filter_sql import compile_filter, of_root, of_tree
from smithkit.server.store.ownership import in_own_session, own_sessions
from smithkit.server.store.packing import unpack
from smithkit.server.store.postgres_filter import PostgresDialect, is_one_of
from smithkit.server.store.postgres_text import may_hold
from smithkit.server.store.scan_documents import asks_documents, scan_runs
from smithkit.server.store.search_runs import search_runs
from smithkit.server.store.sqlite_filter import SqliteDialect, queued
from smithkit.server.store.tables import attachments, feedback, run_payloads, runs
from smithkit.server.store.text_hits import BY_ID, find_hits
from smithkit.server.store.text_query import TSQUERY, index_query

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, Select

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.filter_sql import Dialect
    from smithkit.server.store.protocol import Place, RunSelection

__all__ = [
    "conditions",
    "is_of_thread",
    "read_attachments",
    "read_children",
    "read_feedback",
    "read_payloads",
    "select_answers",
    "select_runs",
]

_STEP = 500  # runs whose payloads are read at a time while they wait for the index
_DIALECTS: Mapping[str, Dialect] = {"sqlite": SqliteDialect(), "postgresql": PostgresDialect()}


def select_runs(connection: Connection, selection: RunSelection) -> list[Row]:
    """Read the records that a selection names, in its order."""
    if connection.dialect.name != "sqlite":
        return list(islice(_scan(connection, selection), selection.limit))
    hits = find_hits(selection)
    if hits is None:
        return _select_page(connection, selection)
    waiting = _waiting(connection, selection)
    return search_runs(connection, selection, hits, waiting, partial(_select_page, connection))


def _waiting(connection: Connection, selection: RunSelection) -> Iterator[list[UUID]]:
    """Ids of the runs that wait for the index, in the order of the selection, whatever its filters say of them."""
    every = replace(selection, filter=None, trace_filter=None, tree_filter=None)
    waiting = select(runs.c.id).where(queued(runs)).with_hint(runs, BY_ID, "sqlite")
    streamed = _on_page(connection, every, waiting).execution_options(yield_per=_STEP)
    with connection.execute(streamed) as found:
        for part in found.scalars().partitions():
            yield list(part)


def _scan(connection: Connection, selection: RunSelection) -> Iterable[Row]:
    """Go through runs where payloads are judged here; of others there is one page."""
    if not asks_documents(selection):
        return _select_page(connection, selection)
    query = None if selection.filter is None else index_query(selection.filter, TSQUERY)
    every = select(runs) if query is None else select(runs).where(may_hold(runs, query))
    return scan_runs(connection, selection, lambda wide: _select_page(connection, wide, every))


def _select_page(
    connection: Connection,
    selection: RunSelection,
    statement: Select[Any] | None = None,
    order: ColumnElement[Any] | None = None,
) -> list[Row]:
    page = _on_page(connection, selection, select(runs) if statement is None else statement, order)
    return [dict(row) for row in connection.execute(page.limit(selection.limit)).mappings()]


def is_of_thread(selection: RunSelection) -> bool:
    """Tell whether a selection is of one thread of a project, and is best looked up as such."""
    narrower = selection.ids is not None or selection.traces is not None
    return not narrower and len(selection.sessions or ()) == 1 and _names_thread(selection.filter)


def _names_thread(node: Node | None) -> bool:
    match node:
        case And(operands):
            return any(map(_names_thread, operands))
        case Comparison(Operator.EQ, "thread_id", str()):
            return True
        case _:
            return False


def _on_page(
    connection: Connection,
    selection: RunSelection,
    statement: Select[Any],
    order: ColumnElement[Any] | None = None,
) -> Select[Any]:
    """Let a statement begin where a selection's page does, and go on in its order, or in another."""
    statement = statement.where(*conditions(connection, selection))
    if selection.after is not None:
        statement = statement.where(_beyond(selection.after, ascending=selection.ascending))
    for column in _order(connection, selection) if order is None else (order,):
        statement = statement.order_by(column if selection.ascending else column.desc())
    return statement


def _order(connection: Connection, selection: RunSelection) -> tuple[ColumnElement[Any], ...]:
    start: ColumnElement[Any] = runs.c.start_time
    if connection.dialect.name == "sqlite" and is_of_thread(selection):
        # No index gives a sum. By its figures SQLite would rather find the order in all roots of a project than sort
        # those of the thread.
        start = start + 0
    return start, runs.c.id


def select_answers(connection: Connection, sessions: Sequence[UUID], examples: Sequence[UUID]) -> list[Row]:
    """Read the records of the roots with which experiments answered examples.

    In no order: asked for one, SQLite goes through all roots of an experiment.
    """
    statement = select(runs).where(
        runs.c.session_id.in_(sessions),
        runs.c.reference_example_id.in_(examples),
        runs.c.parent_run_id.is_(None),
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def conditions(connection: Connection, selection: RunSelection) -> list[ColumnElement[bool]]:
    """Say what a selection says of the workspace's runs, leaving out where its page begins."""
    members = (
        (runs.c.id, selection.ids),
        (runs.c.trace_id, selection.traces),
        (runs.c.reference_example_id, selection.examples),
    )
    found = [_own(connection, selection)]
    found += [_one_of(column, values) for column, values in members if values is not None]
    equal = (
        (runs.c.parent_run_id, selection.parent),
        (runs.c.run_type, selection.run_type),
        (runs.c.has_error, selection.error),
    )
    found += [column == value for column, value in equal if value is not None]
    if selection.is_root is not None:
        root = runs.c.parent_run_id.is_(None)
        found.append(root if selection.is_root else ~root)
    if selection.started_from is not None:
        found.append(runs.c.start_time >= selection.started_from)
    if selection.started_to is not None:
        found.append(runs.c.start_time <= selection.started_to)
    if selection.below is not None:
        found.append(_below(selection.below))
    dialect = _DIALECTS[connection.dialect.name]
    if connection.dialect.name != "sqlite" and asks_documents(selection):
        return [*found, is_one_of(runs.c.id, [row["id"] for row in _scan(connection, selection)])]
    if selection.filter is not None:
        found.append(compile_filter(selection.filter, runs, dialect))
    if selection.trace_filter is not None:
        found.append(of_root(selection.trace_filter, dialect))
    if selection.tree_filter is not None:
        found.append(of_tree(selection.tree_filter, dialect))
    return found


def _own(connection: Connection, selection: RunSelection) -> ColumnElement[bool]:
    if selection.sessions is None or selection.traces is not None:
        # By traces there are fewer runs to go through than by projects.
        return in_own_session(connection, runs.c.session_id, selection.sessions)
    return _one_of(runs.c.session_id, own_sessions(connection, selection.sessions))


def _one_of(column: ColumnElement[Any], values: Collection[UUID]) -> ColumnElement[bool]:
    """One value as an equation: lets the index give the order too."""
    return column == next(iter(values)) if len(values) == 1 else column.in_(values)


def _below(place: Place) -> ColumnElement[bool]:
    order = runs.c.dotted_order
    inside = (order == place.dotted_order) | order.startswith(f"{place.dotted_order}.", autoescape=True)
    return (runs.c.trace_id == place.trace_id) & inside


def _beyond(after: tuple[int, UUID], *, ascending: bool) -> ColumnElement[bool]:
    moment, run_id = after
    start = runs.c.start_time
    if ascending:
        return and_(start >= moment, or_(start > moment, runs.c.id > run_id))
    return and_(start <= moment, or_(start < moment, runs.c.id < run_id))


def read_payloads(
    connection: Connection, ids: Sequence[UUID], names: Sequence[str]
) -> dict[UUID, dict[str, bytes]]:
    """Read and unpack payloads; null ones are left out."""
    columns = [run_payloads.c.run_id, *(run_payloads.c[name] for name in names)]
    found = connection.execute(select(*columns).where(run_payloads.c.run_id.in_(ids)))
    return {
        run_id: {name: unpack(value) for name, value in zip(names, values, strict=True) if value is not None}
        for run_id, *values in found
    }


def read_children(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Read the ids of direct children, oldest first."""
    children: dict[UUID, list[UUID]] = defaultdict(list)
    statement = (
        select(runs.c.parent_run_id, runs.c.id)
        .where(runs.c.parent_run_id.in_(ids), in_own_session(connection, runs.c.session_id))
        .order_by(runs.c.start_time, runs.c.id)
    )
    for parent_id, run_id in connection.execute(statement):
        children[parent_id].append(run_id)
    return dict(children)


def read_attachments(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """Read the records of runs' files, in the order in which they came."""
    files: dict[UUID, list[Row]] = defaultdict(list)
    statement = select(attachments).where(attachments.c.run_id.in_(ids)).order_by(attachments.c.position)
    for row in connection.execute(statement).mappings():
        files[row["run_id"]].append(dict(row))
    return dict(files)


def read_feedback(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """Read the records of runs' feedback, oldest first."""
    items: dict[UUID, list[Row]] = defaultdict(list)
    statement = (
        select(feedback)
        .where(feedback.c.run_id.in_(ids), feedback.c.workspace_id == workspace_of(connection))
        .order_by(feedback.c.created_at, feedback.c.id)
    )
    for row in connection.execute(statement).mappings():
        items[row["run_id"]].append(dict(row))
    return dict(items)
