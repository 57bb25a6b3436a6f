"""What every request passes: errors as JSON, who may call, tolerant paths, the key and its workspace."""

from __future__ import annotations

import hmac
import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from smithkit.server.deadlines import SlowReaderError
from smithkit.server.domain.roles import may
from smithkit.server.errors import ApiError, busy, error_response, no_space, unprocessable
from smithkit.server.observing import seen_of
from smithkit.server.services.feedback_tokens import handle_of
from smithkit.server.store.storage import UnavailableError, is_locked, is_too_long, no_room
from smithkit.server.store.writer import WriterClosedError

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from smithkit.server.services import Services
    from smithkit.server.services.workspaces import Workspaces

__all__ = [
    "SERVICES",
    "ErrorMiddleware",
    "GuardMiddleware",
    "HeaderMiddleware",
    "KeyMiddleware",
    "PathMiddleware",
    "is_open",
]

SERVICES = "smithkit.services"
"""Where a request's scope has the services of its workspace."""

_log = logging.getLogger("smithkit.server")
_BEGINNINGS = frozenset({"http.response.start", "websocket.accept", "websocket.close"})
_POLICY_VIOLATION = 1008
_REASON = 100  # characters; WebSocket has room for 123 bytes
_CONNECTIONS = frozenset({"http", "websocket"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_WEBSOCKETS = "POST"  # what goes through them may change anything
_OPEN_PATHS = frozenset({"/info", "/health", "/ok", "/openapi.json"})
_FROM_ANYWHERE = "/feedback/tokens/"  # pages of any origin may use a token that they were given
_OPEN_PREFIXES = ("/blobs/", "/public/", "/api/v2/public/", _FROM_ANYWHERE)  # the URL itself is the right
_LINK = re.compile(r"(?:/api/v2)?/(public|feedback/tokens)/([^/]+)")
_PREFIX = "/api/v1"
_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


class ErrorMiddleware:
    """Turns what went wrong into JSON; the traceback goes to the log alone.

    Args:
        app: What it wraps.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] in _BEGINNINGS
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            _log.debug("the client went away")
        except SlowReaderError:
            _log.info("a client took nothing of its answer for too long and was cut off")
        except Exception as error:
            if scope["type"] == "websocket" and not started and isinstance(error, ApiError):
                await send(
                    {"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": error.detail[:_REASON]}
                )
                return
            if started or scope["type"] != "http":
                raise
            await error_response(_as_api_error(error, scope))(scope, receive, send)


def _as_api_error(error: Exception, scope: Scope) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, WriterClosedError):
        return busy("The server is shutting down")
    if isinstance(error, DBAPIError) and (told := _of_database(error)) is not None:
        return told
    if isinstance(error, UnavailableError):
        _log.error("%s %s was put off: %s", scope["method"], seen_of(scope).route, error)
        return busy("The database server does not answer at present")
    if no_room(error):
        _log.error(
            "%s %s was refused, for there is no room: %s", scope["method"], seen_of(scope).route, error
        )
        return no_space(
            "There is no room to store this: the server's disk is full. Nothing of the request was stored"
        )
    _log.error("%s %s failed", scope["method"], seen_of(scope).route, exc_info=error)
    return ApiError(500, "Internal server error; the server's log tells more")


def _of_database(error: DBAPIError) -> ApiError | None:
    if is_locked(error):
        return busy("The database is locked by another process")
    if error.connection_invalidated:
        return busy("The database cannot be reached")
    return (
        unprocessable("A name or key is too long for the server's database") if is_too_long(error) else None
    )


class HeaderMiddleware:
    """Tells browsers on every answer that it is no page of this site, unless the route has said what it is.

    Args:
        app: What it wraps.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                more = [(name, value) for name, value in _HEADERS if name not in given]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await self._app(scope, receive, watch)


class GuardMiddleware:
    """Keeps web pages from using a server that listens on this machine.

    A page of any site may send requests to localhost, and may make its own name resolve there. So the
    Host must be one of ours, and neither a request that changes something nor a WebSocket, which browsers let any
    page open, must come from another origin.

    Args:
        app: What it wraps.
        allowed_hosts: Names that the Host header may give, without port; None allows all.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str] | None) -> None:
        self._app = app
        self._hosts = None if allowed_hosts is None else frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or answer 403."""
        if scope["type"] in _CONNECTIONS:
            headers = Headers(scope=scope)
            host = headers.get("host", "").lower()
            if self._hosts is not None and _host_name(host) not in self._hosts:
                raise ApiError(403, f"Host {host!r} is not served here")
            origin = headers.get("origin")
            if (
                origin is not None
                and scope.get("method") not in _SAFE_METHODS
                and not scope["path"].removeprefix(_PREFIX).startswith(_FROM_ANYWHERE)
                and not _is_of(origin, host)
            ):
                raise ApiError(403, "Requests of other origins are refused")
        await self._app(scope, receive, send)


def _is_of(origin: str, host: str) -> bool:
    """Tell whether an origin is this host's own; nonsense is nobody's."""
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host
    except ValueError:
        return False


def _host_name(host: str) -> str:
    match = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^:\[\]]*)(?::\d{1,5})?", host)
    return match[1] if match else ""


