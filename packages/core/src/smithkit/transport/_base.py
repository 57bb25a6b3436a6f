"""What both transports share: everything about a request but the I/O itself."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smithkit import auth, retry
from smithkit._version import __version__
from smithkit.config import Config, host_url
from smithkit.errors import LangSmithConnectionError, LangSmithError, LangSmithUserError
from smithkit.operations import Methods, Request, Response
from smithkit.transport._status import refusal

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from smithkit.plugins import ClientHooks

__all__ = ["EMBEDDED_BASE", "TransmissionError", "Transport", "Wire"]

EMBEDDED_BASE = "http://smithkit.embedded"
"""Stands for the base URL of the backend in this process."""


@dataclass(slots=True)
class Wire:
    """A request as it goes out: with its URL, headers and encoded body."""

    method: str
    url: str
    headers: dict[str, str]
    params: list[tuple[str, Any]] | None
    content: Any
    files: Any
    timeout: tuple[float, float]
    follow_redirects: bool
    extra: Mapping[str, Any] = field(default_factory=dict)


class TransmissionError(Exception):
    """No answer came.

    Attributes:
        sent: Whether the server may have seen the request.
        final: Whether trying again is of no use (a bad URL, an untrusted certificate).
    """

    def __init__(self, reason: str, *, sent: bool = False, final: bool = False) -> None:
        super().__init__(reason)
        self.sent = sent
        self.final = final


class Transport(Methods):
    """State and rules of a client's connection; subclasses add the I/O.

    Args:
        config: The client's settings.
        hooks: The hooks that see its requests.
    """

    def __init__(self, config: Config, hooks: ClientHooks) -> None:
        self.config = config
        self.hooks = hooks
        self.state = {}
        self.api_key: str | None = config.api_key
        """Key sent with each request; may be set later."""
        self.workspace_id: str | None = config.workspace_id
        """Workspace that requests act in; may be set later."""
        self.retry_config = retry.policy(config.retry)
        """Retry policy of this client."""
        self._info: Any = None

    @property
    def api_url(self) -> str:
        """Base URL of the API, or ``sqlite:///…`` for the embedded backend."""
        return self.config.api_url

    @property
    def timeout_ms(self) -> tuple[int, int]:
        """Milliseconds to connect and to read."""
        return self.config.timeout_ms

    @property
    def _host_url(self) -> str:
        return host_url(self.config)

    def __repr__(self) -> str:
        return f"{type(self).__name__} (API URL: {self.api_url})"

    # ------------------------------------------------------------------ one request

    def _exchange(self, request: Request) -> Generator[Any, Any, Response]:
        """Send a request until its answer stands: yields `Wire`s and seconds to wait."""
        self.hooks.notify("before_request", request=request)
        wire = self._wire(request)
        attempts = retry.Attempts(self.retry_config, wire.method, wire.url, request.deadline)
        try:
            while True:
                wait: float | None = None
                try:
                    response: Response = yield wire
                except TransmissionError as error:
                    if request.retries and not error.final:
                        wait = attempts.after_error(sent=error.sent)
                    if wait is None:
                        kind = (
                            LangSmithUserError if error.final and not error.sent else LangSmithConnectionError
                        )
                        raise kind(f"{wire.method} {_without_secrets(wire.url)}: {error}") from error
                else:
                    if request.retries:
                        wait = attempts.after_response(response.status_code, response.headers)
                    if wait is None:
                        refused = refusal(wire.method, response)
                        if refused is not None:
                            refused.response = response  # type: ignore[attr-defined]
                            raise refused
                        self.hooks.notify("after_response", request=request, response=response)
                        return response
                yield wait
        except LangSmithError as error:
            self.hooks.notify("on_request_error", request=request, error=error)
            raise

    def _wire(self, request: Request) -> Wire:
        url = self._url(request)
        content: Any = request.content if request.content is not None else request.data
        headers = {} if request.anonymous else self._headers(url)
        if request.json is not None:
            content = json.dumps(request.json, default=_encode_scalar).encode()
        if content is not None and request.files is None and request.method != "GET":
            headers["Content-Type"] = "application/json"
        for name, value in request.headers.items():
            _set_header(headers, name, value)
        return Wire(
            method=request.method,
            url=url,
            headers=headers,
            params=_query(request.params),
            content=content,
            files=request.files,
            timeout=request.timeout or self.config.timeout,
            follow_redirects=request.anonymous,
            extra=request.extra,
        )

    def _url(self, request: Request) -> str:
        if request.path.startswith(("http://", "https://")):
            return request.path
        base = (request.endpoint or self.config.api_url).rstrip("/")
        if base.startswith("sqlite:"):
            base = EMBEDDED_BASE
        path = request.path.lstrip("/")
        if path.startswith("api/"):
            base = (
                base.removesuffix("/v1").removesuffix("/api") if base.endswith(("/api", "/api/v1")) else base
            )
        return f"{base}/{path}"

    def _headers(self, url: str) -> dict[str, str]:
        """The client's headers for a URL; credentials only go to the origins that they were given for."""
        headers = {
            "User-Agent": f"smithkit-py/{__version__}",
            "Accept": "application/json",
            **self.config.headers,
        }
        for endpoint in (self.config.api_url, *self.config.write_endpoints):
            if _origin(url) == _origin(endpoint):
                credentials = auth.headers(
                    self.hooks, self.config, api_key=self._key_for(url), workspace_id=self.workspace_id
                )
                for name, value in credentials.items():
                    _set_header(headers, name, value)
                break
        return headers

    def _key_for(self, url: str) -> str | None:
        for endpoint, key in self.config.write_endpoints.items():
            if endpoint != self.config.api_url and url.startswith(f"{endpoint}/"):
                return key
        return self.api_key

    # ------------------------------------------------------------------ the reference's own request method

    def _request_with_retries(
        self,
        method: str,
        pathname: str,
        *,
        request_kwargs: Mapping[str, Any] | None,
        stop_after_attempt: int,
        retry_on: Sequence[type[BaseException]] | None,
        to_ignore: Sequence[type[BaseException]] | None,
        handle_response: Any,
        context: str,
        kwargs: dict[str, Any],
    ) -> Generator[Any, Any, Any]:
        """One request with application-level retries, returning the HTTP library's response."""
        request = _request_from_kwargs(method, pathname, {**(request_kwargs or {}), **kwargs}, request_kwargs)
        ignored = tuple(to_ignore or ())
        pause = retry.ApplicationRetries(tuple(retry_on or ()))
        for attempt in range(1, stop_after_attempt + 1):
            last = attempt == stop_after_attempt
            try:
                response: Response = yield request
            except ignored as error:
                answer = getattr(error, "response", None)
                return None if answer is None else answer.raw
            except LangSmithError as error:
                wait = None if last else pause.after(error, attempt - 1)
                if wait is None:
                    if context:
                        error.add_note(context)
                    raise
                yield wait
            else:
                if handle_response is None or last or not handle_response(response.raw, attempt):
                    return response.raw
        raise LangSmithUserError(f"stop_after_attempt must be at least 1, not {stop_after_attempt}.")

    def _server_info(self) -> Generator[Any, Any, Any]:
        """What the server says about itself, asked once."""
        from smithkit.schemas import LangSmithInfo

        if self._info is None:
            if self.config.info is not None:
                given = self.config.info
                self._info = (
                    given if isinstance(given, LangSmithInfo) else LangSmithInfo.model_validate(given)
                )
            else:
                response = yield Request("GET", "/info")
                self._info = LangSmithInfo.model_validate(response.json())
        return self._info


