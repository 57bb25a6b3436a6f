"""Annotation queues."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from pydantic import RootModel

from smithkit.server.errors import unprocessable
from smithkit.server.routes._answers import Nothing, Queue, QueueEntry, QueuePlace, QueueRun
from smithkit.server.routes._common import json_response, path_id, read_model, read_query, services
from smithkit.server.routes._feedback_models import (
    QueueCreate,
    QueueList,
    QueueRunList,
    QueueUpdate,
    Review,
    Reviewer,
)
from smithkit.server.routes._operation import Operation
from smithkit.server.store import QueueSelection

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]

_LONGEST_INDEX = 9


class _RunIds(RootModel[list[UUID]]):
    """Body of ``POST /annotation-queues/{id}/runs``."""


async def _create(request: Request) -> Response:
    values = (await read_model(request, QueueCreate)).columns()
    return json_response(await services(request).queues.create({"id": uuid4(), **values}))


async def _list(request: Request) -> Response:
    query = read_query(request, QueueList)
    selection = QueueSelection(
        ids=query.ids,
        name=query.name,
        name_contains=query.name_contains,
        limit=query.size(services(request).limits.page),
        offset=query.offset,
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
    own = services(request)
    query = read_query(request, QueueRunList)
    limit = query.size(own.limits.page)
    return json_response(await own.queues.find_runs(path_id(request), query.status, limit, query.offset))


async def _read_run(request: Request) -> Response:
    index = request.path_params["index"]
    if not index.isdecimal() or len(index) > _LONGEST_INDEX:
        raise unprocessable("index: must be an integer from 0 to 999,999,999")
    reviewer = read_query(request, Reviewer).reviewer
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


_QUEUES = "/annotation-queues"
_ONE = "/annotation-queues/{id}"
_RUN = "/annotation-queues/{id}/runs/{run_id}"

routes = [
    Operation("POST", _QUEUES, _create, "Make a queue", body=QueueCreate, answer=Queue),
    Operation("GET", _QUEUES, _list, "List queues", query=QueueList, answer=list[Queue]),
    Operation("GET", _ONE, _read, "Read a queue", answer=Queue),
    Operation("PATCH", _ONE, _update, "Change a queue", body=QueueUpdate, answer=Queue),
    Operation("DELETE", _ONE, _delete, "Delete a queue", answer=Nothing),
    Operation(
        "POST", f"{_ONE}/runs", _add_runs, "Put runs into a queue", body=_RunIds, answer=list[QueueEntry]
    ),
    Operation(
        "GET", f"{_ONE}/runs", _list_runs, "List a queue's runs", query=QueueRunList, answer=list[QueueRun]
    ),
    Operation(
        "GET",
        f"{_ONE}/run/{{index}}",
        _read_run,
        "Read the run at a place in a queue",
        query=Reviewer,
        answer=QueueRun,
    ),
    Operation("PATCH", _RUN, _review, "Say how far a review is", body=Review, answer=QueuePlace),
    Operation("DELETE", _RUN, _remove_run, "Take a run out of a queue", answer=Nothing),
]
