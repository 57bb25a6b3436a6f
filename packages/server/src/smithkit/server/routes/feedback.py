"""Feedback, its configs and its formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from smithkit.server.body import read_json
from smithkit.server.domain.times import parse_time
from smithkit.server.errors import unprocessable
from smithkit.server.routes._common import (
    LARGEST_OFFSET,
    json_response,
    path_id,
    query_flag,
    query_ids,
    query_int,
    read_model,
    services,
)
from smithkit.server.routes._feedback_models import ConfigCreate, ConfigUpdate, FormulaCreate, FormulaUpdate
from smithkit.server.services.feedback_items import FeedbackChange
from smithkit.server.store import FeedbackSelection

if TYPE_CHECKING:
    from uuid import UUID

    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["page", "routes"]

_LEVELS = {None: None, "run": True, "session": False}


async def _create(request: Request) -> Response:
    own = services(request)
    with own.budget.reserve() as held:
        body = await read_json(request, own.limits, held)
        return json_response(await own.feedback.create(body))


async def _list(request: Request) -> Response:
    level = request.query_params.get("level")
    if level not in _LEVELS:
        raise unprocessable("level: must be run or session")
    limit, offset = page(request)
    selection = FeedbackSelection(
        runs=query_ids(request, "run"),
        keys=_texts(request, "key"),
        sessions=query_ids(request, "session"),
        traces=query_ids(request, "trace"),
        sources=_sources(request),
        comparisons=query_ids(request, "comparative_experiment_id"),
        on_runs=_LEVELS[level],
        has_score=query_flag(request, "has_score"),
        created_from=_moment(request, "min_created_at"),
        created_to=_moment(request, "max_created_at"),
        limit=limit,
        offset=offset,
    )
    return json_response(await services(request).feedback.find(selection))


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
    limit, offset = page(request)
    contains = request.query_params.get("name_contains")
    found = await services(request).feedback.find_configs(_texts(request, "key"), contains, limit, offset)
    return json_response(found)


async def _update_config(request: Request) -> Response:
    body = await read_model(request, ConfigUpdate)
    return json_response(await services(request).feedback.update_config(body.feedback_key, body.changes()))


async def _delete_config(request: Request) -> Response:
    key = request.query_params.get("feedback_key")
    if key is None:
        raise unprocessable("feedback_key: is missing from the query")
    await services(request).feedback.delete_config(key)
    return json_response({})


async def _create_formula(request: Request) -> Response:
    body = await read_model(request, FormulaCreate)
    return json_response(await services(request).feedback.put_formula(body.model_dump()))


async def _list_formulas(request: Request) -> Response:
    limit, offset = page(request)
    dataset_id, session_id = _one(request, "dataset_id"), _one(request, "session_id")
    return json_response(
        await services(request).feedback.find_formulas(dataset_id, session_id, limit, offset)
    )


async def _read_formula(request: Request) -> Response:
    return json_response(await services(request).feedback.read_formula(path_id(request)))


async def _update_formula(request: Request) -> Response:
    values = {"id": path_id(request), **(await read_model(request, FormulaUpdate)).model_dump()}
    return json_response(await services(request).feedback.put_formula(values))


async def _delete_formula(request: Request) -> Response:
    await services(request).feedback.delete_formula(path_id(request))
    return json_response({})


def page(request: Request) -> tuple[int, int]:
    """Read `limit` and `offset` from the query.

    Raises:
        ApiError: 422, one is no integer, or out of range.
    """
    most = services(request).limits.page
    return query_int(request, "limit", most, 1, most), query_int(request, "offset", 0, 0, LARGEST_OFFSET)


def _texts(request: Request, name: str) -> list[str] | None:
    return request.query_params.getlist(name) or None


def _sources(request: Request) -> list[str] | None:
    """Kinds of sources; some clients write members of their enumeration: ``FeedbackSourceType.MODEL``."""
    given = _texts(request, "source")
    prefix = "FeedbackSourceType."
    return given and [one.removeprefix(prefix).lower() if one.startswith(prefix) else one for one in given]


def _one(request: Request, name: str) -> UUID | None:
    found = query_ids(request, name)
    return found[0] if found else None


def _moment(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError as error:
        raise unprocessable(f"{name}: {error}") from error


routes = [
    Route("/feedback", _create, methods=["POST"]),
    Route("/feedback", _list, methods=["GET"]),
    Route("/feedback/formulas", _create_formula, methods=["POST"]),
    Route("/feedback/formulas", _list_formulas, methods=["GET"]),
    Route("/feedback/formulas/{id}", _read_formula, methods=["GET"]),
    Route("/feedback/formulas/{id}", _update_formula, methods=["PUT"]),
    Route("/feedback/formulas/{id}", _delete_formula, methods=["DELETE"]),
    Route("/feedback/{id}", _read, methods=["GET"]),
    Route("/feedback/{id}", _update, methods=["PATCH"]),
    Route("/feedback/{id}", _delete, methods=["DELETE"]),
    Route("/feedback-configs", _create_config, methods=["POST"]),
    Route("/feedback-configs", _list_configs, methods=["GET"]),
    Route("/feedback-configs", _update_config, methods=["PATCH"]),
    Route("/feedback-configs", _delete_config, methods=["DELETE"]),
]
