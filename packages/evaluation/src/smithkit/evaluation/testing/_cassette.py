"""Answers of HTTP servers that a test got, kept in a file and given again the next time.

vcrpy does it. What is kept is free of secrets, and nothing that is about LangSmith is kept: a replayed
session is recorded as an experiment like any other.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from smithkit import environment
from smithkit.errors import MissingPackageError
from smithkit.tracing.anonymizer import is_secret_name, secrets_anonymizer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from vcr.request import Request

    from smithkit.evaluation.testing._options import Options

__all__ = ["cassette", "check_installed"]

_KEPT_HEADERS = ("content-type", "accept")
"""Of requests: bodies are compared by their type. All others may tell who asked, and replaying needs none."""
_OWN_AGENTS = ("smithkit-py/", "langsmith-py/", "langsmith/")
_OWN_DOMAIN = "langchain.com"
_MATCH_ON = ("method", "scheme", "host", "port", "path", "query", "body")
_PORTS = {"http": 80, "https": 443}
_SECRET_PARAMETERS = re.compile("key|token|sig|signature|x-amz-.*|x-goog-.*", re.IGNORECASE)
_SECRET = "[secret]"  # noqa: S105 - the mark of one
_LONGEST = 80


def check_installed() -> None:
    """Refuse to keep answers where vcrpy is missing.

    Raises:
        MissingPackageError: It is not installed.
    """
    if find_spec("vcr") is None:
        raise MissingPackageError(
            "cache and LANGSMITH_TEST_CACHE need vcrpy: pip install 'smithkit-evaluation[vcr]'"
        )


def cassette(options: Options, function: Any, clients: Iterable[Any]) -> AbstractContextManager[Any]:
    """A block in which known requests are answered from the test's file, and others are sent and kept.

    Args:
        options: How the test is recorded: in which folder, for which hosts.
        function: The test.
        clients: What tells LangSmith of the test meanwhile, in other threads.

    Raises:
        MissingPackageError: vcrpy is not installed.
    """
    check_installed()
    import vcr

    for client in clients:
        _exempt(client)

    recorder = vcr.VCR(
        record_mode=vcr.mode.NEW_EPISODES,
        match_on=_MATCH_ON,
        decode_compressed_response=True,
        before_record_request=_Requests(options).kept,
        before_record_response=_kept_response,
    )
    block: AbstractContextManager[Any] = recorder.use_cassette(
        Path(str(options.folder)).expanduser() / _file_name(function)
    )
    return block


class _Pool(HTTPConnectionPool):
    ConnectionCls = HTTPConnectionPool.ConnectionCls


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = HTTPSConnectionPool.ConnectionCls


def _exempt(client: Any) -> None:
    """Keep vcrpy away from a client's connections.

    It replaces the connections' classes, and puts the real ones back for everybody while a request that it does not
    keep is under way: requests of the test at that moment would not be kept either.
    """
    for adapter in client.session.adapters.values():
        manager = getattr(adapter, "poolmanager", None)
        if manager is None:
            continue
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        for key in manager.pools.keys():  # noqa: SIM118 - it cannot be iterated over
            pool = manager.pools.get(key)
            if pool is not None:
                pool.ConnectionCls = manager.pool_classes_by_scheme[pool.scheme].ConnectionCls


def _file_name(function: Any) -> str:
    """A file for each test, so that the workers of pytest-xdist do not share one."""
    running = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    name = running or f"{function.__module__}.{function.__qualname__}"
    readable = re.sub(r"[^\w.-]+", "_", name.rpartition("/")[2])[:_LONGEST]
    return f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.yaml"


class _Requests:
    """Which requests are kept, and as what.

    Args:
        options: How the test is recorded.
    """

    def __init__(self, options: Options) -> None:
        self._hosts = options.cached_hosts
        self._own = _endpoints(getattr(options.client, "api_url", None))

    def kept(self, request: Request) -> Request | None:
        """The request as it is compared and written; None for one that is neither."""
        if not self._is_cached(request):
            return None
        request.uri = _without_secrets(request.uri)
        request.body = _clean(request.body)
        headers = {name.lower(): value for name, value in request.headers.items()}
        request.headers = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
        return request

    def _is_cached(self, request: Request) -> bool:
        host, place = request.host, f"{request.host}:{request.port}"
        agent = str(request.headers.get("User-Agent") or request.headers.get("user-agent") or "")
        if agent.startswith(_OWN_AGENTS) or place in self._own:
            return False
        if host == _OWN_DOMAIN or host.endswith(f".{_OWN_DOMAIN}"):
            return False
        if self._hosts is None:
            return True
        return any(
            request.uri.startswith(one) if "://" in one else one in {host, place} for one in self._hosts
        )


def _endpoints(url: str | None) -> set[str]:
    """``host:port`` of a LangSmith endpoint, and of those that the environment names."""
    named = (url or "", environment.get("ENDPOINT") or "", environment.get("RUNS_ENDPOINTS") or "")
    parts = [urlsplit(one) for text in named for one in re.findall(r"https?://[^\s\"',]+", text)]
    return {f"{one.hostname}:{one.port or _PORTS[one.scheme]}" for one in parts}


def _kept_response(response: dict[str, Any]) -> dict[str, Any]:
    """A response without secrets; its length may not be what it was."""
    headers = {
        name: value
        for name, value in response["headers"].items()
        if name.lower() != "content-length" and not is_secret_name(name, value)
    }
    return {**response, "headers": headers, "body": {"string": _clean(response["body"]["string"])}}


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    query = [
        (name, _SECRET if _SECRET_PARAMETERS.fullmatch(name) or is_secret_name(name, value) else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=urlencode(query)))


@functools.cache
def _anonymizer() -> Any:
    return secrets_anonymizer(personal=False)


def _clean(body: Any) -> Any:
    """A body with a mark in place of each secret; what is no text stays as it is."""
    if not body or not isinstance(body, (bytes, str)):
        return body
    anonymize = _anonymizer()
    try:
        text = body.decode() if isinstance(body, bytes) else body
    except UnicodeDecodeError:
        return body
    try:
        values = json.loads(text)
    except ValueError:
        cleaned = anonymize(text)
    else:
        marked = anonymize(json.loads(text))
        cleaned = text if marked == values else json.dumps(marked, ensure_ascii=False)
    return cleaned.encode() if isinstance(body, bytes) else cleaned
