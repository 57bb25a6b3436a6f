"""What routes share: finding the services, reading arguments, writing JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

import orjson
from pydantic import BaseModel, ValidationError
from starlette.responses import Response, StreamingResponse

from smithkit.server.body import read_json
from smithkit.server.domain.jsons import contains, load
from smithkit.server.errors import unprocessable
from smithkit.server.middleware import SERVICES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.requests import Request

    from smithkit.server.services import Services

__all__ = [
    "LARGEST_OFFSET",
    "check",
    "json_response",
    "path_id",
    "query_choice",
    "query_flag",
    "query_ids",
    "query_int",
    "query_object",
    "read_model",
    "services",
    "stream",
]

_Model = TypeVar("_Model", bound=BaseModel)
LARGEST_OFFSET = 2**31
_TRUE = frozenset({"true", "1", "yes"})


def services(request: Request) -> Services:
    """Give the services of the workspace that a request is for."""
    return cast("Services", request.scope[SERVICES])


def json_response(value: Any, status: int = 200) -> Response:
    """Answer with JSON; bytes are taken to be JSON already."""
    content = value if isinstance(value, bytes) else orjson.dumps(value)
    return Response(content, status, media_type="application/json")


async def stream(pieces: AsyncIterator[bytes]) -> Response:
    """Answer piece by piece; the first one is read before, for a refusal can be told only then."""
    first = await anext(pieces)

    async def content() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return StreamingResponse(content(), media_type="application/json")


def path_id(request: Request, name: str = "id") -> UUID:
    """Read a UUID from the path.

    Raises:
        ApiError: 422, it is not one.
    """
    return _id(request.path_params[name], name)


def query_ids(request: Request, name: str) -> list[UUID] | None:
    """Read a repeated UUID from the query; None if it is not given.

    Raises:
        ApiError: 422, one is not a UUID.
    """
    values = request.query_params.getlist(name)
    return [_id(value, name) for value in values] if values else None


def query_flag(request: Request, name: str) -> bool | None:
    """Read a boolean from the query, in any spelling that Python or JavaScript clients use."""
    value = request.query_params.get(name)
    return None if value is None else value.lower() in _TRUE


def query_int(request: Request, name: str, default: int, low: int, high: int) -> int:
    """Read an integer from the query.

    Raises:
        ApiError: 422, it is none, or out of range.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError as error:
        raise unprocessable(f"{name}: must be an integer") from error
    if not low <= value <= high:
        raise unprocessable(f"{name}: must be from {low} to {high}")
    return value


def query_choice(request: Request, name: str, choices: Sequence[str]) -> Any:
    """Read one of some words from the query; None if it is not given.

    Raises:
        ApiError: 422, it is another word.
    """
    value = request.query_params.get(name)
    if value is not None and value not in choices:
        raise unprocessable(f"{name}: must be one of {', '.join(choices)}")
    return value


def query_object(request: Request, name: str) -> dict[str, Any] | None:
    """Read a JSON object from the query; None if it is not given.

    Raises:
        ApiError: 422, it is none, or nested too deeply to be compared with others.
    """
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        value = load(text.encode())
        contains(value, value)
    except (ValueError, RecursionError) as error:
        raise unprocessable(f"{name}: is not valid JSON") from error
    if not isinstance(value, dict):
        raise unprocessable(f"{name}: must be a JSON object")
    return value


def check(model: type[_Model], value: Any) -> _Model:
    """Validate JSON against a model.

    Raises:
        ApiError: 422, saying which field is wrong and why.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise unprocessable("; ".join(problems)) from error


async def read_model(request: Request, model: type[_Model]) -> _Model:
    """Read a JSON body as a model.

    Raises:
        ApiError: 400, 413, 415, 422 or 503.
    """
    own = services(request)
    with own.budget.reserve() as held:
        return check(model, await read_json(request, own.limits, held))


def _id(text: str, name: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise unprocessable(f"{name}: {text!r} is not a UUID") from error
