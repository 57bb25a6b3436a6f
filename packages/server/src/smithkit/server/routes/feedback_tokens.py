"""Feedback tokens: made with a key, used without one, by pages of any origin too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from smithkit.server.body import read_json
from smithkit.server.domain.jsons import load
from smithkit.server.errors import unprocessable
from smithkit.server.routes._answers import Nothing, Token
from smithkit.server.routes._common import base_url, check, json_response, read_query, services
from smithkit.server.routes._feedback_models import TokenCreate, TokenList, TokenUse
from smithkit.server.routes._operation import Operation
from smithkit.server.services.feedback_items import FeedbackChange

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]

_MOST = 1000


async def _create(request: Request) -> Response:
    own = services(request)
    with own.budget.reserve() as held:
        body = await read_json(request, own.limits, held)
    wanted = body if isinstance(body, list) else [body]
    if len(wanted) > _MOST:
        raise unprocessable(f"body: at most {_MOST} tokens at a time")
    made = await own.tokens.create([check(TokenCreate, one).record() for one in wanted], base_url(request))
    return json_response(made if isinstance(body, list) else made[0])


async def _list(request: Request) -> Response:
    own = services(request)
    query = read_query(request, TokenList)
    limit = query.size(own.limits.page)
    return json_response(await own.tokens.find(query.run_id, limit, query.offset, base_url(request)))


async def _use(request: Request) -> Response:
    told = await _told(request) if request.method == "POST" else _asked(request)
    await services(request).tokens.use(request.path_params["token"], told)
    response = json_response({})
    response.headers["cache-control"] = "no-store"
    return response


async def _told(request: Request) -> dict[str, Any]:
    own = services(request)
    most = own.limits.token_body
    with own.budget.reserve() as held:
        body = await read_json(request, replace(own.limits, body=most, decompressed=most), held)
    if not isinstance(body, dict):
        raise unprocessable("body: must be an object")
    return body


def _asked(request: Request) -> dict[str, Any]:
    """What a link says: `score`, `value`, `comment`, and `correction` as JSON."""
    told = read_query(request, TokenUse).model_dump(exclude_none=True)
    for name in ("score", "correction"):
        if name in told:
            try:
                told[name] = load(told[name].encode())
            except ValueError as error:
                raise unprocessable(f"{name}: is not valid JSON") from error
    return told


_ANY_ORIGIN = Middleware(
    CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "POST"], allow_headers=["content-type"]
)

routes = [
    Operation(
        "POST",
        "/feedback/tokens",
        _create,
        "Make URLs that take feedback without a key",
        body=TokenCreate | list[TokenCreate],
        answer=Token | list[Token],
    ),
    Operation("GET", "/feedback/tokens", _list, "List a run's tokens", query=TokenList, answer=list[Token]),
    Operation(
        "POST",
        "/feedback/tokens/{token}",
        _use,
        "Give feedback",
        body=FeedbackChange,
        answer=Nothing,
        middleware=[_ANY_ORIGIN],
    ),
    Operation(
        "GET",
        "/feedback/tokens/{token}",
        _use,
        "Give feedback by link",
        query=TokenUse,
        answer=Nothing,
        middleware=[_ANY_ORIGIN],
    ),
]
