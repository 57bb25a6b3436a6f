"""Settings of a client, resolved once: arguments before environment before defaults.

=================  ========================  ==================================  =======================
setting            argument                  environment (``LANGSMITH_`` first,  default
                                             then ``LANGCHAIN_``)
=================  ========================  ==================================  =======================
base URL           ``api_url``, first of     ``ENDPOINT``                        see `choose_backend`
                   ``api_urls``
API key            ``api_key`` (``""`` for   ``API_KEY``                         none
                   no key at all)
workspace          ``workspace_id``          ``WORKSPACE_ID``                    none
time limits        ``timeout_ms``                                                (10 000, 90 001) ms
retries            ``retry_config``                                              3, see `smithkit.retry`
headers            ``headers``                                                   none
host of links      ``web_url``                                                   from the base URL
=================  ========================  ==================================  =======================

Options that belong to another package stand in `Config.options` as they were given; that package
resolves them in its `configure_client` hook.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smithkit import environment
from smithkit.errors import LangSmithUserError
from smithkit.operations import without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3.util import Retry

__all__ = ["CLOUD_URL", "DEFAULT_TIMEOUT_MS", "Config", "choose_backend", "home", "host_url", "resolve"]

CLOUD_URL = "https://api.smith.langchain.com"
"""Base URL of LangSmith's cloud, in its default region."""
DEFAULT_TIMEOUT_MS = (10_000, 90_001)
"""Milliseconds to connect and to read."""
_LOOPBACK = ("localhost", "127.0.0.1", "0.0.0.0", "::1")  # noqa: S104 - compared with, not bound to
_CLOUD_REGIONS = ("eu", "dev", "beta")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a client was told, resolved.

    Attributes:
        api_url: Base URL of the API, or ``sqlite:///…`` for the embedded backend.
        api_key: Key for `api_url`.
        workspace_id: Workspace that requests act in.
        web_url: Host of links, when given.
        headers: Custom headers of every request; they never replace key or workspace.
        timeout_ms: Milliseconds to (connect, read).
        retry: Retry policy, or None for the default.
        write_endpoints: Base URL → key of all endpoints that runs are written to.
        info: What the server's ``/info`` would answer, when given.
        options: Options of other packages, as given.
    """

    api_url: str
    api_key: str | None = field(default=None, repr=False)
    workspace_id: str | None = None
    web_url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_ms: tuple[int, int] = DEFAULT_TIMEOUT_MS
    retry: Retry | None = None
    write_endpoints: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    info: Any = None
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def embedded(self) -> bool:
        """Whether the backend runs in this process."""
        return self.api_url.startswith("sqlite:")

    @property
    def timeout(self) -> tuple[float, float]:
        """Seconds to (connect, read)."""
        return self.timeout_ms[0] / 1000, self.timeout_ms[1] / 1000


def home() -> Path:
    """The folder of smithkit's own files: ``$SMITHKIT_HOME``, else the platform's data folder.

    Example:
        >>> import os; os.environ["SMITHKIT_HOME"] = "/tmp/sk"
        >>> home().as_posix()
        '/tmp/sk'
    """
    given = os.environ.get("SMITHKIT_HOME", "").strip()
    if given:
        return Path(given).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("smithkit", appauthor=False))


def choose_backend(*, has_key: bool, names_remote: bool = False) -> str:
    """The base URL when neither argument nor environment gives one.

    Args:
        has_key: Whether there is an API key: then it is LangSmith's cloud.
        names_remote: Whether another option (`info`, `session`) speaks of a remote server.

    Returns:
        The cloud's URL, or the embedded store's where `smithkit-server` is installed.
    """
    if has_key or names_remote or importlib.util.find_spec("smithkit.server") is None:
        return CLOUD_URL
    return f"sqlite:///{(home() / 'smithkit.db').as_posix()}"


def resolve(
    *,
    api_url: str | None = None,
    api_key: str | None = None,
    workspace_id: str | None = None,
    web_url: str | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_ms: int | tuple[int, int] | None = None,
    retry: Retry | None = None,
    api_urls: Mapping[str, str] | None = None,
    info: Any = None,
    names_remote: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Config:
    """Resolve a client's settings.

    Args:
        api_url: Base URL; excludes `api_urls`.
        api_key: API key.
        workspace_id: Workspace id.
        web_url: Host of links.
        headers: Custom headers.
        timeout_ms: Milliseconds, one number for both or (connect, read).
        retry: Retry policy.
        api_urls: Base URL → key; the first is read from, all are written to.
        info: What ``/info`` would answer.
        names_remote: Whether a remote server is meant, see `choose_backend`.
        options: Options of other packages.

    Returns:
        The resolved settings.

    Raises:
        LangSmithUserError: Settings that contradict each other, or a blank URL.
    """
    if api_url is not None and api_urls is not None:
        raise LangSmithUserError("Give api_url or api_urls, not both.")
    if environment.get("ENDPOINT") and environment.get("RUNS_ENDPOINTS"):
        raise LangSmithUserError(
            "LANGSMITH_ENDPOINT and LANGSMITH_RUNS_ENDPOINTS are both set. Unset one of them: the first "
            "names the one endpoint to use, the second names all endpoints that runs are written to."
        )
    if api_urls is not None:
        write_endpoints = {_clean_url(url): _clean(key) or None for url, key in api_urls.items()}
        if not write_endpoints:
            raise LangSmithUserError("api_urls is empty: name at least one endpoint, or leave it out.")
        url, key = next(iter(write_endpoints.items()))
    else:
        key = _clean(api_key if api_key is not None else environment.get("API_KEY")) or None
        given = api_url if api_url is not None else environment.get("ENDPOINT")
        remote = names_remote or info is not None
        url = choose_backend(has_key=bool(key), names_remote=remote) if given is None else _clean_url(given)
        write_endpoints = {url: key}
    return Config(
        api_url=url,
        api_key=key,
        workspace_id=_clean(workspace_id if workspace_id is not None else environment.get("WORKSPACE_ID"))
        or None,
        web_url=web_url,
        headers=dict(headers or {}),
        timeout_ms=_timeout(timeout_ms),
        retry=retry,
        write_endpoints=write_endpoints,
        info=info,
        options=dict(options or {}),
    )


def host_url(config: Config) -> str:
    """The web host that links point to.

    Args:
        config: A client's settings.

    Returns:
        `web_url` if given; ``http://localhost`` for a local server; the API's URL without ``/api``;
        the cloud's own pages for everything else.
    """
    if config.web_url:
        return config.web_url
    parts = urlsplit(config.api_url)
    host = parts.hostname or ""
    if config.embedded or host in _LOOPBACK:
        return "http://localhost"
    path = parts.path.rstrip("/")
    for suffix in ("/api/v1", "/api"):
        if path.endswith(suffix):
            return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path.removesuffix(suffix)}"
    region = host.partition(".")[0]
    return (
        f"https://{region}.smith.langchain.com" if region in _CLOUD_REGIONS else "https://smith.langchain.com"
    )


def _clean(value: str | None) -> str:
    return (value or "").strip().strip("\"'").strip()


def _clean_url(value: str) -> str:
    url = _clean(value).rstrip("/")
    if not url:
        raise LangSmithUserError(
            "The API URL is blank. Give api_url, set LANGSMITH_ENDPOINT, or leave both out for the default."
        )
    try:
        _ = urlsplit(url).port
    except ValueError as error:
        raise LangSmithUserError(f"The API URL {without_secrets(url)} is not a URL: {error}.") from None
    return url


def _timeout(value: int | tuple[int, int] | None) -> tuple[int, int]:
    if value is None:
        return DEFAULT_TIMEOUT_MS
    if isinstance(value, int | float):
        return int(value), int(value)
    try:
        connect, read = value
    except (TypeError, ValueError):
        raise LangSmithUserError(
            f"timeout_ms is one number of milliseconds or a pair, not {value!r:.80}."
        ) from None
    return connect, read
