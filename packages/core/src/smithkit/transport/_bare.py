"""Requests of which only status, headers and body are wanted, straight through a session's connection pools.

requests prepares, merges settings and builds responses for most of a millisecond. What sends runs makes
many requests a second to one endpoint, whose settings are found out once.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from smithkit.operations import Response
from smithkit.transport._base import UNTRUSTED, TransmissionError, Wire

__all__ = ["BareRequests"]

_send = HTTPAdapter.send


class BareRequests:
    """Sends plain requests over a session's connections.

    What the session was told since (certificates, adapters, cookies …) is respected: where it matters,
    `send` leaves the request to the session itself.

    Args:
        session: Whose connections to use.
    """

    def __init__(self, session: requests.Session) -> None:
        self._session = session
        self._pools: dict[str, tuple[tuple[Any, ...], HTTPConnectionPool | None]] = {}

    def send(self, wire: Wire) -> Response | None:
        """Send a request.

        Args:
            wire: With a body of bytes.

        Returns:
            The answer; None where this request or session needs what requests does, and nothing was sent.

        Raises:
            TransmissionError: No answer came.
        """
        pool = None if self._needs_requests(wire) else self._pool(wire.url)
        if pool is None:
            return None
        parts = urlsplit(wire.url)
        given = {name.lower() for name in wire.headers}
        headers = {
            name: str(value) for name, value in self._session.headers.items() if name.lower() not in given
        }
        connect, read = wire.timeout
        try:
            answer = pool.urlopen(
                wire.method,
                f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/",
                body=wire.content,
                headers={**headers, **wire.headers},
                retries=False,
                redirect=False,
                timeout=urllib3.Timeout(connect=connect, read=read),
            )
        except (HTTPError, OSError) as error:
            raise _transmission_error(error) from error
        return Response(answer.status, answer.headers, answer.data, wire.url)

    def _needs_requests(self, wire: Wire) -> bool:
        session = self._session
        return bool(
            wire.params
            or wire.files
            or wire.extra
            or wire.follow_redirects
            or not wire.url.isascii()
            or session.auth
            or session.params
            or session.cookies
            or session.hooks.get("response")
            or HTTPAdapter.send is not _send  # a test's library answers in its place
        )

    def _pool(self, url: str) -> HTTPConnectionPool | None:
        """The pool for a URL; None behind a proxy, or an adapter of the caller's own."""
        session = self._session
        adapter = session.get_adapter(url)
        if type(adapter) is not HTTPAdapter:
            return None
        settings = (adapter, session.verify, session.cert, session.trust_env, dict(session.proxies))
        origin = url[: url.find("/", url.find("://") + 3)]
        known = self._pools.get(origin)
        if known is None or known[0] != settings:
            known = self._pools[origin] = (settings, self._find(url, adapter))
        return known[1]

    def _find(self, url: str, adapter: HTTPAdapter) -> HTTPConnectionPool | None:
        merged = self._session.merge_environment_settings(url, {}, None, None, None)
        if select_proxy(url, merged["proxies"]):
            return None
        prepared = requests.Request("POST", url).prepare()
        found = adapter.get_connection_with_tls_context(prepared, merged["verify"], cert=merged["cert"])
        return found if isinstance(found, HTTPConnectionPool) else None


def _transmission_error(error: Exception) -> TransmissionError:
    if isinstance(error, SSLError):
        return TransmissionError(UNTRUSTED, sent=True, final=True)
    if isinstance(error, NewConnectionError):
        kind = (isinstance(error.__cause__, OSError) and error.__cause__.strerror) or type(error).__name__
        return TransmissionError(f"the server cannot be reached ({kind}). Is it up, and the endpoint right?")
    if isinstance(error, ConnectTimeoutError):
        return TransmissionError("no connection in time. Check the endpoint, the network and timeout_ms.")
    if isinstance(error, ReadTimeoutError | TimeoutError):
        return TransmissionError("no answer in time; see timeout_ms.", sent=True)
    kind = (isinstance(error, OSError) and error.strerror) or type(error).__name__
    return TransmissionError(f"the answer broke off ({kind}).", sent=True)
