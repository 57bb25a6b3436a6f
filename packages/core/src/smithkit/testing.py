"""For users who test their own code: an API that answers what the test says, and captured runs.

`capture_runs` comes from smithkit-tracing, and what tests that are experiments use from
smithkit-evaluation (docs/pytest.md), where these are installed.

Example:
    >>> from smithkit.testing import FakeAPI
    >>> api = FakeAPI()
    >>> api.answer("GET", "/info", {"version": "1.2.3"})
    >>> api.client().info.version
    '1.2.3'
    >>> [(request.method, request.path) for request in api.requests]
    [('GET', '/info')]
"""

from __future__ import annotations

import io
import itertools
import json
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smithkit.client import AsyncClient, Client

__all__ = [  # noqa: F405 - from the stars below
    "FakeAPI",
    "RecordedRequest",
    "capture_runs",
    "expect",
    "log_feedback",
    "log_inputs",
    "log_outputs",
    "log_reference_outputs",
    "test",
    "trace_feedback",
    "unit",
]
_OF_TRACING = ("capture_runs",)

_counter = itertools.count(1)


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request that a `FakeAPI` got.

    Attributes:
        method: HTTP method.
        path: Path, without the query.
        query: Query parameters, a list of values each.
        headers: Header names, case-insensitive, to values.
        body: The body's bytes.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


@dataclass(slots=True)
class _Answer:
    status: int
    body: bytes
    headers: dict[str, str]


class FakeAPI:
    """An API in memory: answers as it was told to, and records what it was asked.

    What it was not told to answer is a 404, as on a real server.

    Attributes:
        requests: All requests so far, oldest first.
    """

    def __init__(self) -> None:
        self.requests: list[RecordedRequest] = []
        self._base = f"http://api-{next(_counter)}.test"  # what clients cache of one is not that of another
        self._answers: dict[tuple[str, str], list[_Answer]] = {}

    def answer(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Set an answer; several for one method and path are given in turn, the last one repeatedly.

        Args:
            method: HTTP method.
            path: Path, without the query.
            body: Bytes, or what is sent as JSON.
            status: HTTP status.
            headers: Headers of the answer.
        """
        is_raw = isinstance(body, bytes)
        content = body if is_raw else json.dumps(body).encode()
        kind = "application/octet-stream" if is_raw else "application/json"
        answer = _Answer(status, content, {"Content-Type": kind, **(headers or {})})
        self._answers.setdefault((method, path), []).append(answer)

    def client(self, **options: Any) -> Client:
        """A `Client` of this API.

        Args:
            options: Further options of the client.
        """
        from smithkit.client import Client

        session = requests.Session()
        session.mount(self._base, _Adapter(self))
        return Client(self._base, session=session, **{"api_key": "test", **options})

    def async_client(self, **options: Any) -> AsyncClient:
        """An `AsyncClient` of this API.

        Args:
            options: Further options of the client.
        """
        import httpx2

        from smithkit.client import AsyncClient

        def handle(request: httpx2.Request) -> httpx2.Response:
            answer = self._handle(request.method, str(request.url), dict(request.headers), request.content)
            return httpx2.Response(answer.status, headers=answer.headers, content=answer.body)

        client = AsyncClient(self._base, **{"api_key": "test", **options})
        client.session = httpx2.AsyncClient(transport=httpx2.MockTransport(handle))
        return client

    def _handle(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> _Answer:
        parts = urlsplit(url)
        path = parts.path or "/"
        query = parse_qs(parts.query, keep_blank_values=True)
        self.requests.append(RecordedRequest(method, path, query, CaseInsensitiveDict(headers), body))
        answers = self._answers.get((method, path))
        if not answers:
            detail = json.dumps({"detail": f"FakeAPI has no answer to {method} {path}"}).encode()
            return _Answer(404, detail, {"Content-Type": "application/json"})
        return answers.pop(0) if len(answers) > 1 else answers[0]


class _Adapter(BaseAdapter):
    """Lets a `requests.Session` ask a `FakeAPI`."""

    def __init__(self, api: FakeAPI) -> None:
        super().__init__()
        self._api = api

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else body
        if not isinstance(content, bytes):
            content = b"".join(content)
        headers = {name: str(value) for name, value in request.headers.items()}
        answer = self._api._handle(str(request.method), str(request.url), headers, content)  # noqa: SLF001
        response = requests.Response()
        response.status_code = answer.status
        response.headers = CaseInsensitiveDict(answer.headers)
        response.raw = io.BytesIO(answer.body)
        response.url = str(request.url)
        response.request = request
        return response

    def close(self) -> None:
        """Nothing to close."""


if TYPE_CHECKING:  # stars: without its package a name is missing, not Any
    from smithkit.evaluation.testing import *  # noqa: F403
    from smithkit.tracing.testing import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        package = "tracing" if name in _OF_TRACING else "evaluation"
        try:
            return getattr(import_module(f"smithkit.{package}.testing"), name)
        except ModuleNotFoundError as error:
            if error.name != f"smithkit.{package}":
                raise
            from smithkit.errors import MissingPackageError

            raise MissingPackageError(
                f"`{name}` needs smithkit-{package}: pip install 'smithkit-core[{package}]'"
            ) from error
