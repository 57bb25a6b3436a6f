"""Feedback, its configs and its formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.body import read_json
from smithkit.server.routes._answers import Config, Feedback, Formula, Nothing
from smithkit.server.routes._common import json_response, path_id, read_model, read_query, services
from smithkit.server.routes._feedback_models import (
    ConfigCreate,
    ConfigList,
    ConfigUpdate,
    FeedbackList,
    FormulaCreate,
    FormulaList,
    FormulaUpdate,
    WhichConfig,
)
from smithkit.server.routes._operation import Operation
from smithkit.server.services.feedback_items import FeedbackBody, FeedbackChange
from smithkit.server.store import FeedbackSelection

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]

_LEVELS = {None: None, "run": True, "session": False}


async def _create(request: Request) -> Response:
    own = services(request)
    with own.budget.reserve() as held:
        body = await read_json(request, own.limits, held)
        return json_response(await own.feedback.create(body))


async def _list(request: Request) -> Response:
    own = services(request)
    query = read_query(request, FeedbackList)
    selection = FeedbackSelection(
        runs=query.run,
        keys=query.key,
        sessions=query.session,
        traces=query.trace,
        sources=query.source,
        comparisons=query.comparative_experiment_id,
        on_runs=_LEVELS[query.level],
        has_score=query.has_score,
        created_from=query.min_created_at,
        created_to=query.max_created_at,
        limit=query.size(own.limits.page),
        offset=query.offset,
    )
    return json_response(await own.feedback.find(selection))


async def _read(request: Request) -> Response:
    return json_response(await services(request).feedback.read(path_id(request)))


async def _update(request: Request) -> Response:
    feedback_id = path_id(request)
    change = await read_model(request, FeedbackChange)
    fields = change.model_dump(exclude_unset=True)
    return json_response(await services(request).feedback.change(feedback_id, fields))


async def _delete(request: Request) -> Response:
    await services(request).feedback.delete(path_id(request))
    return json_response({})


async def _create_config(request: Request) -> Response:
    body = await read_model(request, ConfigCreate)
    made = await services(request).feedback.create_config(
        body.feedback_key, body.feedback_config.model_dump(), is_lower_better=body.is_lower_score_better
    )
    return json_response(made)


async def _list_configs(request: Request) -> Response:
    own = services(request)
    query = read_query(request, ConfigList)
    limit = query.size(own.limits.page)
    return json_response(await own.feedback.find_configs(query.key, query.name_contains, limit, query.offset))


async def _update_config(request: Request) -> Response:
    body = await read_model(request, ConfigUpdate)
    return json_response(await services(request).feedback.update_config(body.feedback_key, body.changes()))


async def _delete_config(request: Request) -> Response:
    await services(request).feedback.delete_config(read_query(request, WhichConfig).feedback_key)
    return json_response({})


async def _create_formula(request: Request) -> Response:
    body = await read_model(request, FormulaCreate)
    return json_response(await services(request).feedback.put_formula(body.model_dump()))


async def _list_formulas(request: Request) -> Response:
    own = services(request)
    query = read_query(request, FormulaList)
    limit = query.size(own.limits.page)
    return json_response(
        await own.feedback.find_formulas(query.dataset_id, query.session_id, limit, query.offset)
    )


async def _read_formula(request: Request) -> Response:
    return json_response(await services(request).feedback.read_formula(path_id(request)))


async def _update_formula(request: Request) -> Response:
    values = {"id": path_id(request), **(await read_model(request, FormulaUpdate)).model_dump()}
    return json_response(await services(request).feedback.put_formula(values))


async def _delete_formula(request: Request) -> Response:
    await services(request).feedback.delete_formula(path_id(request))
    return json_response({})


_FORMULAS = "/feedback/formulas"
_CONFIGS = "/feedback-configs"

routes = [
    Operation("POST", "/feedback", _create, "Write feedback", body=FeedbackBody, answer=Feedback),
    Operation("GET", "/feedback", _list, "List feedback", query=FeedbackList, answer=list[Feedback]),
    Operation("POST", _FORMULAS, _create_formula, "Make a formula", body=FormulaCreate, answer=Formula),
    Operation("GET", _FORMULAS, _list_formulas, "List formulas", query=FormulaList, answer=list[Formula]),
    Operation("GET", f"{_FORMULAS}/{{id}}", _read_formula, "Read a formula", answer=Formula),
    Operation(
        "PUT", f"{_FORMULAS}/{{id}}", _update_formula, "Set a formula", body=FormulaUpdate, answer=Formula
    ),
    Operation("DELETE", f"{_FORMULAS}/{{id}}", _delete_formula, "Delete a formula", answer=Nothing),
    Operation("GET", "/feedback/{id}", _read, "Read feedback", answer=Feedback),
    Operation("PATCH", "/feedback/{id}", _update, "Change feedback", body=FeedbackChange, answer=Feedback),
    Operation("DELETE", "/feedback/{id}", _delete, "Delete feedback", answer=Nothing),
    Operation("POST", _CONFIGS, _create_config, "Make a config", body=ConfigCreate, answer=Config),
    Operation("GET", _CONFIGS, _list_configs, "List configs", query=ConfigList, answer=list[Config]),
    Operation("PATCH", _CONFIGS, _update_config, "Change a config", body=ConfigUpdate, answer=Config),
    Operation("DELETE", _CONFIGS, _delete_config, "Delete a config", query=WhichConfig, answer=Nothing),
]