class PathMiddleware:
    """Makes every route reachable below ``/api/v1`` too, and with slashes at the end.

    Args:
        app: What it wraps.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] in _CONNECTIONS:
            path = scope["path"]
            if path == _PREFIX or path.startswith(f"{_PREFIX}/"):
                path = path.removeprefix(_PREFIX)
            scope = {**scope, "path": path.rstrip("/") or "/"}
        await self._app(scope, receive, send)


class KeyMiddleware:
    """Finds out who calls: which workspace a request is for, and whether its key allows it.

    A key is needed once there is one: the operator's, or one in the database. Without any, whoever reaches the
    server may do everything, so `smithkit serve` listens on this machine alone.

    Args:
        app: What it wraps.
        operator_key: The key that allows everything in every workspace; None for none.
        stored_keys: Whether keys in the database count.
        also_open: Paths that need no key, besides those that never do.
    """

    def __init__(
        self,
        app: ASGIApp,
        operator_key: str | None,
        *,
        stored_keys: bool,
        also_open: Collection[str] = (),
    ) -> None:
        self._app = app
        self._also_open = also_open
        self._operator_key = None if operator_key is None else operator_key.encode()
        self._stored_keys = stored_keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or answer 401 or 403."""
        if scope["type"] in _CONNECTIONS:
            own: Workspaces = scope["app"].state.workspaces
            if is_open(scope["path"]) or scope["path"] in self._also_open:
                services = await _linked(own, scope["path"])
            else:
                services = await self._allowed(own, scope)
            scope = {**scope, SERVICES: services}
        await self._app(scope, receive, send)

    async def _allowed(self, own: Workspaces, scope: Scope) -> Services:
        headers = dict(scope["headers"])
        key, wanted = headers.get(b"x-api-key", b""), _workspace_id(headers.get(b"x-tenant-id", b""))
        if self._operator_key is not None and hmac.compare_digest(key, self._operator_key):
            return await self._chosen(own, wanted)
        grant = await own.keys.grant(key.decode("latin-1")) if key and self._stored_keys else None
        if grant is None:
            if self._operator_key is not None or (self._stored_keys and await own.keys.needed()):
                raise ApiError(401, "Invalid or missing API key: send it in the x-api-key header")
            return await self._chosen(own, wanted)
        if wanted not in {None, grant.workspace_id}:
            raise ApiError(403, "The API key is for another workspace than x-tenant-id names")
        method, path = scope.get("method", _OF_WEBSOCKETS), scope["path"]
        if not may(grant.role, method, path):
            raise ApiError(403, f"The API key's role is {grant.role!r}, which does not allow {method} {path}")
        return own.of(grant.workspace_id)

    @staticmethod
    async def _chosen(own: Workspaces, wanted: UUID | None) -> Services:
        """The workspace that a caller names who may use them all; settings of another server name none of ours."""
        return own.of(wanted) if wanted is not None and await own.has(wanted) else own.default


async def _linked(own: Workspaces, path: str) -> Services:
    """The workspace of what a link shows: whoever has the link needs no key."""
    link = _LINK.match(path)
    if link is None:
        return own.default
    try:
        token = UUID(link[2])
    except ValueError:
        return own.default
    if link[1] == "public":
        owner = await own.directory.owner_of_link(token)
    else:
        owner = await own.directory.owner_of_feedback_token(handle_of(token))
    return own.default if owner is None else own.of(owner)


def _workspace_id(text: bytes) -> UUID | None:
    try:
        return UUID(text.decode("latin-1"))
    except ValueError:
        return None


def is_open(path: str) -> bool:
    """Tell whether a path needs no key."""
    return path in _OPEN_PATHS or path.startswith(_OPEN_PREFIXES)
