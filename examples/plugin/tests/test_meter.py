"""Run in an environment that has the plugin, smithkit-core[async] and pytest: ``pytest tests``."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
import smithkit_meter
from smithkit_meter.stats import STATS

from smithkit.errors import LangSmithNotFoundError
from smithkit.plugins import manager
from smithkit.testing import FakeAPI

PROJECT = {"name": "shop", "run_count": 4, "total_tokens": 1200, "total_cost": 0.02}
RUN_ID = "0190a5b2-7f6e-7000-8000-000000000001"


@pytest.fixture(autouse=True)
def fresh_counts():
    STATS.clear()


@pytest.fixture
def api():
    api = FakeAPI()
    api.answer("GET", "/sessions", [PROJECT])
    return api


def test_client_reads_what_a_project_costs(api):
    cost = api.client().project_cost("shop")

    assert cost == smithkit_meter.ProjectCost("shop", 4, 1200, Decimal("0.02"))
    assert cost.cost_per_run == Decimal("0.005")
    assert api.requests[0].query == {"name": ["shop"], "include_stats": ["True"], "limit": ["1"]}


def test_async_client_awaits_the_same_method(api):
    pytest.importorskip("httpx2")

    async def read():
        client = api.async_client()
        try:
            return await client.project_cost("shop")
        finally:
            await client.aclose()

    assert asyncio.run(read()).runs == 4


def test_typed_view_has_the_methods_of_the_client_that_made_it(api):
    client = api.client()

    assert client.use(smithkit_meter.MeterMethods).project_cost("shop") == client.project_cost("shop")


def test_unknown_project_is_not_found():
    api = FakeAPI()
    api.answer("GET", "/sessions", [])

    with pytest.raises(LangSmithNotFoundError, match="no project 'shop'"):
        api.client().project_cost("shop")


def test_each_request_carries_its_own_correlation_id(api):
    client = api.client()
    client.project_cost("shop")
    client.project_cost("shop")

    ids = {request.headers[smithkit_meter.CORRELATION_HEADER] for request in api.requests}

    assert len(ids) == 2


def test_requests_are_counted_by_endpoint_with_failures_apart(api):
    client = api.client()
    client.project_cost("shop")
    for last in "12":
        with pytest.raises(LangSmithNotFoundError):
            client.request_with_retries("GET", f"/runs/{RUN_ID[:-1]}{last}")

    stats = client.request_stats()

    assert {endpoint: (of.requests, of.errors) for endpoint, of in stats.items()} == {
        "GET /runs/{id}": (2, 2),
        "GET /sessions": (1, 0),
    }
    assert 0 < stats["GET /sessions"].mean <= stats["GET /sessions"].slowest


def test_serialize_encodes_its_own_type_and_leaves_others_alone():
    cost = smithkit_meter.ProjectCost("shop", 4, 1200, Decimal("0.02"))

    encoded = manager().first("serialize", value=cost)

    assert encoded == {"project": "shop", "runs": 4, "tokens": 1200, "cost": "0.02"}
    assert manager().first("serialize", value=object()) is None


def test_plugin_is_loaded_with_its_methods_and_hooks():
    manager().load()

    record = next(record for record in manager().records if record.name == "meter")

    assert (record.status, record.methods) == ("loaded", ["project_cost", "request_stats"])
    assert record.hooks == [
        "after_response",
        "before_request",
        "on_request_error",
        "register_methods",
        "serialize",
    ]
