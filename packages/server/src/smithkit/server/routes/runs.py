"""Runs: ingestion and reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.server.body import read_json
from smithkit.server.errors import unprocessable
from smithkit.server.multipart_body import read_parts
from smithkit.server.observing import seen_of
from smithkit.server.routes._answers import GroupCount, Groups, Json, Message, Run, RunPage
from smithkit.server.routes._common import json_response, path_id, read_model, services
from smithkit.server.routes._models import RunBatch, RunBody, RunGroups, RunQuery, RunStats
from smithkit.server.routes._operation import PARTS, Operation
from smithkit.server.services.ingest import is_attachment

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]

_UNINDEXED = "x-smithkit-unindexed-runs"


async def _multipart(request: Request) -> Response:
    own = services(request)
    with own.budget.reserve() as held:
        reader = await read_parts(
            request, own.limits, held, lambda: own.store.sink(own.limits.spill), is_attachment
        )
        try:
            seen_of(request.scope).runs = await own.ingest.accept_parts(reader.parts)
        finally:
            reader.discard()
    return json_response({"message": "Runs batch ingested"}, 202)


async def _batch(request: Request) -> Response:
    own = services(request)
    with own.budget.reserve() as held:
        body = await read_json(request, own.limits, held)
        if not isinstance(body, dict):
            raise unprocessable("body: must be an object with post and patch")
        posts, patches = _runs_of(body, "post"), _runs_of(body, "patch")
        seen_of(request.scope).runs = await own.ingest.accept_runs(posts, patches)
    return json_response({"message": "Runs batch ingested"}, 202)


def _runs_of(body: dict[str, Any], name: str) -> list[Any]:
    runs = body.get(name) or []
    if not isinstance(runs, list):
        raise unprocessable(f"{name}: must be a list of runs")
    return runs


async def _create(request: Request) -> Response:
    own = services(request)
    with own.budget.reserve() as held:
        body = await read_json(request, own.limits, held)
        seen_of(request.scope).runs = await own.ingest.accept_runs([body], ())
    return json_response({"message": "Run created"}, 202)


async def _update(request: Request) -> Response:
    own = services(request)
    run_id = path_id(request)
    with own.budget.reserve() as held:
        body = await read_json(request, own.limits, held)
        if not isinstance(body, dict):
            raise unprocessable("body: must be an object")
        await own.ingest.accept_runs((), [body | {"id": str(run_id)}])
    return json_response({"message": "Run updated"}, 202)


async def _read(request: Request) -> Response:
    return json_response(await services(request).runs.read(path_id(request)))


async def _query(request: Request) -> Response:
    query = await read_model(request, RunQuery)
    own = services(request)
    selection = query.selection(own.limits.page)
    response = json_response(
        await own.runs.query(selection, query.select, one_page=bool(query.skip_pagination))
    )
    if selection.filter is not None:
        response.headers[_UNINDEXED] = str(await own.store.count_unindexed())
    return response


async def _stats(request: Request) -> Response:
    body = await read_model(request, RunStats)
    own = services(request)
    if body.group_by is not None:
        return json_response(await own.run_groups.stats(body.selection(), body.group_by.grouping()))
    return json_response(await own.runs.stats(body.selection()))


async def _group(request: Request) -> Response:
    body = await read_model(request, RunGroups)
    return json_response(await services(request).run_groups.page(body.selection(), body.grouping()))


async def _group_stats(request: Request) -> Response:
    body = await read_model(request, RunGroups)
    count = await services(request).run_groups.count(body.selection(), body.grouping())
    return json_response({"group_count": count})


routes = [
    Operation("POST", "/runs", _create, "Write a run", body=RunBody, answer=Message, status=202),
    Operation(
        "POST",
        "/runs/multipart",
        _multipart,
        "Write runs, feedback and attachments",
        body=dict[str, bytes],
        accepts=PARTS,
        answer=Message,
        status=202,
    ),
    Operation(
        "POST", "/runs/batch", _batch, "Write and change runs", body=RunBatch, answer=Message, status=202
    ),
    Operation("POST", "/runs/query", _query, "Find runs", body=RunQuery, answer=RunPage),
    Operation("POST", "/runs/stats", _stats, "Sum up runs", body=RunStats, answer=Json),
    Operation("POST", "/runs/group", _group, "List the threads of a project", body=RunGroups, answer=Groups),
    Operation("POST", "/runs/group/stats", _group_stats, "Count threads", body=RunGroups, answer=GroupCount),
    Operation("GET", "/runs/{id}", _read, "Read a run", answer=Run),
    Operation("PATCH", "/runs/{id}", _update, "Change a run", body=Json, answer=Message, status=202),
]
