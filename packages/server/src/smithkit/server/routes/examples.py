"""Examples: the rows of datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from starlette.routing import Route

from smithkit.server.errors import unprocessable
from smithkit.server.multipart_body import read_parts
from smithkit.server.routes._common import (
    LARGEST_OFFSET,
    json_response,
    path_id,
    query_choice,
    query_ids,
    query_int,
    query_object,
    read_model,
    services,
    stream,
)
from smithkit.server.routes._dataset_models import ExampleBodies, ExampleBody, ExampleDeletion
from smithkit.server.routes._example_parts import is_file, read_changes
from smithkit.server.services.examples import example_matcher
from smithkit.server.store import ExampleOrder, ExampleSelection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from starlette.requests import Request
    from starlette.responses import Response

    from smithkit.server.store import ExampleChange, WriteMode

__all__ = ["list_examples", "routes"]

_CREATED = 201


async def _create(request: Request) -> Response:
    body = await read_model(request, ExampleBody)
    change = body.change()
    await _write(request, [change], "create")
    return json_response(await services(request).examples.read(change.id, None))


async def _create_many(request: Request) -> Response:
    bodies = await read_model(request, ExampleBodies)
    changes = [body.change() for body in bodies.root]
    await _write(request, changes, "create")
    return await _listed(
        request, ExampleSelection(ids=[change.id for change in changes], limit=len(changes) or 1)
    )


async def _update(request: Request) -> Response:
    example_id = path_id(request)
    body = await read_model(request, ExampleBody)
    done = await _write(request, [body.change(example_id=example_id)], "update")
    return json_response({"message": "Example updated", **done})


async def _update_many(request: Request) -> Response:
    bodies = await read_model(request, ExampleBodies)
    if any(body.id is None for body in bodies.root):
        raise unprocessable("id: every example to update needs one")
    done = await _write(request, [body.change() for body in bodies.root], "update")
    return json_response({"message": f"{done['count']} examples updated", **done})


async def _write(request: Request, changes: Sequence[ExampleChange], mode: WriteMode) -> dict[str, Any]:
    if mode == "create":
        for change in changes:
            if change.dataset_id is None:
                raise unprocessable("dataset_id: is missing")
    return await services(request).examples.write(changes, mode)


async def _read(request: Request) -> Response:
    as_of = request.query_params.get("as_of")
    return json_response(await services(request).examples.read(path_id(request), as_of))


async def _list(request: Request) -> Response:
    datasets = query_ids(request, "dataset")
    if datasets is None and query_ids(request, "id") is None:
        raise unprocessable("dataset: say of which dataset, or give ids of examples")
    return await list_examples(request, datasets[0] if datasets else None)


async def list_examples(request: Request, dataset_id: UUID | None) -> Response:
    """Answer with the examples that the query names."""
    query = request.query_params
    splits, metadata, text = query.getlist("splits"), query_object(request, "metadata"), query.get("filter")
    selection = ExampleSelection(
        dataset_id=dataset_id,
        ids=query_ids(request, "id"),
        as_of=query.get("as_of"),
        order=query_choice(request, "order", get_args(ExampleOrder)),
        seed=query.get("random_seed", ""),
        matches=example_matcher(splits, metadata, text),
        key=repr((splits, query.get("metadata"), text)),
        limit=query_int(request, "limit", services(request).limits.page, 1, LARGEST_OFFSET),
        offset=query_int(request, "offset", 0, 0, LARGEST_OFFSET),
    )
    return await stream(services(request).examples.find(selection, query.getlist("select") or None))


async def _listed(request: Request, selection: ExampleSelection) -> Response:
    return await stream(services(request).examples.find(selection, None))


async def _delete(request: Request) -> Response:
    await services(request).examples.delete([path_id(request)], hard=False, must_exist=True)
    return json_response({"message": "Example deleted"})


async def _delete_many(request: Request) -> Response:
    ids = query_ids(request, "example_ids") or []
    await services(request).examples.delete(ids, hard=False)
    return json_response({})


async def _delete_hard(request: Request) -> Response:
    body = await read_model(request, ExampleDeletion)
    count = await services(request).examples.delete(body.example_ids, hard=body.hard_delete)
    return json_response({"examples_count": count})


async def _create_parts(request: Request) -> Response:
    return await _parts(request, path_id(request), "create")


async def _update_parts(request: Request) -> Response:
    return await _parts(request, path_id(request), "update")


async def _upsert_parts(request: Request) -> Response:
    return await _parts(request, None, "upsert")


async def _parts(request: Request, dataset_id: UUID | None, mode: WriteMode) -> Response:
    own = services(request)
    if dataset_id is not None:
        await own.datasets.read(dataset_id)  # before 200 MB are received for a dataset that is not there
    with own.budget.reserve() as held:
        reader = await read_parts(
            request, own.limits, held, lambda: own.store.sink(own.limits.spill), is_file
        )
        try:
            done = await own.examples.write(read_changes(reader.parts, dataset_id), mode)
        finally:
            reader.discard()
    return json_response(done, _CREATED)


def _platform(path: str, endpoint: Any, method: str) -> list[Route]:
    """Give a route at both places where clients look for it."""
    return [Route(f"{prefix}/platform{path}", endpoint, methods=[method]) for prefix in ("/v1", "")]


routes = [
    Route("/examples", _create, methods=["POST"]),
    Route("/examples", _list, methods=["GET"]),
    Route("/examples", _delete_many, methods=["DELETE"]),
    Route("/examples/bulk", _create_many, methods=["POST"]),
    Route("/examples/bulk", _update_many, methods=["PATCH"]),
    Route("/examples/{id}", _read, methods=["GET"]),
    Route("/examples/{id}", _update, methods=["PATCH"]),
    Route("/examples/{id}", _delete, methods=["DELETE"]),
    *_platform("/datasets/examples/delete", _delete_hard, "POST"),
    *_platform("/datasets/{id}/examples", _create_parts, "POST"),
    *_platform("/datasets/{id}/examples", _update_parts, "PATCH"),
    *_platform("/examples/multipart", _upsert_parts, "POST"),
]
