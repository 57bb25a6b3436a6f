"""What a project costs, and what its requests cost: `project_cost` and `request_stats` on the clients."""

from __future__ import annotations

from smithkit_meter.methods import AsyncMeterMethods, MeterMethods, ProjectCost
from smithkit_meter.stats import CORRELATION_HEADER, EndpointStats

__all__ = [
    "CORRELATION_HEADER",
    "AsyncMeterMethods",
    "EndpointStats",
    "MeterMethods",
    "ProjectCost",
]
