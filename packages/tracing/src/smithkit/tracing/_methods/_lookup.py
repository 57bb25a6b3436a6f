"""Looking a project up by its name, as both clients' methods need it."""

from __future__ import annotations

from typing import Any

from smithkit.answers import rows
from smithkit.config import host_url
from smithkit.errors import LangSmithNotFoundError
from smithkit.operations import Flow, Methods, Request

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
