"""Insights: what a project's conversations are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from smithkit.server.routes._common import json_response, path_id, read_model, services
from smithkit.server.routes._models import InsightsRequest

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]


async def _create(request: Request) -> Response:
    session_id = path_id(request)
    body = await read_model(request, InsightsRequest)
    return json_response(await services(request).insights.start(session_id, body.model_dump()))


async def _list(request: Request) -> Response:
    return json_response({"clustering_jobs": await services(request).insights.find(path_id(request))})


async def _read(request: Request) -> Response:
    job_id = path_id(request, "job_id")
    return json_response(await services(request).insights.read(path_id(request), job_id))


routes = [
    Route("/sessions/{id}/insights", _create, methods=["POST"]),
    Route("/sessions/{id}/insights", _list, methods=["GET"]),
    Route("/sessions/{id}/insights/{job_id}", _read, methods=["GET"]),
]
