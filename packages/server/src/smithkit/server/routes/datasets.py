"""Datasets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from smithkit.server.domain.jsons import load
from smithkit.server.errors import unprocessable
from smithkit.server.multipart_body import read_parts
from smithkit.server.routes._common import (
    LARGEST_OFFSET,
    check,
    json_response,
    path_id,
    query_ids,
    query_int,
    query_object,
    read_model,
    services,
    stream,
)
from smithkit.server.routes._dataset_models import (
    Clone,
    Comparison,
    DatasetCreate,
    DatasetShare,
    DatasetUpdate,
    ExperimentRows,
    Search,
    SplitChange,
    TagChange,
)
from smithkit.server.services.datasets import read_csv
from smithkit.server.store import DatasetSelection

if TYPE_CHECKING:
    from starlette.requests import Request

    from smithkit.server.multipart_body import Part

__all__ = ["routes"]

_LISTS = frozenset({"input_keys", "output_keys"})
_JSON = frozenset({"metadata", "inputs_schema_definition", "outputs_schema_definition", "transformations"})


async def _create(request: Request) -> Response:
    body = await read_model(request, DatasetCreate)
    return json_response(await services(request).datasets.create(body.columns()))


async def _upload(request: Request) -> Response:
    own = services(request)
    with own.budget.reserve() as held:
        sink = lambda: own.store.sink(own.limits.spill)  # noqa: E731
        reader = await read_parts(request, own.limits, held, sink, lambda _: False)
        form = _Form(reader.parts)
        columns = check(DatasetCreate, form.fields).columns()
        made = await own.datasets.create(columns, form.examples())
    return json_response(made)


class _Form:
    """The fields of an upload."""

    def __init__(self, parts: list[Part]) -> None:
        self.fields: dict[str, Any] = {}
        self._keys: dict[str, list[str]] = {name: [] for name in _LISTS}
        self._file: bytes | bytearray | None = None
        for part in parts:
            self._add(part)

    def _add(self, part: Part) -> None:
        if part.name == "file":
            self._file = part.data
            self.fields.setdefault("name", part.file_name or "data.csv")
            return
        try:
            text = part.data.decode()
            value = load(part.data) if part.name in _JSON else text
        except ValueError as error:
            raise unprocessable(f"{part.name}: cannot be read: {error}") from error
        if part.name in _LISTS:
            self._keys[part.name].append(text)
        else:
            self.fields[part.name] = value

    def examples(self) -> list[Any]:
        if self._file is None:
            raise unprocessable("file: is missing")
        return read_csv(self._file, self._keys["input_keys"], self._keys["output_keys"])


async def _list(request: Request) -> Response:
    query = request.query_params
    selection = DatasetSelection(
        ids=query_ids(request, "id"),
        name=query.get("name"),
        name_contains=query.get("name_contains"),
        data_type=query.get("data_type"),
        metadata=query_object(request, "metadata"),
        limit=query_int(request, "limit", services(request).limits.page, 1, LARGEST_OFFSET),
        offset=query_int(request, "offset", 0, 0, LARGEST_OFFSET),
    )
    return json_response(await services(request).datasets.find(selection))


async def _read(request: Request) -> Response:
    return json_response(await services(request).datasets.read(path_id(request)))


async def _update(request: Request) -> Response:
    dataset_id = path_id(request)
    body = await read_model(request, DatasetUpdate)
    return json_response(await services(request).datasets.update(dataset_id, body.columns()))


async def _delete(request: Request) -> Response:
    await services(request).datasets.delete(path_id(request))
    return json_response({"message": "Dataset deleted"})


async def _versions(request: Request) -> Response:
    limit = query_int(request, "limit", services(request).limits.page, 1, LARGEST_OFFSET)
    offset = query_int(request, "offset", 0, 0, LARGEST_OFFSET)
    search = request.query_params.get("search")
    return json_response(await services(request).datasets.versions(path_id(request), limit, offset, search))


async def _version(request: Request) -> Response:
    query = request.query_params
    as_of = query.get("tag") or query.get("as_of")
    if as_of is None:
        raise unprocessable("as_of: give it, or a tag")
    return json_response(await services(request).datasets.version(path_id(request), as_of))


async def _diff(request: Request) -> Response:
    query = request.query_params
    ends = [query.get(name) for name in ("from_version", "to_version")]
    begin, end = ends
    if begin is None or end is None:
        raise unprocessable("from_version and to_version: give both")
    return json_response(await services(request).datasets.diff(path_id(request), begin, end))


async def _tag(request: Request) -> Response:
    dataset_id = path_id(request)
    body = await read_model(request, TagChange)
    return json_response(await services(request).datasets.tag(dataset_id, body.as_of, body.tag))


async def _splits(request: Request) -> Response:
    as_of = request.query_params.get("as_of")
    return json_response(await services(request).store.datasets.splits(path_id(request), as_of))


async def _change_splits(request: Request) -> Response:
    dataset_id = path_id(request)
    body = await read_model(request, SplitChange)
    store = services(request).store.datasets
    await store.change_split(dataset_id, body.split_name, body.examples, remove=body.remove)
    return json_response(await store.splits(dataset_id, None))


async def _clone(request: Request) -> Response:
    body = await read_model(request, Clone)
    copies = await services(request).store.datasets.clone(
        body.source_dataset_id, body.target_dataset_id, body.as_of, body.examples, splits=body.split
    )
    return json_response([{"id": copy, "dataset_id": body.target_dataset_id} for copy in copies])


async def _compare(request: Request) -> Response:
    body = await read_model(request, Comparison)
    return json_response(await services(request).comparisons.create(body.columns(), body.experiment_ids))


async def _comparisons(request: Request) -> Response:
    limit = query_int(request, "limit", services(request).limits.page, 1, LARGEST_OFFSET)
    offset = query_int(request, "offset", 0, 0, LARGEST_OFFSET)
    return json_response(await services(request).comparisons.find(path_id(request), limit, offset))


async def _experiment_rows(request: Request) -> Response:
    dataset_id = path_id(request)
    body = await read_model(request, ExperimentRows)
    own = services(request).experiments
    selection = await own.select(
        dataset_id, body.session_ids, body.comparative_experiment_id, body.filters or {}
    )
    page = replace(selection, offset=body.offset, limit=body.limit)
    pieces = own.rows(page, preview=body.preview, comparison=body.comparative_experiment_id)
    return await stream(pieces)


async def _share(request: Request) -> Response:
    dataset_id = path_id(request)
    body = await read_model(request, DatasetShare)
    return json_response(await services(request).dataset_sharing.share(dataset_id, body.share_token))


async def _read_share(request: Request) -> Response:
    return json_response(await services(request).dataset_sharing.read(path_id(request)))


async def _unshare(request: Request) -> Response:
    await services(request).dataset_sharing.unshare(path_id(request))
    return json_response({})


async def _index(request: Request) -> Response:
    await services(request).search.index(path_id(request))
    return json_response({})


async def _sync_index(request: Request) -> Response:
    await services(request).search.sync(path_id(request))
    return json_response({})


async def _drop_index(request: Request) -> Response:
    await services(request).search.drop(path_id(request))
    return json_response({})


async def _search(request: Request) -> Response:
    dataset_id = path_id(request)
    body = await read_model(request, Search)
    found = await services(request).search.search(dataset_id, body.inputs, body.limit, body.filter)
    return json_response(found)


async def _fine_tuning(request: Request) -> Response:
    lines = await services(request).fine_tuning.read(path_id(request))
    return Response(lines, media_type="application/jsonl")


routes = [
    Route("/datasets", _create, methods=["POST"]),
    Route("/datasets", _list, methods=["GET"]),
    Route("/datasets/upload", _upload, methods=["POST"]),
    Route("/datasets/clone", _clone, methods=["POST"]),
    Route("/datasets/comparative", _compare, methods=["POST"]),
    Route("/datasets/{id}", _read, methods=["GET"]),
    Route("/datasets/{id}", _update, methods=["PATCH"]),
    Route("/datasets/{id}", _delete, methods=["DELETE"]),
    Route("/datasets/{id}/versions", _versions, methods=["GET"]),
    Route("/datasets/{id}/versions/diff", _diff, methods=["GET"]),
    Route("/datasets/{id}/version", _version, methods=["GET"]),
    Route("/datasets/{id}/tags", _tag, methods=["PUT"]),
    Route("/datasets/{id}/splits", _splits, methods=["GET"]),
    Route("/datasets/{id}/splits", _change_splits, methods=["PUT"]),
    Route("/datasets/{id}/comparative", _comparisons, methods=["GET"]),
    Route("/datasets/{id}/runs", _experiment_rows, methods=["POST"]),
    Route("/datasets/{id}/share", _share, methods=["PUT"]),
    Route("/datasets/{id}/share", _read_share, methods=["GET"]),
    Route("/datasets/{id}/share", _unshare, methods=["DELETE"]),
    Route("/datasets/{id}/index", _index, methods=["POST"]),
    Route("/datasets/{id}/index", _drop_index, methods=["DELETE"]),
    Route("/datasets/{id}/index/sync", _sync_index, methods=["POST"]),
    Route("/datasets/{id}/search", _search, methods=["POST"]),
    Route("/datasets/{id}/openai_ft", _fine_tuning, methods=["GET"]),
]
