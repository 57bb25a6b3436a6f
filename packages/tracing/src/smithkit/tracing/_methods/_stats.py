"""Methods that sum runs up, and that point to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.config import host_url
from smithkit.operations import Flow, Request, operation
from smithkit.tracing._methods._lookup import AsyncLookup, Lookup
from smithkit.tracing._switch import environment_project
from smithkit.workspace import required_tenant_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from smithkit.arguments import ID_TYPE
    from smithkit.tracing.run_trees import RunTree
    from smithkit.tracing.schemas import RunBase

__all__ = ["AsyncStatsMethods", "StatsMethods"]


class StatsMethods(Lookup):
    """Methods of `Client` that sum runs up and link to them."""

    @operation
    def get_run_stats(
        self,
        *,
        id: Sequence[ID_TYPE] | None = None,  # noqa: A002 - the API's own name
        trace: ID_TYPE | None = None,
        parent_run: ID_TYPE | None = None,
        run_type: str | None = None,
        project_names: Sequence[str] | None = None,
        project_ids: Sequence[ID_TYPE] | None = None,
        reference_example_ids: Sequence[ID_TYPE] | None = None,
        start_time: datetime | str | None = None,
        end_time: datetime | str | None = None,
        error: bool | None = None,
        query: str | None = None,
        filter: str | None = None,  # noqa: A002
        trace_filter: str | None = None,
        tree_filter: str | None = None,
        is_root: bool | None = None,
        data_source_type: str | None = None,
    ) -> Flow[dict[str, Any]]:
        """Sum up the runs that a query finds (``POST /runs/stats``); the arguments are those of `list_runs`.

        Args:
            id: These runs.
            trace: Runs of one trace.
            parent_run: Runs that are part of this one.
            run_type: Kind of runs.
            project_names: Projects by name (``GET /sessions`` each).
            project_ids: Projects.
            reference_example_ids: Runs for these examples.
            start_time: Runs that began since; a datetime, or text in ISO 8601.
            end_time: Runs that began until.
            error: Runs that failed alone, or that did not.
            query: Full-text query.
            filter: Filter expression.
            trace_filter: Filter on the root of each run's trace.
            tree_filter: Filter on any run of each run's trace.
            is_root: Roots alone, or all but roots.
            data_source_type: Where the figures come from, such as ``current`` or ``historical``.

        Returns:
            Figures as the server sends them: `run_count`, `error_rate` (0 to 1), `latency_p50` and
            `latency_p99` (seconds), `total_tokens`, `total_cost` (US dollars), `feedback_stats`,
            `last_run_start_time` and others.

        Raises:
            LangSmithNotFoundError: There is no project of that name.

        Example:
            >>> client.get_run_stats(project_names=["demo"], is_root=True)["run_count"]  # doctest: +SKIP
            12
        """
        projects = [str(project_id) for project_id in project_ids or ()]
        projects += yield from self._project_ids(project_names or ())
        body = {
            "id": _texts(id),
            "trace": _text(trace),
            "parent_run": _text(parent_run),
            "run_type": run_type,
            "session": projects,
            "reference_example": _texts(reference_example_ids),
            "start_time": _time(start_time),
            "end_time": _time(end_time),
            "error": error,
            "query": query,
            "filter": filter,
            "trace_filter": trace_filter,
            "tree_filter": tree_filter,
            "is_root": is_root,
            "data_source_type": data_source_type,
        }
        body = {name: value for name, value in body.items() if value is not None}
        stats: dict[str, Any] = (yield Request("POST", "/runs/stats", json=body)).json()
        return stats

    @operation
    def get_run_url(
        self,
        *,
        run: RunBase | RunTree,
        project_name: str | None = None,
        project_id: ID_TYPE | None = None,
    ) -> Flow[str]:
        """Give the address of a run's page.

        The run need not have arrived yet. Its project is the one that it names, else `project_id`, else
        `project_name`, else the environment's; a name is looked up (``GET /sessions``), as is the workspace's id.

        Args:
            run: The run.
            project_name: Its project, if the run does not say.
            project_id: The same by id.

        Returns:
            The URL.

        Raises:
            LangSmithNotFoundError: There is no project of that name.
            LangSmithError: The workspace's id could not be looked up.

        Example:
            >>> client.get_run_url(run=run)  # doctest: +SKIP
            'https://smith.langchain.com/o/.../projects/p/.../r/...?poll=true'
        """
        session = getattr(run, "session_id", None)
        if session is None:
            name = getattr(run, "session_name", None)
            session = project_id if name is None else None
            if session is None:
                [session] = yield from self._project_ids([name or project_name or environment_project()])
        tenant = yield from required_tenant_id(self)
        return f"{host_url(self.config)}/o/{tenant}/projects/p/{session}/r/{run.id}?poll=true"


class AsyncStatsMethods(AsyncLookup, StatsMethods):
    """Methods of `AsyncClient` that sum runs up and link to them."""


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _texts(values: Sequence[Any] | None) -> list[str] | None:
    return [str(value) for value in values] if values else None


def _time(value: datetime | str | None) -> str | None:
    return value if value is None or isinstance(value, str) else value.isoformat()
