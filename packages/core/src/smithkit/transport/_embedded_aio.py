"""The embedded backend behind the interface of httpx2."""

from __future__ import annotations

import httpx2

from smithkit.transport._embedded import embedded_server

__all__ = ["EmbeddedTransport"]


class EmbeddedTransport(httpx2.AsyncBaseTransport):
    """Lets an `httpx2.AsyncClient` speak to the embedded backend.

    Args:
        url: ``sqlite:///path``.
    """

    def __init__(self, url: str) -> None:
        self._database_url = url

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request."""
        limits = request.extensions.get("timeout", {})
        try:
            status, headers, content = await embedded_server(self._database_url).arequest(
                request.method,
                request.url.raw_path.decode("ascii"),
                [(name.lower(), value) for name, value in request.headers.raw],
                await request.aread(),
                limits.get("read"),
            )
        except TimeoutError as error:
            raise httpx2.ReadTimeout(str(error), request=request) from error
        except OSError as error:
            raise httpx2.ConnectError(str(error), request=request) from error
        return httpx2.Response(status, headers=headers, content=content, request=request)
