"""The in-process transport: the embedded backend behind the interfaces of requests and httpx2.

No socket is opened. The backend's application is the one that `smithkit serve` serves.
"""

from __future__ import annotations

import io
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPHeaderDict
from urllib3.response import HTTPResponse

from smithkit.errors import MissingPackageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Embedded", "EmbeddedAdapter", "Headers", "embedded_server"]

Headers = list[tuple[bytes, bytes]]


class Embedded(Protocol):
    """What `smithkit.server.embedded(url)` gives."""

    def request(
        self, method: str, path: str, headers: Headers, body: bytes | Iterable[bytes], timeout: float | None
    ) -> tuple[int, Headers, bytes]:
        """Answer a request; callable from any thread."""
        ...

    async def arequest(
        self,
        method: str,
        path: str,
        headers: Headers,
        body: bytes | Iterable[bytes],
        timeout: float | None,  # noqa: ASYNC109 - crosses threads, where asyncio.timeout does not reach
    ) -> tuple[int, Headers, bytes]:
        """Answer a request; callable from any event loop."""
        ...


def embedded_server(url: str) -> Embedded:
    """The backend on a database file of this process.

    Args:
        url: ``sqlite:///path``.

    Raises:
        MissingPackageError: `smithkit-server` is not installed.
    """
    try:
        server = import_module("smithkit.server")
    except ImportError as error:
        raise MissingPackageError(
            f"{url} needs the embedded backend: pip install 'smithkit-core[server]'"
        ) from error
    backend: Embedded = server.embedded(url)
    return backend


class EmbeddedAdapter(BaseAdapter):
    """Lets a `requests.Session` speak to the embedded backend.

    Args:
        url: ``sqlite:///path``.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self._database_url = url

    def send(  # noqa: PLR0917 - requests' interface
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002, ARG002
        timeout: Any = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002, ARG002
        cert: Any = None,  # noqa: ARG002
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> requests.Response:
        """Answer a prepared request."""
        parts = urlsplit(request.url or "")
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        limit = timeout[1] if isinstance(timeout, tuple) else timeout
        try:
            status, headers, content = embedded_server(self._database_url).request(
                str(request.method), path, _raw_headers(request.headers), _body(request.body), limit
            )
        except TimeoutError as error:
            raise requests.exceptions.ReadTimeout(str(error), request=request) from error
        except OSError as error:  # the file cannot be made or opened
            raise requests.exceptions.ConnectionError(error, request=request) from error
        raw = HTTPResponse(
            body=io.BytesIO(content),
            headers=HTTPHeaderDict(
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers
            ),
            status=status,
            preload_content=False,
        )
        return _as_requests(request, raw)

    def close(self) -> None:
        """Nothing to close: the backend belongs to the process."""


def _as_requests(request: requests.PreparedRequest, raw: HTTPResponse) -> requests.Response:
    response = requests.Response()
    response.status_code = raw.status
    response.headers = CaseInsensitiveDict(raw.headers)
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    response.raw = raw
    response.url = request.url or ""
    response.request = request
    return response


def _raw_headers(headers: Mapping[str, str | bytes]) -> Headers:
    return [(_latin(name).lower(), _latin(value)) for name, value in headers.items()]


def _latin(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def _body(body: Any) -> bytes | Iterable[bytes]:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes):
        return body
    if hasattr(body, "read"):
        return iter(lambda: body.read(1 << 20), b"")
    pieces: Iterable[bytes] = body
    return pieces
