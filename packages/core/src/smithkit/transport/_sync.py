"""The synchronous transport, on requests."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

from smithkit.delivery import DeliveryReport
from smithkit.operations import Request, Response, Together, drive
from smithkit.transport._bare import BareRequests
from smithkit.transport._base import EMBEDDED_BASE, UNTRUSTED, TransmissionError, Transport, Wire, proxy_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Literal, Self

    from smithkit.config import Config
    from smithkit.plugins import ClientHooks
    from smithkit.schemas import LangSmithInfo

__all__ = ["SyncTransport"]

_POOL_SIZE = 33
_FINAL = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidHeader,
)


class SyncTransport(Transport):
    """Sends the requests of a `Client`, in the caller's thread.

    Args:
        config: The client's settings.
        hooks: The hooks that see its requests.
        session: A session of the caller's own, with its proxies, certificates and adapters.
    """

    asynchronous = False

    def __init__(self, config: Config, hooks: ClientHooks, session: requests.Session | None = None) -> None:
        super().__init__(config, hooks)
        self._owns_session = session is None
        self.session: requests.Session = _new_session() if session is None else session
        """The `requests.Session` in use."""
        self._bare = BareRequests(self.session) if session is None else None
        if config.embedded:
            from smithkit.transport._embedded import EmbeddedAdapter

            self.session.mount(EMBEDDED_BASE, EmbeddedAdapter(config.api_url))
        _all.add(self)

    def send(self, request: Request) -> Response:
        """Send one request, with retries and hooks.

        Args:
            request: What to send.

        Returns:
            The accepted answer.

        Raises:
            LangSmithError: It could not be sent, was not understood, or was refused.
        """
        return drive(self._exchange(request), self._step)

    def perform(self, step: Any) -> Any:
        """Do what a flow asks for: send a `Request`, run flows `Together`, or wait: some seconds, or for a `Future`."""
        if isinstance(step, Request):
            return self.send(step)
        if isinstance(step, Together):
            from smithkit.transport._together import run_in_threads

            return run_in_threads(step, self.perform)
        return time.sleep(step) if isinstance(step, int | float) else step.result()

    def request_with_retries(
        self,
        /,
        method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
        pathname: str,
        *,
        request_kwargs: Mapping[str, Any] | None = None,
        stop_after_attempt: int = 1,
        retry_on: Sequence[type[BaseException]] | None = None,
        to_ignore: Sequence[type[BaseException]] | None = None,
        handle_response: Callable[[requests.Response, int], Any] | None = None,
        _context: str = "",
        **kwargs: Any,
    ) -> requests.Response:
        """Send a request of your own with the client's credentials, retries and error mapping.

        Args:
            method: HTTP method.
            pathname: Path below the API URL, or an absolute URL. Credentials only go to the
                origins that they were given for.
            request_kwargs: Arguments for requests (`params`, `json`, `data`, `headers` …).
            stop_after_attempt: Attempts in all, above the transport's own retries.
            retry_on: Error classes to try again on, beside connection errors, 408, 429 and 500.
            to_ignore: Error classes whose response is returned instead of raised.
            handle_response: Called with (response, attempt); a true result asks for another attempt.
            kwargs: As `request_kwargs`, and before them.

        Returns:
            The `requests.Response`.

        Raises:
            LangSmithError: By status, see `smithkit.errors`.

        Example:
            >>> client.request_with_retries("GET", "/info").json()["version"]  # doctest: +SKIP
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
        response: requests.Response = drive(flow, self.perform)
        return response

    @property
    def info(self) -> LangSmithInfo:
        """What the server says about itself (``GET /info``), asked once.

        Raises:
            LangSmithError: The server could not be asked.
        """
        info: LangSmithInfo = drive(self._server_info(), self.perform)
        return info

    def blocking(self) -> SyncTransport:
        """A synchronous transport with this client's settings; here, the client itself."""
        return self

    def close(self) -> DeliveryReport:
        """Close the connections; a session of the caller's own stays open.

        Returns:
            An empty report: nothing waits in a transport.
        """
        if self._owns_session:
            self.session.close()
        return DeliveryReport()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _forget_connections(self) -> None:
        """In a forked child: the open connections are the parent's, where their answers belong."""
        for prefix, adapter in list(self.session.adapters.items()):
            if type(adapter) is HTTPAdapter:
                self.session.mount(prefix, _new_adapter())

    def _step(self, step: Any) -> Any:
        return self._transmit(step) if isinstance(step, Wire) else time.sleep(step)

    def _transmit(self, wire: Wire) -> Response:
        if wire.bare and self._bare is not None and (answer := self._bare.send(wire)) is not None:
            return answer
        extra = dict(wire.extra)
        if self.session.auth is None or wire.follow_redirects:
            extra.setdefault("auth", _leave_headers_alone)
        try:
            raw = self.session.request(
                wire.method,
                wire.url,
                params=wire.params,
                data=wire.content,
                files=wire.files,
                headers=wire.headers,
                timeout=wire.timeout,
                allow_redirects=extra.pop("allow_redirects", wire.follow_redirects),
                **extra,
            )
        except _FINAL as error:
            raise TransmissionError(
                f"this is not a URL that can be asked ({type(error).__name__}). Check the endpoint's URL.",
                final=True,
            ) from None
        except requests.exceptions.RequestException as error:
            raise _transmission_error(error) from error
        return Response(raw.status_code, raw.headers, raw.content, raw.url, raw)


