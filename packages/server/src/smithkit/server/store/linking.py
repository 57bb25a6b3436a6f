"""Placing runs that came without a dotted order below their parents."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from smithkit.server.domain.runs import link

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from uuid import UUID

    from smithkit.server.domain.runs import Row

__all__ = ["link_runs"]


def link_runs(
    before: dict[UUID, Row],
    after: dict[UUID, Row],
    read: Callable[[Collection[UUID]], Iterable[Row]],
    read_waiting: Callable[[Collection[UUID]], Iterable[Row]],
) -> None:
    """Place runs that came without a dotted order, and those that waited for one of these runs.

    Goes down from runs whose place is known, so parents that form a circle do no harm.

    Args:
        before: Records as they are stored; those that waited are added.
        after: Records as they will be; changed in place.
        read: Reads stored runs of the workspace by id.
        read_waiting: Reads stored runs of the workspace that wait for one of these parents.
    """
    waiting: dict[UUID, list[Row]] = defaultdict(list)
    for row in after.values():
        if not row["linked"]:
            waiting[row["parent_run_id"]].append(row)
    known = [row for row in after.values() if row["linked"]]
    elsewhere = [run_id for run_id in waiting if run_id not in after]
    if elsewhere:
        known += [row for row in read(elsewhere) if row["linked"]]
    while known:
        parents = {row["id"]: row for row in known}
        children = [child for parent_id in parents for child in waiting.pop(parent_id, ())]
        for row in read_waiting(parents):
            if row["id"] not in after:
                before[row["id"]] = dict(row)
                after[row["id"]] = row
                children.append(row)
        for child in children:
            link(child, parents[child["parent_run_id"]])
        known = children
