"""Datasets shared by link, for those who have the link and no key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from smithkit.server.routes._common import (
    LARGEST_OFFSET,
    json_response,
    path_id,
    query_ids,
    query_int,
    services,
)
from smithkit.server.routes.examples import list_examples
from smithkit.server.store import SessionSelection

if TYPE_CHECKING:
    from uuid import UUID

    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]


async def _dataset(request: Request) -> Response:
    return _public(json_response(await services(request).datasets.read(await _shared(request))))


async def _examples(request: Request) -> Response:
    return _public(await list_examples(request, await _shared(request)))


async def _sessions(request: Request) -> Response:
    own = services(request)
    query = request.query_params
    selection = SessionSelection(
        reference_datasets=[await _shared(request)],
        ids=query_ids(request, "id"),
        name=query.get("name"),
        name_contains=query.get("name_contains"),
        limit=query_int(request, "limit", own.limits.page, 1, LARGEST_OFFSET),
        offset=query_int(request, "offset", 0, 0, LARGEST_OFFSET),
    )
    return _public(json_response(await own.sessions.find(selection, include_stats=True)))


async def _shared(request: Request) -> UUID:
    return await services(request).dataset_sharing.find(path_id(request, "token"))


def _public(response: Response) -> Response:
    """Let nothing on the way keep the answer, for the link can be taken back."""
    response.headers["cache-control"] = "no-store"
    return response


routes = [
    Route("/public/{token}/datasets", _dataset, methods=["GET"]),
    Route("/public/{token}/examples", _examples, methods=["GET"]),
    Route("/public/{token}/datasets/sessions", _sessions, methods=["GET"]),
]
