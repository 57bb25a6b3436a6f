"""Reading runs: one workspace's, which every statement says."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

from smithkit.server.store.clickhouse.client import Bound, chunks
from smithkit.server.store.clickhouse.feedback_rows import feedback_stats
from smithkit.server.store.clickhouse.filters import FilterCompiler
from smithkit.server.store.clickhouse.picks import Picker
from smithkit.server.store.clickhouse.run_rows import HOMES, read_rows
from smithkit.server.store.clickhouse.schema import RUN_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.clickhouse.client import Clickhouse
    from smithkit.server.store.protocol import RunGrouping, RunSelection

__all__ = ["RunReader"]

_SHOWN = ", ".join(RUN_COLUMNS)
_SUMMED = (
    "total_tokens",
    "prompt_tokens",
    "completion_tokens",
    "total_cost",
    "prompt_cost",
    "completion_cost",
)
_SPREAD = {
    "latency": "end_time - start_time",
    "first_token": "first_token_time - start_time",
    "total_tokens": "total_tokens",
    "total_cost": "total_cost",
}
# A hair below the shares, so that the value at a whole place is the one by nearest rank.
_LEVELS = "0.499999999999, 0.989999999999"
_SECOND = 1_000_000
_METADATA_TEXT = "if(left({value}, 1) IN ('s', 'n', 'l'), substring({value}, 2), NULL)"


class RunReader:
    """Reads a workspace's runs.

    Args:
        clickhouse: Where they are.
        workspace_id: Whose.
    """

    def __init__(self, clickhouse: Clickhouse, workspace_id: UUID) -> None:
        self._clickhouse = clickhouse
        self._workspace_id = workspace_id

    def select(self, selection: RunSelection, projects: Mapping[UUID, str]) -> list[Row]:
        """Read the records that a selection names, in its order.

        Args:
            selection: Which runs.
            projects: The workspace's projects by id, where filters ask for their names.
        """
        bound = Bound()
        which = self._conditions(selection, bound, projects)
        if selection.after is not None:
            which += _beyond(selection.after, bound, ascending=selection.ascending)
        order = "ASC" if selection.ascending else "DESC"
        return self._clickhouse.query(
            f"SELECT {_SHOWN} FROM runs FINAL WHERE {' AND '.join(which)}"
            f" ORDER BY start_time {order}, toString(id) {order} LIMIT {bound(selection.limit, 'UInt64')}",
            bound,
        )

    def answered(self, selection: RunSelection, projects: Mapping[UUID, str]) -> set[UUID]:
        """Tell which examples the runs answered that a selection names."""
        bound = Bound()
        which = " AND ".join(
            [*self._conditions(selection, bound, projects), "reference_example_id IS NOT NULL"]
        )
        rows = self._clickhouse.query(
            f"SELECT DISTINCT reference_example_id FROM runs FINAL WHERE {which}", bound
        )
        return {row["reference_example_id"] for row in rows}

    def answers(self, sessions: Sequence[UUID], examples: Sequence[UUID]) -> list[Row]:
        """Read the records of the roots with which experiments answered examples."""
        found: list[Row] = []
        for part in chunks(examples):
            bound = Bound()
            which = [
                self._own(bound),
                f"session_id IN {bound.ids(sessions)}",
                "parent_run_id IS NULL",
                f"reference_example_id IN {bound.ids(part)}",
            ]
            found += self._clickhouse.query(
                f"SELECT {_SHOWN} FROM runs FINAL WHERE {' AND '.join(which)}", bound
            )
        return found

    def payloads(self, ids: Sequence[UUID], names: Sequence[str]) -> dict[UUID, dict[str, bytes]]:
        """Read payloads; null ones are left out."""
        found: dict[UUID, dict[str, bytes]] = {}
        for part in chunks(ids):
            bound = Bound()
            rows = self._clickhouse.query(
                f"SELECT run_id, field, json FROM run_documents FINAL WHERE {self._own(bound)}"
                f" AND run_id IN {bound.ids(part)} AND field IN {bound(list(names), 'Array(String)')}",
                bound,
            )
            for row in rows:
                found.setdefault(row["run_id"], {})[row["field"]] = row["json"].encode()
        return found

    def children(self, ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
        """Read the ids of direct children, oldest first."""
        found: dict[UUID, list[UUID]] = defaultdict(list)
        for part in chunks(ids):
            bound = Bound()
            rows = self._clickhouse.query(
                f"SELECT parent_run_id, id FROM runs FINAL WHERE {self._own(bound)}"
                f" AND parent_run_id IN {bound.ids(part)} ORDER BY start_time, toString(id)",
                bound,
            )
            for row in rows:
                found[row["parent_run_id"]].append(row["id"])
        return dict(found)

    def existing(self, ids: Iterable[UUID]) -> set[UUID]:
        """Keep the runs that are there."""
        found: set[UUID] = set()
        for part in chunks(ids):
            bound = Bound()
            rows = self._clickhouse.query(
                f"SELECT id FROM runs FINAL WHERE {self._own(bound)} AND {HOMES.format(ids=bound.ids(part))}",
                bound,
            )
            found |= {row["id"] for row in rows}
        return found

    def foreign(self, ids: Collection[UUID]) -> set[UUID]:
        """Keep the runs that are there and another workspace's."""
        stored = read_rows(self._clickhouse, ids)
        return {run_id for run_id, row in stored.items() if row["workspace_id"] != self._workspace_id}

    def figures(self, selection: RunSelection, projects: Mapping[UUID, str]) -> Row:
        """Work out the figures of the runs that a selection names."""
        bound = Bound()
        which = " AND ".join(self._conditions(selection, bound, projects))
        (row,) = self._clickhouse.query(f"SELECT {_measured('1')} FROM runs FINAL WHERE {which}", bound)
        own = self._own(bound)
        feedback = f"{own} AND run_id IN (SELECT id FROM runs FINAL WHERE {which})"
        return _figures(row) | {"feedback_stats": feedback_stats(self._clickhouse, feedback, bound)}

    def session_figures(self, ids: Sequence[UUID]) -> dict[UUID, Row]:
        """Work out the figures of projects: of roots what counts and lasts, of all runs tokens and costs."""
        found: dict[UUID, Row] = {}
        for part in chunks(ids):
            bound = Bound()
            rows = self._clickhouse.query(
                f"SELECT session_id, {_measured('parent_run_id IS NULL')} FROM runs FINAL"
                f" WHERE {self._own(bound)} AND session_id IN {bound.ids(part)} GROUP BY session_id",
                bound,
            )
            found |= {row["session_id"]: row for row in rows}
        shown = ("median_tokens", "tokens_p99", "cost_p50", "cost_p99")
        figures = {one: _figures(found.get(one)) for one in ids}
        return {
            one: {name: value for name, value in own.items() if name not in shown}
            for one, own in figures.items()
        }

    def groups(
        self, selection: RunSelection, grouping: RunGrouping, projects: Mapping[UUID, str]
    ) -> tuple[list[str], int]:
        """Find the groups of runs, the largest first, or for threads the one that was active last."""
        bound = Bound()
        which = " AND ".join(self._conditions(selection, bound, projects))
        key = _group_key(grouping, bound)
        rows = f"SELECT {key} AS common, start_time AS began FROM runs FINAL WHERE {which}"
        (total,) = self._clickhouse.query(f"SELECT uniqExact(common) AS n FROM ({rows})", bound)
        order = "max(began)" if grouping.attribute == "thread" else "count()"
        page = self._clickhouse.query(
            f"SELECT common FROM ({rows}) WHERE common IS NOT NULL GROUP BY common ORDER BY {order} DESC, common"
            f" LIMIT {bound(grouping.limit, 'UInt64')} OFFSET {bound(grouping.offset, 'UInt64')}",
            bound,
        )
        return [row["common"] for row in page], total["n"]

    def _own(self, bound: Bound) -> str:
        return f"workspace_id = {bound(str(self._workspace_id), 'UUID')}"

    def _conditions(self, selection: RunSelection, bound: Bound, projects: Mapping[UUID, str]) -> list[str]:
        """What a selection says, leaving out where its page begins."""
        found = self._within(selection, bound)
        if selection.filter is not None:
            filters = self._filters(bound, projects, partial(self._within, selection))
            found.append(filters.compile(selection.filter))
        others = self._filters(bound, projects, lambda own: [self._own(own)])
        if selection.trace_filter is not None:
            found.append(others.of_root(selection.trace_filter))
        if selection.tree_filter is not None:
            found.append(others.of_tree(selection.tree_filter))
        return found

    def _within(self, selection: RunSelection, bound: Bound) -> list[str]:
        """What a selection says apart from filters."""
        found = [self._own(bound), *_plain(selection, bound)]
        if selection.ids is not None:
            found.append(f"({_any_home(selection.ids, bound)})")
        return found

    def _filters(
        self, bound: Bound, projects: Mapping[UUID, str], within: Callable[[Bound], list[str]]
    ) -> FilterCompiler:
        picker = Picker(self._clickhouse, self._workspace_id, within)
        workspace = bound(str(self._workspace_id), "UUID")
        return FilterCompiler(workspace, bound, projects, partial(picker.pick, bound=bound))


