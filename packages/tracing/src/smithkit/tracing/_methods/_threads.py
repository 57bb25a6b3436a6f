"""Methods for threads: the runs of one conversation, which name it in their metadata."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from smithkit.operations import Flow, PageFlow, operation, paginated
from smithkit.paging import check_limit
from smithkit.tracing._methods._lookup import AsyncLookup, Lookup
from smithkit.tracing._methods._query import DEFAULT_SELECT, query_all, query_pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smithkit.arguments import ID_TYPE
    from smithkit.tracing.schemas import Run, Thread

__all__ = ["AsyncThreadMethods", "ThreadMethods"]

_KEYS = ("session_id", "thread_id", "conversation_id")
_DEFAULT_AGE = dt.timedelta(days=1)
_PAGE = 100
_LISTED = [
    *"""
id name status start_time end_time thread_id trace_id run_type error tags extra session_id parent_run_id
total_tokens total_cost dotted_order reference_example_id feedback_stats app_path s3_urls
""".split()
]


class ThreadMethods(Lookup):
    """Methods of `Client` for threads."""

    @operation
    def list_threads(
        self,
        *,
        project_id: ID_TYPE | None = None,
        project_name: str | None = None,
        limit: int | None = None,
        offset: int = 0,
        filter: str | None = None,  # noqa: A002 - the API's own name
        start_time: dt.datetime | None = None,
    ) -> Flow[list[Thread]]:
        """Group a project's recent traces by the conversation that they belong to (``POST /runs/query``).

        A trace belongs to the thread that its root names in its metadata, as `session_id`, `thread_id` or
        `conversation_id`.

        Args:
            project_id: The project.
            project_name: Or its name (``GET /sessions``).
            limit: How many threads at most.
            offset: How many to leave out at the start.
            filter: Filter expression on the roots.
            start_time: Traces that began since. Default: within the last day.

        Returns:
            The threads, the one that was active last first. Each is a dict: `thread_id`; `runs`, the roots of
            its traces, oldest first, without inputs and outputs; `count` of them; `min_start_time` and
            `max_start_time` as ISO 8601 text.

        Raises:
            ValueError: Not exactly one of project id and name is given.
            LangSmithUserError: A negative limit or offset.
            LangSmithNotFoundError: There is no project of that name.

        Example:
            >>> for thread in client.list_threads(project_name="demo", limit=10):  # doctest: +SKIP
            ...     print(thread["thread_id"], thread["count"])
        """
        check_limit(limit)
        check_limit(offset, "offset")
        project = yield from self._one_project(project_id, project_name)
        since = start_time or dt.datetime.now(dt.UTC) - _DEFAULT_AGE
        query = {
            "session": [project],
            "is_root": True,
            "limit": _PAGE,
            "order": "desc",
            "select": _LISTED,
            "start_time": since.isoformat(),
            "filter": filter,
        }
        threads = self._threads((yield from query_all("/runs/query", query)))
        return threads[offset:][:limit]

    @paginated
    def read_thread(
        self,
        /,
        *,
        thread_id: str,
        project_id: ID_TYPE | Sequence[ID_TYPE] | None = None,
        project_name: str | Sequence[str] | None = None,
        is_root: bool | None = True,
        limit: int | None = None,
        select: Sequence[str] | None = None,
        filter: str | None = None,  # noqa: A002 - the API's own name
        order: str = "asc",
        start_time: dt.datetime | None = None,
        **kwargs: Any,
    ) -> PageFlow[Run]:
        """Read the runs of a conversation (``POST /runs/query``); pages are fetched as they are needed.

        Args:
            thread_id: What the runs name in their metadata as `session_id`, `thread_id` or `conversation_id`.
            project_id: Project, or list of projects.
            project_name: The same by name (``GET /sessions`` each).
            is_root: Roots of traces alone; False for all but roots, None for both.
            limit: How many runs at most.
            select: Fields to fetch.
            filter: A further filter expression.
            order: ``asc``, oldest first, or ``desc``.
            start_time: Runs that began since.
            kwargs: Further fields of the query: `run_type`, `error`, `query`, …

        Returns:
            An iterator of runs.

        Raises:
            ValueError: There is no thread id, or no project.
            LangSmithUserError: A negative limit.
            LangSmithNotFoundError: There is no project of that name.

        Example:
            >>> for run in client.read_thread(thread_id="t-1", project_name="demo"):  # doctest: +SKIP
            ...     print(run.inputs, run.outputs)
        """
        check_limit(limit)
        if not thread_id:
            raise ValueError("Give the thread_id.")
        projects = [str(project) for project in _as_list(project_id)]
        projects += yield from self._project_ids(_as_list(project_name))
        if not projects:
            raise ValueError("A thread belongs to a project: give project_id or project_name.")
        in_thread = f"eq(thread_id, {json.dumps(str(thread_id))})"
        query = {
            **kwargs,
            "session": projects,
            "filter": f"and({in_thread}, {filter})" if filter else in_thread,
            "is_root": is_root,
            "start_time": start_time.isoformat() if start_time else None,
            "select": list(select) if select else [*DEFAULT_SELECT, "s3_urls"],
            "limit": None if limit is None else min(limit, _PAGE),
            "order": order,
        }
        yield from query_pages("/runs/query", query, self._run, limit)

    def _threads(self, rows: Iterable[dict[str, Any]]) -> list[Thread]:
        """Group rows, newest first, by thread; the thread of the newest comes first."""
        grouped: dict[str, list[dict[str, Any]]] = {}
        for row in sorted(rows, key=_start_time, reverse=True):
            thread_id = _thread_of(row)
            if thread_id is not None:
                grouped.setdefault(thread_id, []).append(row)
        return [
            {
                "thread_id": thread_id,
                "runs": [self._run(row) for row in reversed(own)],
                "count": len(own),
                "min_start_time": own[-1].get("start_time"),
                "max_start_time": own[0].get("start_time"),
            }
            for thread_id, own in grouped.items()
        ]


class AsyncThreadMethods(AsyncLookup, ThreadMethods):
    """Methods of `AsyncClient` for threads."""


def _thread_of(row: dict[str, Any]) -> str | None:
    """The thread of a run: what the server says, else what its metadata does."""
    metadata = (row.get("extra") or {}).get("metadata") or {}
    named = (row.get("thread_id"), *(metadata.get(key) for key in _KEYS))
    return next((str(name) for name in named if isinstance(name, str | int) and name != ""), None)


def _start_time(row: dict[str, Any]) -> str:
    return str(row.get("start_time") or "")


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return [value] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
