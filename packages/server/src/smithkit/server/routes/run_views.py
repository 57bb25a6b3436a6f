"""Version 2: runs, traces and rows of experiments, of each no more than is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from smithkit.server.routes._answers import (
    ExampleRow,
    Nothing,
    Page,
    RunUrl,
    RunView,
    ShareToken,
    Trace,
    WholeTrace,
)
from smithkit.server.routes._common import (
    base_url,
    json_response,
    path_id,
    public,
    read_model,
    read_query,
    services,
    stream,
)
from smithkit.server.routes._operation import Operation
from smithkit.server.routes._view_models import (
    ExperimentRunsQuery,
    PublicRunRead,
    PublicRunsQuery,
    RunPlace,
    RunRead,
    RunsQuery,
    ShareCreate,
    ShareDelete,
    TraceRunsRead,
    TracesQuery,
)
from smithkit.server.store import RunSelection

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]


async def _query(request: Request) -> Response:
    body = await read_model(request, RunsQuery)
    own = services(request)
    selection = body.selection(own.limits.page)
    if body.reference_dataset_id is not None:
        selection.sessions = await own.run_views.experiments(body.reference_dataset_id)
    return json_response(await own.run_views.page(selection, body.view(base_url(request))))


async def _read(request: Request) -> Response:
    query = read_query(request, RunRead)
    wanted = RunSelection(ids=[path_id(request)], sessions=[query.project_id])
    return json_response(await services(request).run_views.read(wanted, query.view(base_url(request))))


async def _url(request: Request) -> Response:
    query = read_query(request, RunPlace)
    traces = None if query.trace_id is None else [query.trace_id]
    wanted = RunSelection(ids=[path_id(request)], sessions=[query.project_id], traces=traces)
    return json_response({"url": await services(request).run_views.url(wanted, base_url(request))})


async def _share(request: Request) -> Response:
    body = await read_model(request, ShareCreate)
    wanted = RunSelection(ids=[path_id(request)], sessions=[body.session_id], traces=[body.trace_id])
    return json_response({"share_token": await services(request).sharing.share_found(wanted)})


async def _unshare(request: Request) -> Response:
    body = await read_model(request, ShareDelete)
    await services(request).sharing.unshare(path_id(request), body.session_id)
    return json_response({})


async def _query_traces(request: Request) -> Response:
    body = await read_model(request, TracesQuery)
    own = services(request)
    selection = body.selection(own.limits.page)
    return json_response(await own.run_views.traces(selection, body.view(base_url(request))))


async def _trace_runs(request: Request) -> Response:
    query = read_query(request, TraceRunsRead)
    wanted = query.selection(path_id(request, "trace_id"))
    return await stream(services(request).run_views.whole(wanted, query.view(base_url(request))))


async def _read_public(request: Request) -> Response:
    view = read_query(request, PublicRunRead).view(base_url(request))
    own = services(request)
    wanted = await own.sharing.below(path_id(request, "token"))
    return public(json_response(await own.run_views.read(replace(wanted, ids=[path_id(request)]), view)))


async def _query_public(request: Request) -> Response:
    view = (await read_model(request, PublicRunsQuery)).view(base_url(request))
    own = services(request)
    wanted = await own.sharing.below(path_id(request, "token"))
    return public(await stream(own.run_views.whole(wanted, view)))


async def _experiment_runs(request: Request) -> Response:
    dataset_id = path_id(request)
    body = await read_model(request, ExperimentRunsQuery)
    own = services(request).experiments
    comparison = body.comparative_experiment_id
    selection = await own.select(dataset_id, body.experiment_ids, comparison, body.filters or {})
    selection = replace(
        selection,
        examples=None if body.example_ids is None else frozenset(body.example_ids),
        offset=body.offset(),
        limit=body.page_size,
    )
    return json_response(await own.page(selection, body.view(base_url(request)), comparison))


_V2 = "/api/v2"

routes = [
    Operation(
        "POST", f"{_V2}/runs/query", _query, "Find runs (version 2)", body=RunsQuery, answer=Page[RunView]
    ),
    Operation("GET", f"{_V2}/runs/{{id}}", _read, "Read a run (version 2)", query=RunRead, answer=RunView),
    Operation("GET", f"{_V2}/runs/{{id}}/url", _url, "Give a run's URL", query=RunPlace, answer=RunUrl),
    Operation(
        "POST",
        f"{_V2}/runs/{{id}}/share",
        _share,
        "Share a run by link (version 2)",
        body=ShareCreate,
        answer=ShareToken,
    ),
    Operation(
        "DELETE",
        f"{_V2}/runs/{{id}}/share",
        _unshare,
        "Take a run's link back (version 2)",
        body=ShareDelete,
        answer=Nothing,
    ),
    Operation(
        "POST", f"{_V2}/traces/query", _query_traces, "Find traces", body=TracesQuery, answer=Page[Trace]
    ),
    Operation(
        "GET",
        f"{_V2}/traces/{{trace_id}}/runs",
        _trace_runs,
        "Read all runs of a trace",
        query=TraceRunsRead,
        answer=WholeTrace,
    ),
    Operation(
        "GET",
        f"{_V2}/public/{{token}}/run/{{id}}",
        _read_public,
        "Read a run of a shared trace (version 2)",
        query=PublicRunRead,
        answer=RunView,
    ),
    Operation(
        "POST",
        f"{_V2}/public/{{token}}/runs/query",
        _query_public,
        "Read all runs of a shared trace",
        body=PublicRunsQuery,
        answer=WholeTrace,
    ),
    Operation(
        "POST",
        f"{_V2}/datasets/{{id}}/experiment-runs",
        _experiment_runs,
        "List examples with their runs in experiments (version 2)",
        body=ExperimentRunsQuery,
        answer=Page[ExampleRow],
    ),
]