def _any_home(ids: Iterable[UUID], bound: Bound) -> str:
    return " OR ".join(HOMES.format(ids=bound.ids(part)) for part in chunks(ids)) or "0"


def _plain(selection: RunSelection, bound: Bound) -> list[str]:
    """What a selection says of columns."""
    members = (
        ("session_id", selection.sessions),
        ("trace_id", selection.traces),
        ("reference_example_id", selection.examples),
    )
    found = [f"{name} IN {bound.ids(values)}" for name, values in members if values is not None]
    equal = (
        ("parent_run_id", selection.parent, "UUID"),
        ("run_type", selection.run_type, "String"),
    )
    found += [f"{name} = {bound(str(value), kind)}" for name, value, kind in equal if value is not None]
    if selection.error is not None:
        found.append("has_error" if selection.error else "NOT has_error")
    if selection.is_root is not None:
        found.append(f"parent_run_id IS {'' if selection.is_root else 'NOT '}NULL")
    if selection.started_from is not None:
        found.append(f"start_time >= {bound(selection.started_from, 'Int64')}")
    if selection.started_to is not None:
        found.append(f"start_time <= {bound(selection.started_to, 'Int64')}")
    if selection.below is not None:
        place = selection.below
        order = bound(place.dotted_order, "String")
        found.append(f"trace_id = {bound(str(place.trace_id), 'UUID')}")
        found.append(f"(dotted_order = {order} OR startsWith(dotted_order, concat({order}, '.')))")
    return found