def _request_from_kwargs(
    method: str, pathname: str, kwargs: dict[str, Any], base: Mapping[str, Any] | None
) -> Request:
    headers = {**((base or {}).get("headers") or {}), **(kwargs.pop("headers", None) or {})}
    timeout = kwargs.pop("timeout", None)
    if isinstance(timeout, int | float):
        timeout = (float(timeout), float(timeout))
    known = {name: kwargs.pop(name) for name in ("params", "json", "data", "files") if name in kwargs}
    path = pathname if pathname.startswith(("http://", "https://")) else pathname.rstrip("/")
    return Request(method, path, headers=headers, timeout=timeout, extra=kwargs, **known)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    if url.startswith("sqlite:"):
        url = EMBEDDED_BASE
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _without_secrets(url: str) -> str:
    """A URL without credentials and query: presigned URLs carry their right in the query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()


def _set_header(headers: dict[str, str], name: str, value: str | None) -> None:
    """Set a header whatever its spelling; None removes it."""
    for known in [known for known in headers if known.lower() == name.lower()]:
        del headers[known]
    if value is not None:
        headers[name] = value


def _query(params: Mapping[str, Any] | None) -> list[tuple[str, Any]] | None:
    if not params:
        return None
    pairs: list[tuple[str, Any]] = []
    for name, value in params.items():
        if value is None:
            continue
        values = value if isinstance(value, list | tuple | set) else [value]
        pairs.extend((name, str(one)) for one in values)
    return pairs


def _encode_scalar(value: Any) -> Any:
    if isinstance(value, uuid.UUID | decimal.Decimal):
        return str(value)
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    raise LangSmithUserError(f"A {type(value).__name__} cannot be sent as JSON: {value!r:.80}")