def _new_session() -> requests.Session:
    session = requests.Session()
    adapter = _new_adapter()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _new_adapter() -> HTTPAdapter:
    return HTTPAdapter(pool_connections=_POOL_SIZE, pool_maxsize=_POOL_SIZE, max_retries=0)


_all: WeakSet[SyncTransport] = WeakSet()


def _after_fork() -> None:
    for transport in list(_all):
        if transport._owns_session:  # noqa: SLF001 - the same module
            transport._forget_connections()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _leave_headers_alone(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from replacing our Authorization header by an entry of ~/.netrc."""
    return prepared


def _transmission_error(error: requests.exceptions.RequestException) -> TransmissionError:
    kinds = requests.exceptions
    cause = _innermost(error)
    if isinstance(error, kinds.ProxyError):
        return proxy_error(str(cause))
    if isinstance(error, kinds.SSLError):
        return TransmissionError(UNTRUSTED, sent=True, final=True)
    if isinstance(error, kinds.ConnectTimeout):
        return TransmissionError("no connection in time. Check the endpoint, the network and timeout_ms.")
    if isinstance(error, kinds.ReadTimeout) or isinstance(cause, ReadTimeoutError | TimeoutError):
        return TransmissionError("no answer in time; see timeout_ms.", sent=True)
    if isinstance(error, kinds.ConnectionError) and _never_connected(error):
        return TransmissionError(
            f"the server cannot be reached ({_kind(cause)}). Is it up, and the endpoint right?"
        )
    return TransmissionError(f"the answer broke off ({_kind(cause)}).", sent=True)


def _never_connected(error: requests.exceptions.ConnectionError) -> bool:
    """Whether the server cannot have seen the request: then it is safe to send it again."""
    inner = error.args[0] if error.args else None
    return isinstance(getattr(inner, "reason", inner), ConnectTimeoutError | NewConnectionError)


def _kind(error: BaseException) -> str:
    """What an error is; its text may hold addresses with credentials."""
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__


def _innermost(error: BaseException) -> BaseException:
    """The error that all others were made of."""
    seen = {id(error)}
    while True:
        inner = error.__cause__ or error.__context__ or getattr(error, "reason", None)
        if inner is None and error.args and isinstance(error.args[0], BaseException):
            inner = error.args[0]
        if not isinstance(inner, BaseException) or id(inner) in seen:
            return error
        seen.add(id(inner))
        error = inner
