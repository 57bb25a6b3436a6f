"""Methods that read runs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any
from uuid import UUID

from smithkit.arguments import as_uuid
from smithkit.attachments import fetch_attachments
from smithkit.operations import Flow, PageFlow, Request, operation, paginated
from smithkit.paging import check_limit
from smithkit.tracing._methods._lookup import AsyncLookup, Lookup
from smithkit.tracing._methods._query import DEFAULT_SELECT, query_all, query_pages

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from smithkit.arguments import ID_TYPE
    from smithkit.tracing.schemas import Run

__all__ = ["AsyncRunMethods", "RunMethods"]


class RunMethods(Lookup):
    """Methods of `Client` that read runs."""

    _default_select: list[str] | None = DEFAULT_SELECT
    _fetches_attachments = True

    @operation
    def read_run(self, run_id: ID_TYPE, load_child_runs: bool = False) -> Flow[Run]:  # noqa: FBT001, FBT002 - the API's own
        """Read a run (``GET /runs/{run_id}``), with its attachments.

        Args:
            run_id: Its id.
            load_child_runs: Whether to read everything below it too (``POST /runs/query``).

        Returns:
            The run. `attachments` holds each attachment's bytes in a `reader`; `child_runs` the tree below it
            when it was asked for.

        Raises:
            LangSmithUserError: The id is no UUID.
            LangSmithNotFoundError: There is no such run.

        Example:
            >>> run = client.read_run(run_id, load_child_runs=True)  # doctest: +SKIP
            >>> [child.name for child in run.child_runs]  # doctest: +SKIP
            ['retrieve', 'answer']
        """
        response = yield Request("GET", f"/runs/{as_uuid(run_id, 'run_id')}")
        row = response.json()
        run = self._run(row)
        if self._fetches_attachments:
            run.attachments = yield from fetch_attachments(row.get("s3_urls"))
        if load_child_runs:
            query = {
                "is_root": False,
                "session_id": str(run.session_id),
                "trace": str(run.trace_id),
                "select": self._default_select or DEFAULT_SELECT,
            }
            rows = yield from query_all("/runs/query", query)
            _grow(run, [self._run(row) for row in rows])
        return run

    @paginated
    def list_runs(
        self,
        /,
        *,
        project_id: ID_TYPE | Sequence[ID_TYPE] | None = None,
        project_name: str | Sequence[str] | None = None,
        run_type: str | None = None,
        trace_id: ID_TYPE | None = None,
        reference_example_id: ID_TYPE | None = None,
        query: str | None = None,
        filter: str | None = None,  # noqa: A002 - the API's own name
        trace_filter: str | None = None,
        tree_filter: str | None = None,
        is_root: bool | None = None,
        parent_run_id: ID_TYPE | None = None,
        start_time: datetime | None = None,
        error: bool | None = None,
        run_ids: Sequence[ID_TYPE] | None = None,
        select: Sequence[str] | None = None,
        limit: int | None = None,
        **kwargs: Any,
    ) -> PageFlow[Run]:
        """Find runs (``POST /runs/query``), newest first; pages are fetched as they are needed.

        Args:
            project_id: Project, or list of projects.
            project_name: The same by name (``GET /sessions`` each).
            run_type: Kind of runs.
            trace_id: Runs of one trace.
            reference_example_id: Runs for one example.
            query: Full-text query.
            filter: Filter expression, such as ``and(eq(name, "answer"), gt(latency, 2))``.
            trace_filter: Filter on the root of each run's trace.
            tree_filter: Filter on any run of each run's trace.
            is_root: Roots alone, or all but roots.
            parent_run_id: Runs that are part of this one.
            start_time: Runs that began since.
            error: Runs that failed alone, or that did not.
            run_ids: These runs.
            select: Fields to fetch.
            limit: How many runs at most.
            kwargs: Further fields of the query.

        Returns:
            An iterator of runs.

        Raises:
            LangSmithNotFoundError: There is no project of that name.

        Example:
            >>> for run in client.list_runs(project_name="demo", is_root=True, limit=5):  # doctest: +SKIP
            ...     print(run.name, run.latency)
        """
        check_limit(limit)
        if select is not None and "child_run_ids" in select:
            warnings.warn(
                "child_run_ids is deprecated in select: use read_run(..., load_child_runs=True).",
                DeprecationWarning,
                stacklevel=2,
            )
        projects = _as_list(project_id)
        names = [project_name] if isinstance(project_name, str) else project_name or ()
        projects += yield from self._project_ids(names)
        body = {
            "session": projects or None,
            "run_type": run_type,
            "reference_example": [str(reference_example_id)] if reference_example_id else None,
            "query": query,
            "filter": filter,
            "trace_filter": trace_filter,
            "tree_filter": tree_filter,
            "is_root": is_root,
            "parent_run": _text(parent_run_id),
            "start_time": start_time.isoformat() if start_time else None,
            "error": error,
            "id": [str(run_id) for run_id in run_ids] if run_ids else None,
            "trace": _text(trace_id),
            "select": list(select) if select else self._default_select,
            "limit": limit,
            **kwargs,
        }
        yield from query_pages("/runs/query", body, self._run, limit)


class AsyncRunMethods(AsyncLookup, RunMethods):
    """Methods of `AsyncClient` that read runs."""

    _default_select = None
    _fetches_attachments = False


def _grow(run: Run, others: list[Run]) -> None:
    """Hang the runs below `run` into their places."""
    known = {run.id: run}
    run.child_runs = []
    for child in sorted(others, key=lambda other: other.dotted_order):
        parent = known.get(child.parent_run_id) if child.parent_run_id else None
        if parent is None or child.id in known:
            continue
        known[child.id] = child
        parent.child_runs = [*(parent.child_runs or ()), child]


def _as_list(value: Any) -> list[str]:
    if isinstance(value, UUID | str):
        return [str(value)]
    return [str(one) for one in value] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
