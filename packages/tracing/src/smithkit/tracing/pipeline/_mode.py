"""How the server wants runs to be sent: from its ``/info``, asked when the first batch goes out."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from smithkit import environment
from smithkit.errors import LangSmithNotFoundError
from smithkit.operations import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from smithkit.tracing._options import TracingOptions
    from smithkit.transport import SyncTransport

__all__ = ["Mode", "ServerMode"]

_DEFAULT_RUNS = 100
_DEFAULT_BYTES = 20_971_520
_ASK_AGAIN_SECONDS = 30.0


class Mode(NamedTuple):
    """How batches are sent.

    Attributes:
        multipart: Whether the server has ``/runs/multipart``.
        zstd: Whether it takes compressed bodies there.
        runs: Runs in one request at most.
        bytes: Bytes in one request at most.
    """

    multipart: bool = True
    zstd: bool = False
    runs: int = _DEFAULT_RUNS
    bytes: int = _DEFAULT_BYTES


class ServerMode:
    """Knows the mode of a client's server.

    Args:
        options: The client's options.
        transport: Gives the transport to ask over.
    """

    def __init__(self, options: TracingOptions, transport: Callable[[], SyncTransport]) -> None:
        self._options = options
        self._transport = transport
        self._lock = threading.Lock()
        self._mode: Mode | None = None
        self._ask_again: float | None = None

    @property
    def known(self) -> Mode | None:
        """The mode, if a batch has gone out already."""
        return self._mode

    def renew(self) -> None:
        """In a forked child: a thread that is only there in the parent may have held the lock."""
        self._lock = threading.Lock()

    def get(self) -> Mode:
        """The mode; asks the server at the first call, and again later if it did not answer."""
        with self._lock:
            if self._mode is None or (self._ask_again is not None and time.monotonic() >= self._ask_again):
                self._mode = self._ask()
            mode = self._mode
        if mode.zstd and environment.is_truish("DISABLE_RUN_COMPRESSION"):
            return mode._replace(zstd=False)
        return mode

    def _ask(self) -> Mode:
        self._ask_again = None
        info: Any = {}
        try:
            transport = self._transport()
            info = transport._info or transport.config.info  # noqa: SLF001 - the client's own transport
            if info is None:
                info = transport.send(Request("GET", "/info", retries=False)).json()
        except LangSmithNotFoundError:
            pass
        except Exception:  # noqa: BLE001 - the runs that follow will tell
            self._ask_again = time.monotonic() + _ASK_AGAIN_SECONDS
        return _mode(info, self._options.max_batch_size_bytes)


def _mode(info: Any, max_bytes: int | None) -> Mode:
    limits = _mapping(_get(info, "batch_ingest_config"))
    flags = _mapping(_get(info, "instance_flags"))
    multipart = limits.get("use_multipart_endpoint") is not False
    return Mode(
        multipart=multipart,
        zstd=multipart and bool(flags.get("zstd_compression_enabled")),
        runs=_positive(environment.get("BATCH_INGEST_SIZE_LIMIT"))
        or _positive(limits.get("size_limit"))
        or _DEFAULT_RUNS,
        bytes=max_bytes or _positive(limits.get("size_limit_bytes")) or _DEFAULT_BYTES,
    )


def _get(info: Any, name: str) -> Any:
    return info.get(name) if isinstance(info, Mapping) else getattr(info, name, None)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _positive(value: Any) -> int:
    try:
        return max(0, int(value or 0))
    except (TypeError, ValueError):
        return 0
