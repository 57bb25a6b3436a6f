"""Version 2: threads, their figures and their turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.routes._answers import Json, Page, Thread, Turn
from smithkit.server.routes._common import base_url, json_response, read_model, read_query, services
from smithkit.server.routes._operation import Operation
from smithkit.server.routes._view_models import ThreadsQuery, ThreadsStats, ThreadStatsRead, ThreadTracesRead

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]


async def _query(request: Request) -> Response:
    body = await read_model(request, ThreadsQuery)
    own = services(request).threads
    return json_response(await own.page(body.selection(), body.offset(), body.page_size))


async def _stats(request: Request) -> Response:
    body = await read_model(request, ThreadsStats)
    return json_response(await services(request).threads.stats(body.selection(), body.fields()))


async def _stats_of_one(request: Request) -> Response:
    query = read_query(request, ThreadStatsRead)
    own = services(request).threads
    return json_response(await own.stats_of_one(query.selection(), _name(request), query.fields()))


async def _traces(request: Request) -> Response:
    query = read_query(request, ThreadTracesRead)
    own = services(request)
    selection = query.selection(own.limits.page)
    return json_response(
        await own.threads.turns(selection, _name(request), query.fields(), base_url(request))
    )


def _name(request: Request) -> str:
    return str(request.path_params["thread_id"])


_THREADS = "/api/v2/threads"
_ONE = f"{_THREADS}/{{thread_id:path}}"

routes = [
    Operation("POST", f"{_THREADS}/query", _query, "Find threads", body=ThreadsQuery, answer=Page[Thread]),
    Operation("POST", f"{_THREADS}/stats", _stats, "Sum up threads", body=ThreadsStats, answer=Json),
    Operation("GET", f"{_ONE}/stats", _stats_of_one, "Sum up a thread", query=ThreadStatsRead, answer=Json),
    Operation(
        "GET",
        f"{_ONE}/traces",
        _traces,
        "Read a thread's traces, in their order",
        query=ThreadTracesRead,
        answer=Page[Turn],
    ),
]
