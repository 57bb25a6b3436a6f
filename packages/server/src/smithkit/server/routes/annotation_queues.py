"""Annotation queues."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from pydantic import RootModel
from starlette.routing import Route

from smithkit.server.errors import unprocessable
from smithkit.server.routes._common import (
    LARGEST_OFFSET,
    json_response,
    path_id,
    query_ids,
    read_model,
    services,
)
from smithkit.server.routes._feedback_models import QueueCreate, QueueUpdate, Review
from smithkit.server.routes.feedback import page
from smithkit.server.store import QueueSelection

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]

_STATUSES = (None, "needs_review", "reserved", "completed")


class _RunIds(RootModel[list[UUID]]):
    """Body of ``POST /annotation-queues/{id}/runs``."""


async def _create(request: Request) -> Response:
    values = (await read_model(request, QueueCreate)).columns()
    return json_response(await services(request).queues.create({"id": uuid4(), **values}))


async def _list(request: Request) -> Response:
    query = request.query_params
    limit, offset = page(request)
    selection = QueueSelection(
        ids=query_ids(request, "ids"),
        name=query.get("name"),
        name_contains=query.get("name_contains"),
        limit=limit,
        offset=offset,
    )
    return json_response(await services(request).queues.find(selection))


async def _read(request: Request) -> Response:
    return json_response(await services(request).queues.read(path_id(request)))


async def _update(request: Request) -> Response:
    queue_id = path_id(request)
    values = (await read_model(request, QueueUpdate)).columns()
    return json_response(await services(request).queues.update(queue_id, values))


async def _delete(request: Request) -> Response:
    await services(request).queues.delete(path_id(request))
    return json_response({})


async def _add_runs(request: Request) -> Response:
    queue_id = path_id(request)
    body = await read_model(request, _RunIds)
    return json_response(await services(request).queues.add_runs(queue_id, body.root))


async def _list_runs(request: Request) -> Response:
    status = request.query_params.get("status")
    if status not in _STATUSES:
        raise unprocessable("status: must be needs_review, reserved or completed")
    limit, offset = page(request)
    return json_response(await services(request).queues.find_runs(path_id(request), status, limit, offset))


async def _read_run(request: Request) -> Response:
    index = request.path_params["index"]
    if not index.isdecimal() or int(index) > LARGEST_OFFSET:
        raise unprocessable("index: must be an integer, 0 or more")
    reviewer = request.query_params.get("reviewer")
    return json_response(await services(request).queues.read_run(path_id(request), int(index), reviewer))


async def _review(request: Request) -> Response:
    queue_id, run_id = path_id(request), path_id(request, "run_id")
    body = await read_model(request, Review)
    changed = await services(request).queues.review(
        queue_id, run_id, body.status, body.reviewer, body.minutes
    )
    return json_response(changed)


async def _remove_run(request: Request) -> Response:
    await services(request).queues.remove_run(path_id(request), path_id(request, "run_id"))
    return json_response({})


routes = [
    Route("/annotation-queues", _create, methods=["POST"]),
    Route("/annotation-queues", _list, methods=["GET"]),
    Route("/annotation-queues/{id}", _read, methods=["GET"]),
    Route("/annotation-queues/{id}", _update, methods=["PATCH"]),
    Route("/annotation-queues/{id}", _delete, methods=["DELETE"]),
    Route("/annotation-queues/{id}/runs", _add_runs, methods=["POST"]),
    Route("/annotation-queues/{id}/runs", _list_runs, methods=["GET"]),
    Route("/annotation-queues/{id}/run/{index}", _read_run, methods=["GET"]),
    Route("/annotation-queues/{id}/runs/{run_id}", _review, methods=["PATCH"]),
    Route("/annotation-queues/{id}/runs/{run_id}", _remove_run, methods=["DELETE"]),
]
