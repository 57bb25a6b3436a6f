"""Runs in groups: which groups there are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import distinct, func, select

from smithkit.server.domain.jsons import load
from smithkit.server.store.read_runs import conditions
from smithkit.server.store.stored_record import metadata_text
from smithkit.server.store.tables import run_payloads, runs

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select

    from smithkit.server.store.protocol import RunGrouping, RunSelection

__all__ = ["select_groups"]

_STEP = 1000


def select_groups(
    connection: Connection, selection: RunSelection, grouping: RunGrouping
) -> tuple[list[str], int]:
    """Find the groups of runs, the largest first, or for threads the one that was active last.

    Args:
        connection: A connection.
        selection: Which runs; its order and limit do not matter.
        grouping: What they are grouped by, and which groups are wanted.

    Returns:
        What is common to the runs of each group, and the number of all groups.
    """
    if connection.dialect.name != "sqlite" and grouping.attribute in {"tag", "metadata"}:
        return _counted(connection, selection, grouping)
    statement, key = _grouped(grouping)
    statement = statement.where(*conditions(connection, selection), key.is_not(None))
    total = connection.execute(statement.with_only_columns(func.count(distinct(key)))).scalar_one()
    order = func.max(runs.c.start_time) if grouping.attribute == "thread" else func.count()
    page = statement.group_by(key).order_by(order.desc(), key).offset(grouping.offset).limit(grouping.limit)
    return [row[0] for row in connection.execute(page)], total


def _counted(connection: Connection, selection: RunSelection, grouping: RunGrouping) -> tuple[list[str], int]:
    """The same by what stands in JSON, where the database cannot read all of it."""
    of_tags = grouping.attribute == "tag"
    column = runs.c.tags if of_tags else run_payloads.c.extra
    statement = select(column).select_from(runs.join(run_payloads, run_payloads.c.run_id == runs.c.id))
    statement = statement.where(*conditions(connection, selection), column.is_not(None))
    groups: Counter[str] = Counter()
    for value in connection.execute(statement.execution_options(yield_per=_STEP)).scalars():
        if of_tags:
            groups.update(tag for tag in load(value.encode()) if isinstance(tag, str))
        elif (text := metadata_text(value, grouping.path)) is not None:
            groups[text] += 1
    ordered = sorted(groups, key=lambda group: (-groups[group], group))
    return ordered[grouping.offset : grouping.offset + grouping.limit], len(groups)


def _grouped(grouping: RunGrouping) -> tuple[Select[Any], ColumnElement[Any]]:
    key: ColumnElement[Any]
    match grouping.attribute:
        case "tag":
            each = func.json_each(runs.c.tags).table_valued("value", "type", joins_implicitly=True)
            key = each.c.value
            return select(key).select_from(runs, each).where(each.c.type == "text"), key
        case "metadata":
            key = func.metadata_text(run_payloads.c.extra, grouping.path)
            return select(key).select_from(runs.join(run_payloads, run_payloads.c.run_id == runs.c.id)), key
        case attribute:
            key = runs.c["thread_id" if attribute == "thread" else attribute]
            return select(key).select_from(runs), key
