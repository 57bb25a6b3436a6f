"""Sending what the user wrote to another process: functions of `__main__` and of notebooks, traced ones, clients."""

from __future__ import annotations

import functools
import io
import pickle
import sys
from pathlib import Path
from types import FunctionType
from typing import Any, cast

from smithkit.client import Client

try:
    from cloudpickle import Pickler as _Pickler
except ModuleNotFoundError:
    _Pickler = pickle.Pickler

__all__ = ["dumps"]


class _Sending(_Pickler):  # type: ignore[misc] # one of two, as installed
    """Pickles by value what the other process cannot import."""

    def reducer_override(self, value: Any) -> Any:
        """How to pickle a value; `NotImplemented` for the usual way."""
        if isinstance(value, Client):
            return _client, (_settings(value),)
        decoration = getattr(value, "__smithkit_decoration__", None)
        if isinstance(value, FunctionType) and decoration is not None and not _importable(value):
            return _decorated, decoration
        usual = getattr(super(), "reducer_override", None)
        return NotImplemented if usual is None else usual(value)


def dumps(value: Any, what: str) -> bytes:
    """Pickle a value for another process.

    Clients are rebuilt there from their settings, once a process, with the key that they have.

    Args:
        value: The value.
        what: What it is, for the error.

    Raises:
        TypeError: It holds what cannot be sent.
    """
    buffer = io.BytesIO()
    try:
        _Sending(buffer, pickle.HIGHEST_PROTOCOL).dump(value)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise TypeError(
            f"{what} cannot be sent to another process: {error}. Define functions in a module that can be "
            f"imported there, or install cloudpickle; make connections inside of them."
        ) from error
    return buffer.getvalue()


def _importable(function: FunctionType) -> bool:
    """Whether the other process finds this very function under its name."""
    if function.__module__ == "__main__":
        return False
    found: Any = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is function


def _decorated(function: Any, run_type: str, options: dict[str, Any]) -> Any:
    from smithkit.tracing import traceable

    return cast("Any", traceable)(run_type, **options)(function)


def _settings(client: Client) -> bytes:
    """What a client is made of; a path is written out, for the other process may run in another folder."""
    config = client.config
    urls = {_absolute(url): key for url, key in config.write_endpoints.items()}
    url = _absolute(config.api_url)
    one = {"api_url": url, "api_key": client.api_key or ""}
    settings = {
        **(one if list(urls) == [url] else {"api_urls": urls}),
        "workspace_id": client.workspace_id,
        "web_url": config.web_url,
        "headers": dict(config.headers),
        "timeout_ms": config.timeout_ms,
        "retry_config": config.retry,
        "info": config.info,
        "plugins": client.hooks.own,
        **config.options,
    }
    return dumps(settings, "The client's options")


def _absolute(url: str) -> str:
    if not url.startswith("sqlite:///"):
        return url
    return f"sqlite:///{Path(url.removeprefix('sqlite:///')).absolute().as_posix()}"


@functools.lru_cache(maxsize=16)
def _client(settings: bytes) -> Client:
    """One client a process for the same settings."""
    return Client(**pickle.loads(settings))  # noqa: S301 - whoever sends work here runs code here anyway
