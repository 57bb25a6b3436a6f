"""The API's description, OpenAPI 3.1, made of what the routes say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from smithkit.server import __version__
from smithkit.server.middleware import is_open
from smithkit.server.routes._answers import Json, Problem
from smithkit.server.routes._common import json_response
from smithkit.server.routes._operation import JSON, Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic.json_schema import JsonSchemaMode
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["describe", "routes"]

_REF = "#/components/schemas/{model}"
_UUID = {"type": "string", "format": "uuid"}
_TEXT = {"type": "string", "minLength": 1}
# What stands in paths, other than ids.
_PATH_TYPES: dict[str, Json] = {
    "index": {"type": "integer", "minimum": 0},
    **dict.fromkeys(("commit", "name", "owner", "tag", "thread_id"), _TEXT),
}
_REFUSALS = {
    400: "The body cannot be read.",
    401: "The API key is missing or wrong.",
    403: "This may not be done.",
    404: "Something that the request names is not there.",
    409: "It is there already, or it contradicts what is there.",
    413: "The body is too large.",
    415: "The body's encoding or type is not supported.",
    422: "A parameter or a field is wrong; the detail says which and why.",
    501: "This server lacks what this needs.",
    503: "The server is busy, or its disk is full: try again after Retry-After seconds.",
}
_ALWAYS = (403, 503)
_WITH_KEY = (401,)
_WITH_PATH = (404, 409, 422)
_WITH_QUERY = (404, 422)
_WITH_BODY = (400, 404, 409, 413, 415, 422, 501)


def describe(operations: Iterable[Operation]) -> Json:
    """Write the description.

    Args:
        operations: The routes.

    Returns:
        An OpenAPI 3.1 document.

    Example:
        >>> describe([])["openapi"]
        '3.1.0'
    """
    shown = [one for one in operations if not one.hidden]
    schemas, components = _schemas(shown)
    paths: Json = {}
    for one in shown:
        paths.setdefault(one.path_format, {})[one.method.lower()] = _describe(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "smithkit", "version": __version__, "description": "The LangSmith API."},
        "servers": [{"url": "/api/v1"}, {"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
        },
    }


def _schemas(operations: list[Operation]) -> tuple[dict[tuple[int, JsonSchemaMode], Json], Json]:
    """Give the schema of every type that is sent or answered, and the components that they refer to."""
    asked: dict[tuple[int, JsonSchemaMode], Any] = {(id(Problem), "serialization"): Problem}
    for one in operations:
        asked |= {(id(kind), "validation"): kind for kind in (one.body, one.query) if kind is not None}
        if one.answer is not None:
            asked[id(one.answer), "serialization"] = one.answer
    found, definitions = TypeAdapter.json_schemas(
        [(key, mode, TypeAdapter(kind)) for (key, mode), kind in asked.items()], ref_template=_REF
    )
    return dict(found), definitions.get("$defs", {})


def _describe(one: Operation, schemas: dict[tuple[int, JsonSchemaMode], Json]) -> Json:
    problem = {"content": {JSON: {"schema": schemas[id(Problem), "serialization"]}}}
    answer = {} if one.answer is None else schemas[id(one.answer), "serialization"]
    told: Json = {
        "operationId": f"{one.method} {one.path_format}",
        "summary": one.summary,
        "tags": [one.endpoint.__module__.rpartition(".")[2]],
        "parameters": [*_path_parameters(one), *_query_parameters(one)],
        "responses": {
            str(one.status): {"description": one.summary, "content": {one.gives: {"schema": answer}}},
            **{str(status): {"description": _REFUSALS[status], **problem} for status in _refusals(one)},
        },
        "security": [] if is_open(one.path_format) else [{"key": []}, {}],
    }
    if one.body is not None:
        schema = schemas[id(one.body), "validation"]
        told["requestBody"] = {"required": True, "content": {one.accepts: {"schema": schema}}}
    return told


def _refusals(one: Operation) -> list[int]:
    found = {
        *_ALWAYS,
        *(() if is_open(one.path_format) else _WITH_KEY),
        *(_WITH_PATH if one.param_convertors else ()),
        *((404,) if one.answer is None else ()),
        *(_WITH_QUERY if one.query is not None else ()),
        *(_WITH_BODY if one.body is not None else ()),
    }
    return sorted(found)


def _path_parameters(one: Operation) -> Iterator[Json]:
    for name in one.param_convertors:
        yield {"name": name, "in": "path", "required": True, "schema": _PATH_TYPES.get(name, _UUID)}


def _query_parameters(one: Operation) -> Iterator[Json]:
    if one.query is None:
        return
    schema = one.query.model_json_schema(ref_template=_REF)
    for name, field in schema["properties"].items():
        required = name in schema.get("required", ())
        yield {"name": name, "in": "query", "required": required, "schema": _without_null(field)}


def _without_null(field: Json) -> Json:
    """A URL knows no null: what is not given is left out."""
    options = [option for option in field.pop("anyOf", ()) if option != {"type": "null"}]
    if field.get("default", ...) is None:
        del field["default"]
    return field | (options[0] if len(options) == 1 else {"anyOf": options} if options else {})


async def _read(request: Request) -> Response:
    state = request.app.state
    if not hasattr(state, "description"):
        state.description = describe(one for one in request.app.routes if isinstance(one, Operation))
    return json_response(state.description)


routes = [Operation("GET", "/openapi.json", _read, "Describe the API", answer=Json)]
