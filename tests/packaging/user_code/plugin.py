"""A user of the example plugin; see `tests/typing/checkers.py` for what the comments mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, assert_type

from smithkit_meter import AsyncMeterMethods, EndpointStats, MeterMethods, ProjectCost

if TYPE_CHECKING:
    from smithkit import AsyncClient, Client


def costs(client: Client) -> None:
    """Use the methods through a typed view."""
    meter = client.use(MeterMethods)
    assert_type(meter.project_cost("shop"), ProjectCost)
    assert_type(meter.request_stats(), Mapping[str, EndpointStats])
    meter.project_cost(1)  # wrong: arg-type reportArgumentType
    meter.project_price("shop")  # wrong: attr-defined reportAttributeAccessIssue
    client.project_cost("shop")  # wrong: attr-defined reportAttributeAccessIssue


async def async_costs(client: AsyncClient) -> None:
    """Await them on the other client."""
    assert_type(await client.use(AsyncMeterMethods).project_cost("shop"), ProjectCost)
