"""Examples: the rows of datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.server.errors import unprocessable
from smithkit.server.multipart_body import read_parts
from smithkit.server.routes._answers import Deleted, Example, Message, Nothing, Written
from smithkit.server.routes._common import json_response, path_id, read_model, read_query, services, stream
from smithkit.server.routes._dataset_models import (
    AsOf,
    ExampleBodies,
    ExampleBody,
    ExampleDeletion,
    ExampleIds,
    ExampleList,
)
from smithkit.server.routes._example_parts import is_file, read_changes
from smithkit.server.routes._operation import PARTS, Operation
from smithkit.server.services.examples import example_matcher
from smithkit.server.store import ExampleSelection

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
    as_of = read_query(request, AsOf).as_of
    return json_response(await services(request).examples.read(path_id(request), as_of))


async def _list(request: Request) -> Response:
    query = read_query(request, ExampleList)
    if query.dataset is None and query.id is None:
        raise unprocessable("dataset: say of which dataset, or give ids of examples")
    return await list_examples(request, query, query.dataset[0] if query.dataset else None)


async def list_examples(request: Request, query: ExampleList, dataset_id: UUID | None) -> Response:
    """Answer with the examples that the query names."""
    splits = query.splits or []
    selection = ExampleSelection(
        dataset_id=dataset_id,
        ids=query.id,
        as_of=query.as_of,
        order=query.order,
        seed=query.random_seed,
        matches=example_matcher(splits, query.metadata, query.filter),
        key=repr((splits, query.metadata, query.filter)),
        limit=query.limit or services(request).limits.page,
        offset=query.offset,
    )
    return await stream(services(request).examples.find(selection, query.select))


async def _listed(request: Request, selection: ExampleSelection) -> Response:
    return await stream(services(request).examples.find(selection, None))


async def _delete(request: Request) -> Response:
    await services(request).examples.delete([path_id(request)], hard=False, must_exist=True)
    return json_response({"message": "Example deleted"})


async def _delete_many(request: Request) -> Response:
    ids = read_query(request, ExampleIds).example_ids or []
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


def _platform(method: str, path: str, endpoint: Any, summary: str, **told: Any) -> list[Operation]:
    """Give a route at both places where clients look for it."""
    return [
        Operation(method, f"/v1/platform{path}", endpoint, summary, **told),
        Operation(method, f"/platform{path}", endpoint, summary, **told, hidden=True),
    ]


_PARTS: dict[str, Any] = {"body": dict[str, bytes], "accepts": PARTS, "answer": Written, "status": _CREATED}

routes = [
    Operation("POST", "/examples", _create, "Write an example", body=ExampleBody, answer=Example),
    Operation("GET", "/examples", _list, "List examples", query=ExampleList, answer=list[Example]),
    Operation("DELETE", "/examples", _delete_many, "Delete examples", query=ExampleIds, answer=Nothing),
    Operation(
        "POST", "/examples/bulk", _create_many, "Write examples", body=ExampleBodies, answer=list[Example]
    ),
    Operation("PATCH", "/examples/bulk", _update_many, "Change examples", body=ExampleBodies, answer=Written),
    Operation("GET", "/examples/{id}", _read, "Read an example", query=AsOf, answer=Example),
    Operation("PATCH", "/examples/{id}", _update, "Change an example", body=ExampleBody, answer=Written),
    Operation("DELETE", "/examples/{id}", _delete, "Delete an example", answer=Message),
    *_platform(
        "POST",
        "/datasets/examples/delete",
        _delete_hard,
        "Delete examples, with all their versions if wanted",
        body=ExampleDeletion,
        answer=Deleted,
    ),
    *_platform("POST", "/datasets/{id}/examples", _create_parts, "Write examples with files", **_PARTS),
    *_platform("PATCH", "/datasets/{id}/examples", _update_parts, "Change examples with files", **_PARTS),
    *_platform("POST", "/examples/multipart", _upsert_parts, "Write or change examples with files", **_PARTS),
]
