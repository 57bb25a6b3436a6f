"""Runs shared by link: for those who share, and, without a key, for those who have the link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.routes._answers import Nothing, Run, RunLink, RunPage
from smithkit.server.routes._common import json_response, path_id, public, read_model, services
from smithkit.server.routes._models import RunQuery, RunShare
from smithkit.server.routes._operation import Operation

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]


async def _share(request: Request) -> Response:
    run_id = path_id(request)
    body = await read_model(request, RunShare)
    return json_response(await services(request).sharing.share(run_id, body.share_token))


async def _read_share(request: Request) -> Response:
    return json_response(await services(request).sharing.read(path_id(request)))


async def _unshare(request: Request) -> Response:
    await services(request).sharing.unshare(path_id(request))
    return json_response({})


async def _read(request: Request) -> Response:
    token = path_id(request, "token")
    run_id = path_id(request) if "id" in request.path_params else None
    return public(json_response(await services(request).sharing.read_run(token, run_id)))


async def _query(request: Request) -> Response:
    token = path_id(request, "token")
    query = await read_model(request, RunQuery)
    own = services(request)
    page = await own.sharing.query(
        token, query.selection(own.limits.page), query.select, one_page=bool(query.skip_pagination)
    )
    return public(json_response(page))


routes = [
    Operation("PUT", "/runs/{id}/share", _share, "Share a run by link", body=RunShare, answer=RunLink),
    Operation("GET", "/runs/{id}/share", _read_share, "Read a run's link", answer=RunLink | None),
    Operation("DELETE", "/runs/{id}/share", _unshare, "Take a run's link back", answer=Nothing),
    Operation("GET", "/public/{token}/run", _read, "Read a shared run", answer=Run),
    Operation("GET", "/public/{token}/run/{id}", _read, "Read a run of a shared trace", answer=Run),
    Operation(
        "POST",
        "/public/{token}/runs/query",
        _query,
        "Find runs of a shared trace",
        body=RunQuery,
        answer=RunPage,
    ),
]