def _beyond(after: tuple[int, UUID], bound: Bound, *, ascending: bool) -> list[str]:
    moment, run_id = bound(after[0], "Int64"), bound(str(after[1]), "String")
    sign = ">" if ascending else "<"
    return [
        f"start_time {sign}= {moment}",
        f"(start_time {sign} {moment} OR toString(id) {sign} {run_id})",
    ]


def _measured(counted: str) -> str:
    """What is measured of all runs, and of those that are to be counted; no name is a column's."""
    columns = [
        f"countIf({counted}) AS n_runs",
        f"countIf({counted} AND has_error) AS n_errors",
        f"countIf({counted} AND first_token_time IS NOT NULL) AS n_streamed",
        "count() AS n_all",
        "min(start_time) AS first_start",
        "max(start_time) AS last_start",
    ]
    columns += [f"sum({name}) AS sum_{name}" for name in _SUMMED]
    for name, value in _SPREAD.items():
        known = f"{counted} AND ({value}) IS NOT NULL"
        columns.append(f"countIf({known}) AS n_{name}")
        columns.append(f"quantilesExactIf({_LEVELS})(assumeNotNull({value}), {known}) AS spread_{name}")
    return ", ".join(columns)


def _figures(row: Row | None) -> Row:
    count = row["n_runs"] if row else 0
    spread = {name: row[f"spread_{name}"] if row and row[f"n_{name}"] else (None, None) for name in _SPREAD}
    found: Row = {
        "run_count": count,
        "error_rate": row["n_errors"] / count if row and count else None,
        "streaming_rate": row["n_streamed"] / count if row and count else None,
        "first_run_start_time": row["first_start"] if row and row["n_all"] else None,
        "last_run_start_time": row["last_start"] if row and row["n_all"] else None,
        **{name: row[f"sum_{name}"] if row else None for name in _SUMMED},
        "median_tokens": spread["total_tokens"][0],
        "tokens_p99": spread["total_tokens"][1],
        "cost_p50": spread["total_cost"][0],
        "cost_p99": spread["total_cost"][1],
    }
    for name in ("latency", "first_token"):
        for percent, value in zip((50, 99), spread[name], strict=True):
            found[f"{name}_p{percent}"] = None if value is None else value / _SECOND
    return found


def _group_key(grouping: RunGrouping, bound: Bound) -> str:
    match grouping.attribute:
        case "tag":
            return "arrayJoin(tag_list)"
        case "metadata":
            return _METADATA_TEXT.format(value=f"metadata[{bound(grouping.path, 'String')}]")
        case "thread":
            return "thread_id"
        case attribute:
            return f"toString({attribute})"
