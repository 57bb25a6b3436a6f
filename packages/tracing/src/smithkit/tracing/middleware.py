"""Middleware for web applications: a request that names its caller's run continues that run's trace.

The caller sends the headers of `RunTree.to_headers`. What is traced while the request is served, until
the last piece of the response and its background tasks, becomes a child of the caller's run.
"""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any

from smithkit import environment
from smithkit.tracing._context import current, defaults, split, tracing_context

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping

    ASGIApp = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]
    WSGIApp = Callable[[dict[str, Any], Any], Iterable[bytes]]

__all__ = ["TracingMiddleware", "WSGITracingMiddleware"]

_KINDS = ("http", "websocket")
_TRACE = b"langsmith-trace"
_BAGGAGE = b"baggage"


class TracingMiddleware:
    """ASGI middleware (Starlette, FastAPI, Litestar, Quart …) that continues the traces of callers.

    HTTP requests and websockets with a ``langsmith-trace`` header are served with the caller's run as
    parent; all others are passed on untouched. Headers come from outside: whatever is in them, the
    request is served, and they set no more than `RunTree.from_headers` says.

    Args:
        app: The application.
        enabled: Whether to trace requests that continue a trace. By default they are traced, unless
            tracing is switched off in this process: by the environment (anything but ``true``) or by
            `configure`. True traces them all the same, False never.

    Example:
        >>> async def app(scope, receive, send): ...
        >>> app = TracingMiddleware(app)  # Starlette: app.add_middleware(TracingMiddleware)
    """

    def __init__(self, app: ASGIApp, *, enabled: bool | None = None) -> None:
        self.app = app
        self._enabled = enabled

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve one request."""
        headers = _asgi_headers(scope.get("headers")) if scope.get("type") in _KINDS else None
        if not headers:
            await self.app(scope, receive, send)
            return
        with _continued(headers, self._enabled):
            await self.app(scope, receive, send)


class WSGITracingMiddleware:
    """WSGI middleware (Flask, Django, Bottle …) that continues the traces of callers.

    As `TracingMiddleware`. A request that continues a trace is served in a copy of the context
    (`contextvars`), in which its response's body is made too, whenever the server asks for it.

    Args:
        app: The application.
        enabled: See `TracingMiddleware`.

    Example:
        >>> def app(environ, start_response):
        ...     start_response("200 OK", [])
        ...     return [b"hello"]
        >>> app = WSGITracingMiddleware(app)  # Flask: app.wsgi_app = WSGITracingMiddleware(app.wsgi_app)
    """

    def __init__(self, app: WSGIApp, *, enabled: bool | None = None) -> None:
        self.app = app
        self._enabled = enabled

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve one request."""
        trace = environ.get("HTTP_LANGSMITH_TRACE")
        if not trace:
            return self.app(environ, start_response)
        headers = {_TRACE: trace, _BAGGAGE: environ.get("HTTP_BAGGAGE", "")}
        context = contextvars.copy_context()
        context.run(_continued(headers, self._enabled).__enter__)
        body = context.run(self.app, environ, start_response)
        return body if _is_made(body, environ) else _Body(body, context)


class _Body:
    """A response's body, each piece of it made in the request's context."""

    def __init__(self, body: Iterable[bytes], context: contextvars.Context) -> None:
        self._body = body
        self._context = context
        self._pieces: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._pieces is None:
            self._pieces = self._context.run(iter, self._body)
        return self._context.run(next, self._pieces)

    def close(self) -> None:
        """Tell the application that the response is over, as the standard wants it."""
        close = getattr(self._body, "close", None)
        if close is not None:
            self._context.run(close)


def _is_made(body: Any, environ: dict[str, Any]) -> bool:
    """Whether a body runs no code of the program's: a list, or a file that the server may send by itself."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(body, (list, tuple)) or (isinstance(wrapper, type) and isinstance(body, wrapper))


def _asgi_headers(pairs: Any) -> dict[bytes, bytes]:
    """The headers that matter, if they name a trace: the first one, and all items of baggage."""
    traces: list[bytes] = []
    baggage: list[bytes] = []
    for name, value in pairs or ():
        lowered = name.lower()
        if lowered == _TRACE:
            traces.append(value)
        elif lowered == _BAGGAGE:
            baggage.append(value)
    return {_TRACE: traces[0], _BAGGAGE: b",".join(baggage)} if traces else {}


def _continued(headers: dict[bytes, Any], enabled: bool | None) -> tracing_context:  # noqa: FBT001 - passed on
    """A block below the caller's run; where runs are sent to stays as it is."""
    block = split(current.get())[1]
    return tracing_context(
        parent=headers,
        enabled=_decided(enabled),
        client=None if block is None else block.client,
        replicas=None if block is None else block.replicas,
    )


def _decided(enabled: bool | None) -> bool | None:  # noqa: FBT001 - passed on
    """Whether requests are traced: a caller may join in, but not switch on what is switched off here."""
    if enabled is not None:
        return enabled
    if defaults.enabled is False:
        return False
    said = environment.get("TRACING_V2") or environment.get("TRACING")
    off = said is not None and said != "true" and defaults.enabled is None
    return False if off else None
