"""A route that says what it takes and what it answers: the API's description is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from smithkit.server.observing import seen_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from smithkit.server.routes._queries import Query

__all__ = ["JSON", "PARTS", "PROTOBUF", "Operation"]

JSON = "application/json"
PARTS = "multipart/form-data"
PROTOBUF = "application/x-protobuf"


class Operation(Route):
    """One method of one path.

    Args:
        method: HTTP method.
        path: Path template below ``/api/v1``.
        endpoint: Answers requests.
        summary: What it does, in a line.
        query: Model of the parameters in the URL.
        body: Type of the body, for pydantic.
        accepts: The body's media type.
        answer: Type of the answer, for pydantic; None for one that is no JSON.
        gives: The answer's media type.
        status: The answer's status.
        middleware: Wraps this route alone.
        hidden: Left out of the description: another place of a route that is in it.

    Example:
        >>> Operation("GET", "/info", None, "Say what the server can", answer=dict).method
        'GET'
    """

    def __init__(
        self,
        method: str,
        path: str,
        endpoint: Callable[[Request], Awaitable[Response]],
        summary: str,
        *,
        query: type[Query] | None = None,
        body: Any = None,
        accepts: str = JSON,
        answer: Any = None,
        gives: str = JSON,
        status: int = 200,
        middleware: Sequence[Middleware] | None = None,
        hidden: bool = False,
    ) -> None:
        also = ["OPTIONS"] if middleware else []
        super().__init__(path, endpoint, methods=[method, *also], middleware=middleware)
        self.method = method
        self.summary = summary
        self.query = query
        self.body = body
        self.accepts = accepts
        self.answer = answer
        self.gives = gives
        self.status = status
        self.hidden = hidden

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and note which route it found."""
        seen_of(scope).route = self.path_format
        await super().handle(scope, receive, send)
