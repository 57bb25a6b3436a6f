"""Runs: ingestion and reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from smithkit.server.body import read_json
from smithkit.server.errors import unprocessable
from smithkit.server.multipart_body import read_parts
from smithkit.server.routes._common import json_response, path_id, read_model, services
from smithkit.server.routes._models import RunGroups, RunQuery, RunStats
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
            await own.ingest.accept_parts(reader.parts)
        finally:
            reader.discard()
    return json_response({"message": "Runs batch ingested"}, 202)


async def _batch(request: Request) -> Response:
    own = services(request)
    with own.budget.reserve() as held:
        body = await read_json(request, own.limits, held)
        if not isinstance(body, dict):
            raise unprocessable("body: must be an object with post and patch")
        await own.ingest.accept_runs(_runs_of(body, "post"), _runs_of(body, "patch"))
    return json_response({"message": "Runs batch ingested"}, 202)


def _runs_of(body: dict[str, Any], name: str) -> list[Any]:
    runs = body.get(name) or []
    if not isinstance(runs, list):
        raise unprocessable(f"{name}: must be a list of runs")
    return runs


async def _create(request: Request) -> Response:
    own = services(request)
    with own.budget.reserve() as held:
        await own.ingest.accept_runs([await read_json(request, own.limits, held)], ())
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
    response = json_response(await own.runs.query(selection, query.select))
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
    Route("/runs", _create, methods=["POST"]),
    Route("/runs/multipart", _multipart, methods=["POST"]),
    Route("/runs/batch", _batch, methods=["POST"]),
    Route("/runs/query", _query, methods=["POST"]),
    Route("/runs/stats", _stats, methods=["POST"]),
    Route("/runs/group", _group, methods=["POST"]),
    Route("/runs/group/stats", _group_stats, methods=["POST"]),
    Route("/runs/{id}", _read, methods=["GET"]),
    Route("/runs/{id}", _update, methods=["PATCH"]),
]
