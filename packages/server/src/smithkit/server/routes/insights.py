"""Insights: what a project's conversations are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.routes._answers import Job, Jobs
from smithkit.server.routes._common import json_response, path_id, read_model, services
from smithkit.server.routes._models import InsightsRequest
from smithkit.server.routes._operation import Operation

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
    Operation(
        "POST", "/sessions/{id}/insights", _create, "Start an insights job", body=InsightsRequest, answer=Job
    ),
    Operation("GET", "/sessions/{id}/insights", _list, "List insights jobs", answer=Jobs),
    Operation("GET", "/sessions/{id}/insights/{job_id}", _read, "Read an insights job", answer=Job),
]
