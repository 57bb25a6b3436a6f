"""What every request passes: errors as JSON, who may call, tolerant paths, the key."""

from __future__ import annotations

import hmac
import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy.exc import OperationalError
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from smithkit.server.errors import ApiError, busy, error_response, no_space
from smithkit.server.store.storage import no_room
from smithkit.server.store.writer import WriterClosedError

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["ErrorMiddleware", "GuardMiddleware", "KeyMiddleware", "PathMiddleware"]

_log = logging.getLogger("smithkit.server")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN_PATHS = frozenset({"/info", "/health", "/ok"})
_FROM_ANYWHERE = "/feedback/tokens/"  # pages of any origin may use a token that they were given
_OPEN_PREFIXES = ("/blobs/", "/public/", _FROM_ANYWHERE)  # the URL itself is the right
_PREFIX = "/api/v1"


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
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            _log.debug("the client went away")
        except Exception as error:
            if started or scope["type"] != "http":
                raise
            await error_response(_as_api_error(error, scope))(scope, receive, send)


def _as_api_error(error: Exception, scope: Scope) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, WriterClosedError):
        return busy("The server is shutting down")
    if isinstance(error, OperationalError) and "locked" in str(error.orig):
        return busy("The database is locked by another process")
    if no_room(error):
        _log.error("%s %s was refused, for there is no room: %s", scope["method"], scope["path"], error)
        return no_space(
            "There is no room to store this: the server's disk is full. Nothing of the request was stored"
        )
    _log.error("%s %s failed", scope["method"], scope["path"], exc_info=error)
    return ApiError(500, "Internal server error; the server's log tells more")


class GuardMiddleware:
    """Keeps web pages from using a server that listens on this machine.

    A page of any site may send requests to localhost, and may make its own name resolve there. So the
    Host must be one of ours, and a request that changes something must not come from another origin.

    Args:
        app: What it wraps.
        allowed_hosts: Names that the Host header may give, without port; None allows all.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str] | None) -> None:
        self._app = app
        self._hosts = None if allowed_hosts is None else frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or answer 403."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host = headers.get("host", "").lower()
            if self._hosts is not None and _host_name(host) not in self._hosts:
                raise ApiError(403, f"Host {host!r} is not served here")
            origin = headers.get("origin")
            if (
                origin is not None
                and scope["method"] not in _SAFE_METHODS
                and not scope["path"].removeprefix(_PREFIX).startswith(_FROM_ANYWHERE)
                and urlsplit(origin).netloc.lower() != host
            ):
                raise ApiError(403, "Requests of other origins are refused")
        await self._app(scope, receive, send)


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
        if scope["type"] == "http":
            path = scope["path"]
            if path == _PREFIX or path.startswith(f"{_PREFIX}/"):
                path = path.removeprefix(_PREFIX)
            scope = {**scope, "path": path.rstrip("/") or "/"}
        await self._app(scope, receive, send)


class KeyMiddleware:
    """Asks for the API key, except where none is needed.

    Args:
        app: What it wraps.
        api_key: The key; None asks for none.
    """

    def __init__(self, app: ASGIApp, api_key: str | None) -> None:
        self._app = app
        self._key = None if api_key is None else api_key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or answer 401."""
        if self._key is not None and scope["type"] == "http" and not _is_open(scope["path"]):
            given = next((value for name, value in scope["headers"] if name == b"x-api-key"), b"")
            if not hmac.compare_digest(given, self._key):
                raise ApiError(401, "Invalid or missing API key: send it in the x-api-key header")
        await self._app(scope, receive, send)


def _is_open(path: str) -> bool:
    return path in _OPEN_PATHS or path.startswith(_OPEN_PREFIXES)
