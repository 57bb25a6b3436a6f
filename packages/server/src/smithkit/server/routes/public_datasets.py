"""Datasets shared by link, for those who have the link and no key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.routes._answers import Dataset, Example, Project
from smithkit.server.routes._common import json_response, path_id, public, read_query, services
from smithkit.server.routes._dataset_models import ExampleList, SharedProjects
from smithkit.server.routes._operation import Operation
from smithkit.server.routes.examples import list_examples
from smithkit.server.store import SessionSelection

if TYPE_CHECKING:
    from uuid import UUID

    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]


async def _dataset(request: Request) -> Response:
    return public(json_response(await services(request).datasets.read(await _shared(request))))


async def _examples(request: Request) -> Response:
    return public(await list_examples(request, read_query(request, ExampleList), await _shared(request)))


async def _sessions(request: Request) -> Response:
    own = services(request)
    query = read_query(request, SharedProjects)
    selection = SessionSelection(
        reference_datasets=[await _shared(request)],
        ids=query.id,
        name=query.name,
        name_contains=query.name_contains,
        limit=query.limit or own.limits.page,
        offset=query.offset,
    )
    return public(json_response(await own.sessions.find(selection, include_stats=True)))


async def _shared(request: Request) -> UUID:
    return await services(request).dataset_sharing.find(path_id(request, "token"))


routes = [
    Operation("GET", "/public/{token}/datasets", _dataset, "Read a shared dataset", answer=Dataset),
    Operation(
        "GET",
        "/public/{token}/examples",
        _examples,
        "List the examples of a shared dataset",
        query=ExampleList,
        answer=list[Example],
    ),
    Operation(
        "GET",
        "/public/{token}/datasets/sessions",
        _sessions,
        "List the experiments on a shared dataset",
        query=SharedProjects,
        answer=list[Project],
    ),
]
