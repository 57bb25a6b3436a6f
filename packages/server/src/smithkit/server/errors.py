"""The one error type of routes and services, and its JSON form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any
    from uuid import UUID

__all__ = [
    "ApiError",
    "bad_request",
    "busy",
    "conflict",
    "error_response",
    "no_space",
    "not_found",
    "problem",
    "too_large",
    "unprocessable",
]


class ApiError(Exception):
    """A request that is refused, with the status and the text that the client shall see.

    Args:
        status: HTTP status.
        detail: What is wrong, in words that the user can act on.
        headers: Further headers of the answer.
        errors: The same item by item, for programs, where a request with many items is refused for some.

    Example:
        >>> ApiError(404, "Run not found").status
        404
    """

    def __init__(
        self,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors: Sequence[Mapping[str, Any]] = list(errors)


def bad_request(detail: str) -> ApiError:
    """Give the error for a body that cannot be read at all."""
    return ApiError(400, detail)


def not_found(what: str) -> ApiError:
    """Give the error for something that is not stored."""
    return ApiError(404, f"{what} not found")


def conflict(detail: str) -> ApiError:
    """Give the error for something that is there already."""
    return ApiError(409, detail)


def too_large(detail: str) -> ApiError:
    """Give the error for a body above one of the caps."""
    return ApiError(413, detail)


def unprocessable(detail: str) -> ApiError:
    """Give the error for a body that can be read but not accepted."""
    return ApiError(422, detail)


def busy(detail: str) -> ApiError:
    """Give the error for a server that will take the same request a little later."""
    return ApiError(503, detail, {"retry-after": "1"})


def problem(example_id: UUID, field: str, message: str) -> dict[str, str]:
    """Give one of the `errors` of an answer: what is wrong with one example."""
    return {"example_id": str(example_id), "field": field, "message": message}


def no_space(detail: str) -> ApiError:
    """Give the error for a server whose disk is full: the same request is taken when there is room again."""
    return ApiError(503, detail, {"retry-after": "10"})


def error_response(error: ApiError) -> JSONResponse:
    """Write an error as the API does: ``{"detail": ...}``, with ``errors`` where it has them item by item."""
    told = {"errors": error.errors} if error.errors else {}
    return JSONResponse({"detail": error.detail, **told}, error.status, error.headers)
