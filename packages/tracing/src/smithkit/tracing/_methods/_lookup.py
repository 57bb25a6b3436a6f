"""What the methods of both clients share: finding projects by name, and making runs of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.answers import parse, rows
from smithkit.arguments import as_uuid, exactly_one
from smithkit.config import host_url
from smithkit.errors import LangSmithNotFoundError
from smithkit.operations import Flow, Methods, Request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smithkit.arguments import ID_TYPE
    from smithkit.tracing.schemas import Run

__all__ = ["AsyncLookup", "Lookup"]


class Lookup(Methods):
    """As `Client` asks."""

    def _name_query(self, name: str, *, include_stats: bool) -> dict[str, Any]:
        return {"limit": 1, "name": name, "include_stats": include_stats}

    def _project_by_name(self, name: str, *, include_stats: bool = False) -> Flow[dict[str, Any]]:
        query = self._name_query(name, include_stats=include_stats)
        found = rows((yield Request("GET", "/sessions", params=query)))
        if not found:
            raise LangSmithNotFoundError(f"There is no project named {name!r}.")
        row: dict[str, Any] = found[0]
        return row

    def _project_ids(self, names: Iterable[str]) -> Flow[list[str]]:
        """The ids of projects of these names."""
        found = []
        for name in names:
            project = yield from self._project_by_name(name)
            found.append(str(project["id"]))
        return found

    def _one_project(self, project_id: ID_TYPE | None, project_name: str | None) -> Flow[str]:
        """The id of the project that exactly one of two arguments names."""
        exactly_one(project_id=project_id, project_name=project_name)
        if project_name is None:
            return str(as_uuid(project_id, "project_id"))
        [found] = yield from self._project_ids([project_name])
        return found

    def _run(self, row: dict[str, Any]) -> Run:
        from smithkit.tracing.schemas import Run

        return parse(Run, row, _host_url=self._link_host)

    @property
    def _link_host(self) -> str | None:
        """Host of the links of what is read."""
        return host_url(self.config)


class AsyncLookup(Lookup):
    """As `AsyncClient` asks; its objects carry no links."""

    def _name_query(self, name: str, *, include_stats: bool) -> dict[str, Any]:  # noqa: ARG002 - not asked for
        return {"name": name}

    @property
    def _link_host(self) -> str | None:
        return None
