"""Runs shared by link: for those who share, and, without a key, for those who have the link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from smithkit.server.routes._common import json_response, path_id, read_model, services
from smithkit.server.routes._models import RunQuery, RunShare

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
    return _public(await services(request).sharing.read_run(token, run_id))


async def _query(request: Request) -> Response:
    token = path_id(request, "token")
    query = await read_model(request, RunQuery)
    own = services(request)
    return _public(await own.sharing.query(token, query.selection(own.limits.page), query.select))


def _public(content: bytes) -> Response:
    """Answer whoever has the link; nothing on the way may keep it, for the link can be taken back."""
    response = json_response(content)
    response.headers["cache-control"] = "no-store"
    return response


routes = [
    Route("/runs/{id}/share", _share, methods=["PUT"]),
    Route("/runs/{id}/share", _read_share, methods=["GET"]),
    Route("/runs/{id}/share", _unshare, methods=["DELETE"]),
    Route("/public/{token}/run", _read, methods=["GET"]),
    Route("/public/{token}/run/{id}", _read, methods=["GET"]),
    Route("/public/{token}/runs/query", _query, methods=["POST"]),
]
