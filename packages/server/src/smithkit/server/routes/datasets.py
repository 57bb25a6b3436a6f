"""Datasets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from smithkit.server.domain.jsons import load
from smithkit.server.errors import unprocessable
from smithkit.server.multipart_body import read_parts
from smithkit.server.routes._answers import (
    Comparative,
    Copy,
    Dataset,
    DatasetLink,
    Difference,
    ExampleRuns,
    Found,
    Message,
    Nothing,
    Version,
)
from smithkit.server.routes._common import (
    check,
    json_response,
    path_id,
    read_model,
    read_query,
    services,
    stream,
)
from smithkit.server.routes._dataset_models import (
    AsOf,
    Clone,
    Comparison,
    DatasetCreate,
    DatasetList,
    DatasetShare,
    DatasetUpdate,
    Ends,
    ExperimentRows,
    Search,
    SplitChange,
    TagChange,
    Upload,
    VersionList,
    WhichVersion,
)
from smithkit.server.routes._operation import PARTS, Operation
from smithkit.server.routes._queries import Page
from smithkit.server.services.csv_rows import CsvRows
from smithkit.server.store import DatasetSelection

if TYPE_CHECKING:
    from starlette.requests import Request

    from smithkit.server.multipart_body import Part
    from smithkit.server.store.blobs import StagedBlob

__all__ = ["routes"]

_FILE = "file"
_LISTS = frozenset({"input_keys", "output_keys"})
_JSON = frozenset({"metadata", "inputs_schema_definition", "outputs_schema_definition", "transformations"})


async def _create(request: Request) -> Response:
    body = await read_model(request, DatasetCreate)
    return json_response(await services(request).datasets.create(body.columns()))


async def _upload(request: Request) -> Response:
    own = services(request)
    with own.budget.reserve() as held:
        sink = lambda: own.store.sink(own.limits.spill)  # noqa: E731
        reader = await read_parts(request, own.limits, held, sink, lambda name: name == _FILE)
        try:
            form = _Form(reader.parts)
            columns = check(DatasetCreate, form.fields).columns()
            return json_response(await own.datasets.create(columns, form.rows()))
        finally:
            reader.discard()


class _Form:
    """The fields of an upload."""

    def __init__(self, parts: list[Part]) -> None:
        self.fields: dict[str, Any] = {}
        self._keys: dict[str, list[str]] = {name: [] for name in _LISTS}
        self._file: StagedBlob | None = None
        for part in parts:
            self._add(part)

    def _add(self, part: Part) -> None:
        if part.name == _FILE:
            self._file = part.blob
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

    def rows(self) -> CsvRows:
        if self._file is None:
            raise unprocessable("file: is missing")
        return CsvRows(self._file.open, self._keys["input_keys"], self._keys["output_keys"])


async def _list(request: Request) -> Response:
    query = read_query(request, DatasetList)
    selection = DatasetSelection(
        ids=query.id,
        name=query.name,
        name_contains=query.name_contains,
        data_type=query.data_type,
        metadata=query.metadata,
        limit=query.limit or services(request).limits.page,
        offset=query.offset,
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
    query = read_query(request, VersionList)
    limit = query.limit or services(request).limits.page
    found = await services(request).datasets.versions(path_id(request), limit, query.offset, query.search)
    return json_response(found)


async def _version(request: Request) -> Response:
    query = read_query(request, WhichVersion)
    as_of = query.tag or query.as_of
    if as_of is None:
        raise unprocessable("as_of: give it, or a tag")
    return json_response(await services(request).datasets.version(path_id(request), as_of))


async def _diff(request: Request) -> Response:
    ends = read_query(request, Ends)
    found = await services(request).datasets.diff(path_id(request), ends.from_version, ends.to_version)
    return json_response(found)


async def _tag(request: Request) -> Response:
    dataset_id = path_id(request)
    body = await read_model(request, TagChange)
    return json_response(await services(request).datasets.tag(dataset_id, body.as_of, body.tag))


async def _splits(request: Request) -> Response:
    as_of = read_query(request, AsOf).as_of
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
    page = read_query(request, Page)
    limit = page.limit or services(request).limits.page
    return json_response(await services(request).comparisons.find(path_id(request), limit, page.offset))


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


_ONE = "/datasets/{id}"

routes = [
    Operation("POST", "/datasets", _create, "Make a dataset", body=DatasetCreate, answer=Dataset),
    Operation("GET", "/datasets", _list, "List datasets", query=DatasetList, answer=list[Dataset]),
    Operation(
        "POST",
        "/datasets/upload",
        _upload,
        "Make a dataset of a CSV file",
        body=Upload,
        accepts=PARTS,
        answer=Dataset,
    ),
    Operation("POST", "/datasets/clone", _clone, "Copy examples", body=Clone, answer=list[Copy]),
    Operation(
        "POST",
        "/datasets/comparative",
        _compare,
        "Make a comparative experiment",
        body=Comparison,
        answer=Comparative,
    ),
    Operation("GET", _ONE, _read, "Read a dataset", answer=Dataset),
    Operation("PATCH", _ONE, _update, "Change a dataset", body=DatasetUpdate, answer=Dataset),
    Operation("DELETE", _ONE, _delete, "Delete a dataset and its experiments", answer=Message),
    Operation("GET", f"{_ONE}/versions", _versions, "List versions", query=VersionList, answer=list[Version]),
    Operation("GET", f"{_ONE}/versions/diff", _diff, "Compare versions", query=Ends, answer=Difference),
    Operation("GET", f"{_ONE}/version", _version, "Read a version", query=WhichVersion, answer=Version),
    Operation("PUT", f"{_ONE}/tags", _tag, "Tag a version", body=TagChange, answer=Version),
    Operation("GET", f"{_ONE}/splits", _splits, "List splits", query=AsOf, answer=list[str]),
    Operation(
        "PUT",
        f"{_ONE}/splits",
        _change_splits,
        "Put examples into a split, or take them out",
        body=SplitChange,
        answer=list[str],
    ),
    Operation(
        "GET",
        f"{_ONE}/comparative",
        _comparisons,
        "List comparative experiments",
        query=Page,
        answer=list[Comparative],
    ),
    Operation(
        "POST",
        f"{_ONE}/runs",
        _experiment_rows,
        "List examples with their runs in experiments",
        body=ExperimentRows,
        answer=list[ExampleRuns],
    ),
    Operation(
        "PUT", f"{_ONE}/share", _share, "Share a dataset by link", body=DatasetShare, answer=DatasetLink
    ),
    Operation("GET", f"{_ONE}/share", _read_share, "Read a dataset's link", answer=DatasetLink | None),
    Operation("DELETE", f"{_ONE}/share", _unshare, "Take a dataset's link back", answer=Nothing),
    Operation("POST", f"{_ONE}/index", _index, "Make a dataset searchable", answer=Nothing),
    Operation("DELETE", f"{_ONE}/index", _drop_index, "Make a dataset unsearchable", answer=Nothing),
    Operation("POST", f"{_ONE}/index/sync", _sync_index, "Bring the search up to date", answer=Nothing),
    Operation("POST", f"{_ONE}/search", _search, "Find like examples", body=Search, answer=Found),
    Operation(
        "GET", f"{_ONE}/openai_ft", _fine_tuning, "Write a dataset for fine-tuning", gives="application/jsonl"
    ),
]
