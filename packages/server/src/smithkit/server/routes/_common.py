"""What routes share: finding the services, reading arguments, writing JSON."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, ValidationError
from starlette.responses import Response, StreamingResponse

from smithkit.server.body import read_json
from smithkit.server.domain.jsons import dump
from smithkit.server.errors import unprocessable
from smithkit.server.middleware import SERVICES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from smithkit.server.routes._queries import Query
    from smithkit.server.services import Services

__all__ = [
    "base_url",
    "check",
    "json_response",
    "path_id",
    "public",
    "read_model",
    "read_query",
    "services",
    "stream",
]

_Model = TypeVar("_Model", bound=BaseModel)
_Query = TypeVar("_Query", bound="Query")


def services(request: Request) -> Services:
    """Give the services of the workspace that a request is for."""
    return cast("Services", request.scope[SERVICES])


def base_url(request: Request) -> str:
    """Give the URL of this server, as its caller sees it; nothing for one in the same process, which names no host."""
    return f"{request.url.scheme}://{request.url.netloc}" if request.url.netloc else ""


def json_response(value: Any, status: int = 200) -> Response:
    """Answer with JSON; bytes are taken to be JSON already."""
    content = value if isinstance(value, bytes) else dump(value)
    return Response(content, status, media_type="application/json")


def public(response: Response) -> Response:
    """Answer whoever has a link; nothing on the way may keep it, for the link can be taken back."""
    response.headers["cache-control"] = "no-store"
    return response


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


def read_query(request: Request, model: type[_Query]) -> _Query:
    """Read the parameters in the URL as a model.

    Raises:
        ApiError: 422, saying which one is wrong and why.
    """
    given = request.query_params
    many = _lists_of(model)
    return check(model, {name: given.getlist(name) if name in many else given[name] for name in given})


@cache
def _lists_of(model: type[BaseModel]) -> frozenset[str]:
    """The fields that may be given more than once."""
    return frozenset(
        name
        for name, field in model.model_fields.items()
        if any(get_origin(one) is list for one in (field.annotation, *get_args(field.annotation)))
    )


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
