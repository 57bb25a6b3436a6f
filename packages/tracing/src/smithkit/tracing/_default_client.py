"""The client that runs are sent with when nobody gave one, and where a client has its pipeline."""

from __future__ import annotations

import os
import threading
import time

from smithkit.tracing._context import defaults
from smithkit.tracing._report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from smithkit import Client

__all__ = ["PIPELINE", "default_client", "get_cached_client", "known_client"]

PIPELINE = "tracing.pipeline"
"""Where a client's state holds its pipeline, once there is one."""
_RETRY_SECONDS = 1.0
_lock = threading.Lock()
_client: Any = None
_failed_at = -_RETRY_SECONDS


def default_client() -> Any:
    """The client given to `configure`, else one client for the process, made at the first call.

    Returns:
        The client, or None where none can be made: the reason is in the log, and the next try comes
        a second later.
    """
    if defaults.client is not None:
        return defaults.client
    return _client if _client is not None else _make()


def get_cached_client(**options: Any) -> Client:
    """The client that runs are sent with when nobody names one; it is made at the first call.

    Args:
        **options: Arguments of `smithkit.Client`; they count where the client is made by this call.

    Returns:
        The client given to `configure`, else one client for the process.

    Raises:
        LangSmithUserError: The settings are wrong.

    Example:
        >>> from smithkit import Client
        >>> from smithkit.tracing import configure, get_cached_client
        >>> mine = Client("https://langsmith.example")
        >>> configure(client=mine)
        >>> get_cached_client() is mine
        True
        >>> configure(client=None)
    """
    global _client  # noqa: PLW0603 - one client a process
    configured: Client | None = defaults.client
    if configured is not None:
        return configured
    from smithkit import Client

    with _lock:
        if _client is None:
            _client = Client(**options)
        made: Client = _client
        return made


def known_client() -> Any:
    """`default_client`, if there is one already."""
    return defaults.client if defaults.client is not None else _client


def _make() -> Any:
    global _client, _failed_at  # noqa: PLW0603 - one client a process
    with _lock:
        if _client is None and time.monotonic() - _failed_at >= _RETRY_SECONDS:
            try:
                from smithkit import Client

                _client = Client()
            except Exception as error:  # noqa: BLE001 - settings that are wrong must not break the traced program
                _failed_at = time.monotonic()
                report("runs are not sent: no client could be made", error)
        return _client


def _unlock_in_child() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may have held it
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_in_child)
