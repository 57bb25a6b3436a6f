"""Methods for projects, which the API calls sessions."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from smithkit.answers import parse, rows
from smithkit.arguments import as_uuid, exactly_one
from smithkit.errors import LangSmithNotFoundError
from smithkit.operations import Flow, PageFlow, Request, operation, paginated
from smithkit.paging import offset_pages
from smithkit.tracing._methods._lookup import AsyncLookup, Lookup
from smithkit.workspace import tenant_id

if TYPE_CHECKING:
    from datetime import datetime

    from smithkit.arguments import ID_TYPE
    from smithkit.tracing.schemas import TracerSession, TracerSessionResult

__all__ = ["AsyncProjectMethods", "ProjectMethods"]


class _SharedProjectMethods(Lookup):
    """What both clients do alike."""

    @operation
    def update_project(
        self,
        project_id: ID_TYPE,
        *,
        name: str | None = None,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        project_extra: dict[str, Any] | None = None,
        end_time: datetime | None = None,
    ) -> Flow[TracerSession]:
        """Change a project (``PATCH /sessions/{project_id}``).

        Args:
            project_id: Its id.
            name: New name.
            description: New description.
            metadata: New metadata; takes the place of `project_extra`'s.
            project_extra: What else is said about it.
            end_time: When it ended.

        Returns:
            The project.

        Raises:
            LangSmithNotFoundError: There is no such project.

        Example:
            >>> client.update_project(project_id, description="nightly").description  # doctest: +SKIP
            'nightly'
        """
        body = {
            "name": name,
            "extra": _extra(project_extra, metadata),
            "description": description,
            "end_time": end_time.isoformat() if end_time else None,
        }
        response = yield Request("PATCH", f"/sessions/{as_uuid(project_id, 'project_id')}", json=body)
        return self._project(response.json())

    @operation
    def has_project(self, project_name: str, *, project_id: str | None = None) -> Flow[bool]:  # noqa: ARG002 - the API's own
        """Whether there is a project of that name (``GET /sessions``).

        Args:
            project_name: Its name.
            project_id: Accepted and not used.

        Raises:
            LangSmithError: The server could not say.

        Example:
            >>> client.has_project("demo")  # doctest: +SKIP
            True
        """
        try:
            yield from self._project_by_name(project_name)
        except LangSmithNotFoundError:
            return False
        return True

    @paginated
    def list_projects(  # noqa: PLR0917 - the API's own signature
        self,
        project_ids: list[ID_TYPE] | None = None,
        name: str | None = None,
        name_contains: str | None = None,
        reference_dataset_id: ID_TYPE | None = None,
        reference_dataset_name: str | None = None,
        reference_free: bool | None = None,  # noqa: FBT001 - the API's own signature
        include_stats: bool | None = None,  # noqa: FBT001
        dataset_version: str | None = None,
        limit: int | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> PageFlow[TracerSessionResult]:
        """Find projects (``GET /sessions``); pages are fetched as they are needed.

        Args:
            project_ids: These projects.
            name: Of this name.
            name_contains: With this in their name.
            reference_dataset_id: Experiments on this dataset.
            reference_dataset_name: The same by name (``GET /datasets``).
            reference_free: Projects that are no experiments.
            include_stats: Whether to compute statistics.
            dataset_version: Experiments on this version of the dataset.
            limit: How many at most.
            metadata: With these entries in their metadata.

        Returns:
            An iterator of projects.

        Raises:
            ValueError: Both ways of naming the dataset are used.
            LangSmithNotFoundError: There is no dataset of that name.

        Example:
            >>> [project.name for project in client.list_projects(limit=2)]  # doctest: +SKIP
            ['demo', 'default']
        """
        if reference_dataset_id is not None and reference_dataset_name is not None:
            raise ValueError("Give reference_dataset_id or reference_dataset_name, not both.")
        if reference_dataset_name is not None:
            reference_dataset_id = yield from self._dataset_by_name(reference_dataset_name)
        params = {
            "id": None if project_ids is None else [str(project_id) for project_id in project_ids],
            "name": name,
            "name_contains": name_contains,
            "reference_dataset": reference_dataset_id,
            "reference_free": reference_free,
            "include_stats": include_stats,
            "dataset_version": dataset_version,
            "metadata": None if metadata is None else json.dumps(metadata),
        }
        yield from offset_pages("/sessions", params, parse=self._project_result, limit=limit)

    @operation
    def delete_project(self, *, project_name: str | None = None, project_id: str | None = None) -> Flow[None]:
        """Delete a project with all its runs (``DELETE /sessions/{id}``).

        Args:
            project_name: Its name (``GET /sessions``).
            project_id: Or its id.

        Raises:
            ValueError: Not exactly one of them is given.
            LangSmithNotFoundError: There is no such project.

        Example:
            >>> client.delete_project(project_name="demo")  # doctest: +SKIP
        """
        exactly_one(project_name=project_name, project_id=project_id)
        if project_name is not None:
            found = yield from self._project_by_name(project_name)
            project_id = found["id"]
        yield Request("DELETE", f"/sessions/{as_uuid(project_id, 'project_id')}")

    # ------------------------------------------------------------------ requests and answers

    def _dataset_by_name(self, name: str) -> Flow[str]:
        found = rows((yield Request("GET", "/datasets", params={"limit": 1, "name": name})))
        if not found:
            raise LangSmithNotFoundError(f"There is no dataset named {name!r}.")
        yield from tenant_id(self)
        return str(found[0]["id"])

    def _project(self, row: dict[str, Any]) -> TracerSession:
        from smithkit.tracing.schemas import TracerSession

        return parse(TracerSession, row, _host_url=self._link_host)

    def _project_result(self, row: dict[str, Any]) -> TracerSessionResult:
        from smithkit.tracing.schemas import TracerSessionResult

        return parse(TracerSessionResult, row, _host_url=self._link_host)


class ProjectMethods(_SharedProjectMethods):
    """Methods of `Client` for projects."""

    @operation
    def create_project(
        self,
        project_name: str,
        *,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        upsert: bool = False,
        project_extra: dict[str, Any] | None = None,
        reference_dataset_id: ID_TYPE | None = None,
    ) -> Flow[TracerSession]:
        """Create a project (``POST /sessions``). Runs create the project that they name by themselves.

        Args:
            project_name: Its name.
            description: Its description.
            metadata: Its metadata; takes the place of `project_extra`'s.
            upsert: Whether a project of that name may be there already.
            project_extra: What else is said about it.
            reference_dataset_id: The dataset, if it is an experiment.

        Returns:
            The project.

        Raises:
            LangSmithConflictError: There is one of that name.

        Example:
            >>> client.create_project("demo", metadata={"owner": "me"}).name  # doctest: +SKIP
            'demo'
        """
        body: dict[str, Any] = {
            "name": project_name,
            "extra": _extra(project_extra, metadata),
            "description": description,
            "id": str(uuid.uuid4()),
        }
        if reference_dataset_id is not None:
            body["reference_dataset_id"] = str(reference_dataset_id)
        response = yield Request("POST", "/sessions", params={"upsert": True} if upsert else None, json=body)
        return self._project(response.json())

    @operation
    def read_project(
        self, *, project_id: str | None = None, project_name: str | None = None, include_stats: bool = False
    ) -> Flow[TracerSessionResult]:
        """Read a project (``GET /sessions/{id}``, or ``GET /sessions?name=``).

        Args:
            project_id: Its id.
            project_name: Or its name.
            include_stats: Whether to compute statistics of its runs.

        Returns:
            The project.

        Raises:
            ValueError: Not exactly one of id and name is given.
            LangSmithNotFoundError: There is no such project.

        Example:
            >>> client.read_project(project_name="demo", include_stats=True).run_count  # doctest: +SKIP
            12
        """
        exactly_one(project_id=project_id, project_name=project_name)
        if project_name is not None:
            row = yield from self._project_by_name(project_name, include_stats=include_stats)
        else:
            params = {"limit": 1, "include_stats": include_stats}
            response = yield Request("GET", f"/sessions/{as_uuid(project_id, 'project_id')}", params=params)
            row = response.json()
        return self._project_result(row)


class AsyncProjectMethods(AsyncLookup, _SharedProjectMethods):
    """Methods of `AsyncClient` for projects."""

    @operation
    def create_project(
        self,
        /,
        project_name: str,
        *,
        metadata: dict[str, Any] | None = None,
        upsert: bool = False,
        project_extra: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Flow[TracerSession]:
        """Create a project (``POST /sessions``); only what is given is sent.

        Args:
            project_name: Its name.
            metadata: Its metadata; takes the place of `project_extra`'s.
            upsert: Whether a project of that name may be there already.
            project_extra: What else is said about it.
            kwargs: Further fields: `description`, `reference_dataset_id`, …

        Returns:
            The project.

        Raises:
            LangSmithConflictError: There is one of that name.

        Example:
            >>> await client.create_project("demo", description="a first try")  # doctest: +SKIP
        """
        body = {"name": project_name, **kwargs}
        extra = _extra(project_extra, metadata)
        if extra is not None:
            body["extra"] = extra
        response = yield Request("POST", "/sessions", params={"upsert": True} if upsert else None, json=body)
        return self._project(response.json())

    @operation
    def read_project(
        self, project_name: str | None = None, project_id: ID_TYPE | None = None
    ) -> Flow[TracerSession]:
        """Read a project (``GET /sessions/{id}``, or ``GET /sessions?name=``).

        Args:
            project_name: Its name.
            project_id: Or its id, which counts if both are given.

        Returns:
            The project.

        Raises:
            ValueError: Neither is given.
            LangSmithNotFoundError: There is no such project.

        Example:
            >>> (await client.read_project("demo")).id  # doctest: +SKIP
        """
        if project_id is not None:
            row = (yield Request("GET", f"/sessions/{as_uuid(project_id, 'project_id')}")).json()
        elif project_name is not None:
            row = yield from self._project_by_name(project_name)
        else:
            raise ValueError("Give project_name or project_id.")
        return self._project(row)


def _extra(project_extra: dict[str, Any] | None, metadata: dict[str, Any] | None) -> dict[str, Any] | None:
    if metadata is None:
        return project_extra
    return {**(project_extra or {}), "metadata": metadata}
