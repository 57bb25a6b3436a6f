"""Projects, which the API calls sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from smithkit.server.routes._common import (
    LARGEST_OFFSET,
    json_response,
    path_id,
    query_flag,
    query_ids,
    query_int,
    query_object,
    read_model,
    services,
)
from smithkit.server.routes._models import SessionCreate, SessionUpdate
from smithkit.server.store import SessionSelection

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]


async def _create(request: Request) -> Response:
    body = await read_model(request, SessionCreate)
    made = await services(request).sessions.create(body.columns(), upsert=bool(query_flag(request, "upsert")))
    return json_response(made)


async def _list(request: Request) -> Response:
    own = services(request)
    query = request.query_params
    selection = SessionSelection(
        name=query.get("name"),
        name_contains=query.get("name_contains"),
        ids=query_ids(request, "id"),
        reference_free=query_flag(request, "reference_free"),
        reference_datasets=query_ids(request, "reference_dataset"),
        metadata=query_object(request, "metadata"),
        limit=query_int(request, "limit", own.limits.page, 1, own.limits.page),
        offset=query_int(request, "offset", 0, 0, LARGEST_OFFSET),
    )
    return json_response(
        await own.sessions.find(selection, include_stats=bool(query_flag(request, "include_stats")))
    )


async def _read(request: Request) -> Response:
    include_stats = bool(query_flag(request, "include_stats"))
    return json_response(await services(request).sessions.read(path_id(request), include_stats=include_stats))


async def _update(request: Request) -> Response:
    session_id = path_id(request)
    body = await read_model(request, SessionUpdate)
    return json_response(await services(request).sessions.update(session_id, body.columns()))


async def _delete(request: Request) -> Response:
    await services(request).sessions.delete(path_id(request))
    return json_response({"message": "Session deleted"})


routes = [
    Route("/sessions", _create, methods=["POST"]),
    Route("/sessions", _list, methods=["GET"]),
    Route("/sessions/{id}", _read, methods=["GET"]),
    Route("/sessions/{id}", _update, methods=["PATCH"]),
    Route("/sessions/{id}", _delete, methods=["DELETE"]),
]
