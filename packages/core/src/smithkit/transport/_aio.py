"""The asynchronous transport, on httpx2."""

from __future__ import annotations

import asyncio
from asyncio import get_running_loop
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

from smithkit.delivery import DeliveryReport
from smithkit.errors import MissingPackageError
from smithkit.operations import Request, Response, Together, adrive
from smithkit.transport._base import UNTRUSTED, TransmissionError, Transport, Wire, proxy_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from typing import Literal, Self

    import httpx2

    from smithkit.config import Config
    from smithkit.plugins import ClientHooks
    from smithkit.schemas import LangSmithInfo
    from smithkit.transport._sync import SyncTransport

__all__ = ["AsyncTransport"]

_PIECE = 1 << 18


class AsyncTransport(Transport):
    """Sends the requests of an `AsyncClient`, on the running event loop.

    Args:
        config: The client's settings.
        hooks: The hooks that see its requests.

    Raises:
        MissingPackageError: httpx2 is not installed.
    """

    asynchronous = True

    def __init__(self, config: Config, hooks: ClientHooks) -> None:
        super().__init__(config, hooks)
        self.session: httpx2.AsyncClient = _new_client(config)
        """The `httpx2.AsyncClient` in use."""
        self._own_session = self.session
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = WeakKeyDictionary()
        self._in_use = False
        self._blocking: SyncTransport | None = None

    async def send(self, request: Request) -> Response:
        """Send one request, with retries and hooks.

        Args:
            request: What to send.

        Returns:
            The accepted answer.

        Raises:
            LangSmithError: It could not be sent, was not understood, or was refused.
        """
        return await adrive(self._exchange(request), self._step)

    async def perform(self, step: Any) -> Any:
        """Do what a flow asks for: send a `Request`, run flows `Together`, or wait: some seconds, or for a `Future`."""
        if isinstance(step, Request):
            return await self.send(step)
        if isinstance(step, Together):
            from smithkit.transport._together import run_in_tasks

            return await run_in_tasks(step, self.perform)
        return await (asyncio.sleep(step) if isinstance(step, int | float) else asyncio.wrap_future(step))

    async def request_with_retries(
        self,
        /,
        method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
        pathname: str,
        *,
        request_kwargs: Mapping[str, Any] | None = None,
        stop_after_attempt: int = 1,
        retry_on: Sequence[type[BaseException]] | None = None,
        to_ignore: Sequence[type[BaseException]] | None = None,
        handle_response: Callable[[httpx2.Response, int], Any] | None = None,
        _context: str = "",
        **kwargs: Any,
    ) -> httpx2.Response:
        """Send a request of your own; see `Client.request_with_retries`.

        Returns:
            The `httpx2.Response`.

        Raises:
            LangSmithError: By status, see `smithkit.errors`.
        """
        flow = self._request_with_retries(
            method,
            pathname,
            request_kwargs=request_kwargs,
            stop_after_attempt=stop_after_attempt,
            retry_on=retry_on,
            to_ignore=to_ignore,
            handle_response=handle_response,
            context=_context,
            kwargs=kwargs,
        )
        response: httpx2.Response = await adrive(flow, self.perform)
        return response

    @property
    def info(self) -> Awaitable[LangSmithInfo]:
        """An awaitable of what the server says about itself (``GET /info``), asked once."""
        return adrive(self._server_info(), self.perform)

    def blocking(self) -> SyncTransport:
        """A synchronous transport with this client's settings, for what works in threads."""
        if self._blocking is None:
            from smithkit.transport._sync import SyncTransport

            self._blocking = SyncTransport(self.config, self.hooks)
        return self._blocking

    async def aclose(self) -> DeliveryReport:
        """Close the connections.

        Returns:
            An empty report: nothing waits in a transport.
        """
        if self._blocking is not None:
            self._blocking.close()
        await self._session_here().aclose()
        return DeliveryReport()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _step(self, step: Any) -> Any:
        return await (self._transmit(step) if isinstance(step, Wire) else asyncio.sleep(step))

    def _session_here(self) -> httpx2.AsyncClient:
        """The session of the running event loop: connections that another loop has opened cannot be used."""
        if self.session is not self._own_session:
            return self.session
        loop = get_running_loop()
        if loop not in self._sessions:
            self._sessions[loop] = _new_client(self.config) if self._in_use else self.session
            self._in_use = True
        return self._sessions[loop]

    async def _transmit(self, wire: Wire) -> Response:
        import httpx2

        connect, read = wire.timeout
        extra = dict(wire.extra)
        form = wire.files is not None and isinstance(wire.content, Mapping)
        try:
            raw = await self._session_here().request(
                wire.method,
                wire.url,
                params=wire.params,
                content=None if form else _content(wire.content),
                data=wire.content if form else None,
                files=wire.files,
                headers=wire.headers,
                timeout=httpx2.Timeout(read, connect=connect),
                follow_redirects=extra.pop("allow_redirects", wire.follow_redirects),
                **extra,
            )
        except (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError, httpx2.InvalidURL) as error:
            raise TransmissionError(
                f"this is not a URL that can be asked ({type(error).__name__}). Check the endpoint's URL.",
                final=True,
            ) from None
        except httpx2.RequestError as error:
            raise _transmission_error(error) from error
        return Response(raw.status_code, raw.headers, raw.content, str(raw.url), raw)


def _new_client(config: Config) -> httpx2.AsyncClient:
    try:
        import httpx2
    except ImportError as error:
        raise MissingPackageError("AsyncClient needs httpx2: pip install 'smithkit-core[async]'") from error
    if config.embedded:
        from smithkit.transport._embedded_aio import EmbeddedTransport

        return httpx2.AsyncClient(transport=EmbeddedTransport(config.api_url))
    return httpx2.AsyncClient()


def _content(content: Any) -> Any:
    """Bytes as they are; files a piece at a time; collections of bytes joined: httpx2 takes no sync iterables."""
    if content is None or isinstance(content, bytes | str):
        return content
    if isinstance(content, Mapping):
        return urlencode(content, doseq=True).encode()
    return _pieces(content) if hasattr(content, "read") else b"".join(content)


async def _pieces(file: Any) -> AsyncIterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _transmission_error(error: httpx2.RequestError) -> TransmissionError:
    import httpx2

    if isinstance(error, httpx2.ProxyError):
        return proxy_error(str(error))
    if isinstance(error, httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return TransmissionError("no connection in time. Check the endpoint, the network and timeout_ms.")
    if isinstance(error, httpx2.TimeoutException):
        return TransmissionError("no answer in time; see timeout_ms.", sent=True)
    if isinstance(error, httpx2.ConnectError) and "CERTIFICATE" in str(error):
        return TransmissionError(UNTRUSTED, sent=True, final=True)
    if isinstance(error, httpx2.ConnectError):
        return TransmissionError("the server cannot be reached. Is it up, and the endpoint right?")
    return TransmissionError(f"the answer broke off ({type(error).__name__}).", sent=True)
