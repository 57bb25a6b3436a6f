"""Helpers of the clients' constructors: options of other packages, plugins, views."""

from __future__ import annotations

import functools
import time
import warnings
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from smithkit import _catalogue, environment, plugins
from smithkit.config import resolve
from smithkit.delivery import DeliveryReport
from smithkit.errors import LangSmithMissingAPIKeyWarning, LangSmithUserError, MissingPackageWarning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smithkit.transport import Transport

__all__ = [
    "changed_options",
    "configure",
    "finish",
    "first_two",
    "hooks",
    "known_options",
    "resolve",
    "view",
]

M = TypeVar("M")


def changed_options(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Of a constructor's arguments, the options of other packages that differ from their default."""
    defaults = {"auto_batch_tracing": True, "omit_traced_runtime_info": False, "disable_prompt_cache": False}
    return {
        name: arguments[name]
        for name in _catalogue.OPTIONS
        if name in arguments and arguments[name] != defaults.get(name)
    }


def known_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Check the names of options that are passed on.

    Raises:
        TypeError: An option that no client has.
    """
    unknown = sorted(set(options) - set(_catalogue.OPTIONS))
    if unknown:
        raise TypeError(f"AsyncClient has no option {unknown[0]!r}.")
    return dict(options)


def first_two(timeout_ms: int | tuple[int | None, ...] | None) -> int | tuple[int, int] | None:
    """(connect, read) of a time limit as the asynchronous client takes it.

    Raises:
        LangSmithUserError: A tuple of fewer than two numbers.
    """
    if timeout_ms is None or isinstance(timeout_ms, int):
        return timeout_ms
    try:
        connect, read = timeout_ms[:2]
    except ValueError:
        raise LangSmithUserError(f"timeout_ms needs (connect, read), not {timeout_ms!r}.") from None
    return connect or 10_000, read or 90_001


def hooks(given: Sequence[object]) -> plugins.ClientHooks:
    """The hooks of a client with plugins of its own."""
    return plugins.ClientHooks(given)


def configure(client: Transport) -> None:
    """Hand the options to the packages that they belong to, and name those that are missing."""
    options = client.config.options
    if "cache" in options:
        warnings.warn(
            "Client(cache=...) is deprecated: use disable_prompt_cache=, or configure_global_prompt_cache().",
            DeprecationWarning,
            stacklevel=4,
        )
    _warn_of_missing_key(client)
    loaded = {record.name for record in plugins.manager().records if record.status == "loaded"}
    for name in options:
        package = _catalogue.OPTIONS[name]
        if package not in loaded:
            warnings.warn(
                f"Client({name}=...) has no effect without smithkit-{package}: "
                f"pip install 'smithkit-core[{package}]'",
                MissingPackageWarning,
                stacklevel=4,
            )
    plugins.configure(client, client.hooks)


def _warn_of_missing_key(client: Transport) -> None:
    host = urlsplit(client.api_url).hostname or ""
    cloud = host == "langchain.com" or host.endswith(".langchain.com")
    tracing = environment.is_true("TRACING_V2") or environment.is_true("TRACING")
    otel = environment.is_truish("OTEL_ENABLED") or client.config.options.get("otel_enabled")
    if cloud and client.api_key is None and tracing and not otel:
        warnings.warn(
            "Tracing is on and there is no API key for LangSmith's cloud: runs will be refused. Set "
            "LANGSMITH_API_KEY, or trace into a file on this machine: pip install 'smithkit-core[server]'",
            LangSmithMissingAPIKeyWarning,
            stacklevel=5,
        )


def finish(client: Transport, timeout: float) -> DeliveryReport:
    """Have packages deliver what they have queued, then call what they asked to be called at the end.

    `client.state["deliver"]` holds functions of the seconds that are left, each of which gives a
    `DeliveryReport`; `client.state["on_close"]` functions without arguments. All of them are called,
    and then what failed first is raised.
    """
    ends = time.monotonic() + timeout
    reports = DeliveryReport()
    failed: Exception | None = None
    for deliver in client.state.get("deliver", ()):
        try:
            reports += deliver(max(0.0, ends - time.monotonic()))
        except Exception as error:  # noqa: BLE001 - the others are delivered all the same
            failed = failed or error
    for function in client.state.get("on_close", ()):
        try:
            function()
        except Exception as error:  # noqa: BLE001 - the others are closed all the same
            failed = failed or error
    if failed is not None:
        raise failed
    return reports


def view(client: Any, methods: type[M]) -> M:
    """An object with a class's methods that shares a client's attributes.

    Raises:
        LangSmithUserError: The class is for the other client.
    """
    wanted: Any = methods
    made: M = object.__new__(_viewed(wanted, client.asynchronous))
    made.__dict__ = client.__dict__
    return made


@functools.cache
def _viewed(methods: type, asynchronous: bool) -> type:  # noqa: FBT001 - part of the key
    from smithkit.transport import AsyncTransport, SyncTransport

    own, other = (AsyncTransport, SyncTransport) if asynchronous else (SyncTransport, AsyncTransport)
    if issubclass(methods, other):
        client, fitting = ("an AsyncClient", "Client") if asynchronous else ("a Client", "AsyncClient")
        raise LangSmithUserError(
            f"{methods.__name__} derives from {other.__name__}, and so serves {fitting}, not {client}."
        )
    return methods if issubclass(methods, own) else type(methods.__name__, (methods, own), {})
