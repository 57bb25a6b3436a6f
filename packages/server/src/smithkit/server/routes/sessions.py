"""Projects, which the API calls sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.routes._answers import Message, Project
from smithkit.server.routes._common import json_response, path_id, read_model, read_query, services
from smithkit.server.routes._models import SessionCreate, SessionList, SessionUpdate, Upsert, WithStats
from smithkit.server.routes._operation import Operation
from smithkit.server.store import SessionSelection

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]


async def _create(request: Request) -> Response:
    body = await read_model(request, SessionCreate)
    upsert = read_query(request, Upsert).upsert
    made = await services(request).sessions.create(body.columns(), upsert=upsert)
    return json_response(made)


async def _list(request: Request) -> Response:
    own = services(request)
    query = read_query(request, SessionList)
    selection = SessionSelection(
        name=query.name,
        name_contains=query.name_contains,
        ids=query.id,
        reference_free=query.reference_free,
        reference_datasets=query.reference_dataset,
        metadata=query.metadata,
        limit=query.size(own.limits.page),
        offset=query.offset,
    )
    return json_response(await own.sessions.find(selection, include_stats=query.include_stats))


async def _read(request: Request) -> Response:
    include_stats = read_query(request, WithStats).include_stats
    return json_response(await services(request).sessions.read(path_id(request), include_stats=include_stats))


async def _update(request: Request) -> Response:
    session_id = path_id(request)
    body = await read_model(request, SessionUpdate)
    return json_response(await services(request).sessions.update(session_id, body.columns()))


async def _delete(request: Request) -> Response:
    await services(request).sessions.delete(path_id(request))
    return json_response({"message": "Session deleted"})


routes = [
    Operation(
        "POST", "/sessions", _create, "Make a project", query=Upsert, body=SessionCreate, answer=Project
    ),
    Operation("GET", "/sessions", _list, "List projects", query=SessionList, answer=list[Project]),
    Operation("GET", "/sessions/{id}", _read, "Read a project", query=WithStats, answer=Project),
    Operation("PATCH", "/sessions/{id}", _update, "Change a project", body=SessionUpdate, answer=Project),
    Operation("DELETE", "/sessions/{id}", _delete, "Delete a project and its runs", answer=Message),
]
