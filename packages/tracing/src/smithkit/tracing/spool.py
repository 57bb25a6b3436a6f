"""Keep runs on disk until they are delivered."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from smithkit.hooks import hookimpl
from smithkit.tracing import _options
from smithkit.tracing._methods._submission import PIPELINE

if TYPE_CHECKING:
    from pathlib import Path

    from smithkit.config import Config

__all__ = ["Spool"]


class Spool:
    """A plugin that keeps one client's runs on disk until they are delivered.

    ``LANGSMITH_TRACING_SPOOL`` does the same for every client. Each run is written to a file within a
    twentieth of a second, and the file is deleted when the server has the run: neither an outage nor a
    crash of the program loses it. What a process leaves, the next one delivers. See docs/delivery.md.

    Args:
        folder: Where to; made, readable for you alone. Default: ``spool`` in `smithkit.config.home()`.
        max_bytes: Bytes on disk for each endpoint at most; the oldest runs go first, and are counted.
            Default: ``LANGSMITH_TRACING_SPOOL_MAX_BYTES``, else 256 MiB.

    Raises:
        LangSmithUserError: `max_bytes` is not positive.

    Example:
        >>> from smithkit import Client
        >>> from smithkit.tracing.spool import Spool
        >>> client = Client("https://langsmith.example", plugins=[Spool(max_bytes=10_000_000)])
    """

    def __init__(self, folder: str | Path | None = None, *, max_bytes: int | None = None) -> None:
        self._given = _options.spool_folder(folder, max_bytes)

    @hookimpl
    def configure_client(self, client: Any, config: Config) -> None:  # noqa: ARG002 - the hook's arguments
        """Give the client its spool."""
        client.state["tracing"] = dataclasses.replace(client.state["tracing"], spool=self._given)
        client.state.pop(PIPELINE, None)  # made already if the environment names a spool with runs in it
        client.recover_runs()
