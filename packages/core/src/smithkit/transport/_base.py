"""What both transports share: everything about a request but the I/O itself."""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from smithkit import auth, jsons, retry
from smithkit._version import __version__
from smithkit.answers import parse
from smithkit.config import Config, host_url
from smithkit.errors import LangSmithConnectionError, LangSmithError, LangSmithUserError
from smithkit.operations import Methods, Request, Response, without_secrets
from smithkit.transport._status import check_status

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import Self

    from smithkit.plugins import ClientHooks

__all__ = ["EMBEDDED_BASE", "UNTRUSTED", "TransmissionError", "Transport", "Wire", "proxy_error"]

EMBEDDED_BASE = "http://smithkit.embedded"
"""Stands for the base URL of the backend in this process."""
UNTRUSTED = (
    "the server's certificate is not trusted. Behind a company proxy, point REQUESTS_CA_BUNDLE (for "
    "AsyncClient SSL_CERT_FILE) to its CA file."
)
_USER_AGENT = f"smithkit-py/{__version__}"
_LATIN = 0xFF
_SECRET_HEADERS = ("authorization", "cookie", "x-api-key", "x-service-key")


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
    bare: bool = False
    secrets: Sequence[str] = field(default=(), repr=False)
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


def proxy_error(reason: str) -> TransmissionError:
    """What to say when a proxy did not let a request through.

    Args:
        reason: The library's words, in which the proxy's status may stand.
    """
    status = re.search(r"\b(40[37])\b", reason)
    if status is None:
        return TransmissionError("the proxy refused or is down. Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.")
    cure = {
        "403": "It does not let you reach this host: have it allowed, or list the host in NO_PROXY.",
        "407": "It wants credentials: put them into HTTPS_PROXY (http://user:password@host:port).",
    }[status[1]]
    return TransmissionError(f"the proxy refused ({status[1]}). {cure}", sent=True, final=True)


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
        return f"{type(self).__name__} (API URL: {without_secrets(self.api_url)})"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self  # a connection: what is copied along with it goes on using it

    def __reduce__(self) -> Any:
        raise TypeError(
            f"A {type(self).__name__} cannot be pickled: it holds connections and a key. Make one in each process."
        )

    # ------------------------------------------------------------------ one request

    def _exchange(self, request: Request) -> Generator[Any, Any, Response]:
        """Send a request until its answer stands: yields `Wire` objects and seconds to wait."""
        request = self._announced(request)
        try:
            wire = self._wire(request)
            attempts = retry.Attempts(self.retry_config, wire.method, wire.url, request.deadline)
            again = _Resend(wire.content, wire.files)
            retried = request.retries and again.possible
            while True:
                try:
                    response: Response = yield wire
                except TransmissionError as error:
                    wait = attempts.after_error(sent=error.sent) if retried and not error.final else None
                    if wait is None:
                        # The libraries' own errors name the whole URL, in whose query a right may stand.
                        raise _unanswered(wire, error) from (
                            None if request.anonymous or error.final else error
                        )
                else:
                    wait = (
                        attempts.after_response(response.status_code, response.headers) if retried else None
                    )
                    if wait is None:
                        break
                yield wait
                again.rewind()
            check_status(wire.method, response, wire.secrets)
        except Exception as error:
            self.hooks.notify("on_request_error", request=request, error=error)
            raise
        self.hooks.notify("after_response", request=request, response=response)
        return response

    def _announced(self, request: Request) -> Request:
        """The request as plugins want it: a copy, for the caller may use its own for the next one."""
        if self.hooks.has("before_request"):
            params = None if request.params is None else dict(request.params)
            request = dataclasses.replace(request, headers=dict(request.headers), params=params)
            self.hooks.notify("before_request", request=request)
        return request

    def _wire(self, request: Request) -> Wire:
        url, basic = _split_credentials(self._url(request))
        content: Any = request.content if request.content is not None else request.data
        if isinstance(request.content, list | tuple):  # requests takes them for form fields
            content = b"".join(request.content)
        own = {} if request.anonymous else self._own_headers(url)
        headers = {} if request.anonymous else {"User-Agent": _USER_AGENT, "Accept": "application/json"}
        if request.json is not None:
            content = jsons.dumps(request.json)
        if content is not None and request.files is None and request.method != "GET":
            headers["Content-Type"] = "application/json"
        if basic:
            headers["Authorization"] = basic
        for name, value in (*own.items(), *request.headers.items()):
            _set_header(headers, name, value)
        _check_headers(headers)
        return Wire(
            method=request.method,
            url=url,
            headers=headers,
            secrets=[headers[name] for name in headers if name.lower() in _SECRET_HEADERS],
            params=_query(request.params),
            content=content,
            files=request.files,
            timeout=request.timeout or self.config.timeout,
            follow_redirects=request.anonymous,
            bare=request.bare,
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

    def _own_headers(self, url: str) -> dict[str, str | None]:
        """Custom headers and credentials for a URL: they only go to the origins that they were given for."""
        endpoint = self._endpoint_of(url)
        if endpoint is None:
            return {}
        headers: dict[str, str | None] = {}
        for name, value in self.config.headers.items():
            _set_header(headers, name, value)
        key = self.api_key if endpoint == self.config.api_url else self.config.write_endpoints[endpoint]
        credentials = auth.headers(self.hooks, self.config, api_key=key, workspace_id=self.workspace_id)
        for name, value in credentials.items():
            _set_header(headers, name, value)
        return headers

    def _endpoint_of(self, url: str) -> str | None:
        """The endpoint that a URL belongs to: of those on its origin, the one with the longest path above it."""
        origin, path = _origin(url), urlsplit(url).path
        best, best_length = None, -1
        for endpoint in (self.config.api_url, *self.config.write_endpoints):
            if _origin(endpoint) != origin:
                continue
            above = "" if endpoint.startswith("sqlite:") else urlsplit(endpoint).path.rstrip("/")
            length = len(above) if f"{path}/".startswith(f"{above}/") else 0
            if length > best_length:
                best, best_length = endpoint, length
        return best

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
        again = _Resend(request.content if request.content is not None else request.data, request.files)
        for attempt in range(1, stop_after_attempt + 1):
            last = attempt == stop_after_attempt
            try:
                response: Response = yield request
            except ignored as error:
                answer = error.response if isinstance(error, LangSmithError) else None
                return None if answer is None else answer.raw
            except LangSmithError as error:
                wait = None if last or not again.possible else pause.after(error, attempt - 1)
                if wait is None:
                    if context:
                        error.add_note(context)
                    raise
                yield wait
            else:
                if handle_response is None or last or not again.possible:
                    return response.raw
                if not handle_response(response.raw, attempt):
                    return response.raw
            again.rewind()
        raise LangSmithUserError(f"stop_after_attempt must be at least 1, not {stop_after_attempt}.")

    def _server_info(self) -> Generator[Any, Any, Any]:
        """What the server says about itself, asked once."""
        from smithkit._schemas import LangSmithInfo

        if self._info is None:
            given = self.config.info
            if given is None:
                response = yield Request("GET", "/info")
                given = parse(LangSmithInfo, response.json())
            self._info = given if isinstance(given, LangSmithInfo) else LangSmithInfo.model_validate(given)
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


def _unanswered(wire: Wire, error: TransmissionError) -> LangSmithError:
    kind = LangSmithUserError if error.final and not error.sent else LangSmithConnectionError
    return kind(f"{wire.method} {without_secrets(wire.url)}: {error}")


class _Resend:
    """Sends a body's files again from where they were, as a retry must."""

    def __init__(self, content: Any, files: Any) -> None:
        parts = list(files.values() if isinstance(files, Mapping) else (part for _, part in files or ()))
        bodies = [content, *(part[1] if isinstance(part, tuple | list) else part for part in parts)]
        self._places: list[tuple[Any, int]] = []
        self.possible = True
        """Whether the body can be sent again: a one-shot iterator or a pipe can not."""
        for body in bodies:
            if not hasattr(body, "read"):
                self.possible = self.possible and not isinstance(body, Iterator)
                continue
            try:
                self._places.append((body, body.tell()))
            except (AttributeError, OSError):
                self.possible = False

    def rewind(self) -> None:
        for body, place in self._places:
            body.seek(place)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    if url.startswith("sqlite:"):
        url = EMBEDDED_BASE
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError as error:
        raise LangSmithUserError(f"{without_secrets(url)} is not a URL: {error}.") from None


def _split_credentials(url: str) -> tuple[str, str | None]:
    """A URL without its user and password, and the header that they mean."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    if not at:
        return url, None
    pair = ":".join(map(unquote, user.partition(":")[::2]))
    return f"{scheme}{separator}{host}{slash}{path}", f"Basic {base64.b64encode(pair.encode()).decode()}"


def _check_headers(headers: Mapping[str, str]) -> None:
    """Refuse what cannot be a header, without saying what it holds: it may be a key."""
    for name, value in headers.items():
        text = value if isinstance(value, str) else str(value)
        if not text.isprintable() or text != text.strip() or any(ord(char) > _LATIN for char in text):
            raise LangSmithUserError(
                f"The value of header {name!r} holds blanks at an end, a line break or other characters that "
                f"a header cannot hold. If it is the API key: was it copied whole, and nothing else with it?"
            )


def _set_header(headers: dict[str, Any], name: str, value: str | None) -> None:
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
