"""The methods that this plugin adds to the clients."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from smithkit.errors import LangSmithNotFoundError
from smithkit.operations import Flow, Methods, Request, operation
from smithkit_meter.stats import STATS, EndpointStats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smithkit.transport import AsyncTransport

__all__ = ["AsyncMeterMethods", "MeterMethods", "ProjectCost"]


@dataclass(frozen=True, slots=True)
class ProjectCost:
    """What the runs of a project used.

    Attributes:
        project: The project's name.
        runs: How many runs it has.
        tokens: Tokens of prompts and completions.
        cost: Their price in US dollars.
    """

    project: str
    runs: int
    tokens: int
    cost: Decimal

    @property
    def cost_per_run(self) -> Decimal:
        """The average price of a run; 0 without runs."""
        return self.cost / self.runs if self.runs else Decimal(0)


class MeterMethods(Methods):
    """The methods as `Client` has them."""

    @operation
    def project_cost(self, project_name: str) -> Flow[ProjectCost]:
        """Read what the runs of a project used.

        Args:
            project_name: The project's name.

        Returns:
            Its runs, tokens and cost.

        Raises:
            LangSmithNotFoundError: There is no project of this name.
        """
        query = {"name": project_name, "include_stats": True, "limit": 1}
        response = yield Request("GET", "/sessions", params=query)
        projects: list[dict[str, Any]] = response.json()
        if not projects:
            raise LangSmithNotFoundError(f"There is no project {project_name!r}.")
        return _project_cost(projects[0])

    def request_stats(self) -> Mapping[str, EndpointStats]:
        """Give the requests of this process so far, by endpoint (``"GET /sessions"``)."""
        return STATS.snapshot()


if TYPE_CHECKING:

    class AsyncMeterMethods(MeterMethods, AsyncTransport):
        """The methods as `AsyncClient` has them: tells type checkers that operations are awaited."""

else:
    AsyncMeterMethods = MeterMethods


def _project_cost(project: dict[str, Any]) -> ProjectCost:
    return ProjectCost(
        project=project["name"],
        runs=project.get("run_count") or 0,
        tokens=project.get("total_tokens") or 0,
        cost=Decimal(str(project.get("total_cost") or 0)),
    )
