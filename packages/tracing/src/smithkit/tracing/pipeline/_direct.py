"""One request for each run, at once and in the caller's thread: without batching, or without a place in a trace."""

from __future__ import annotations

import binascii
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from orjson import Fragment

from smithkit.errors import LangSmithConflictError, LangSmithExceptionGroup
from smithkit.operations import Request
from smithkit.tracing.pipeline._target import of_credentials, write_endpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    from smithkit.tracing.pipeline._report import Reporter
    from smithkit.tracing.pipeline._snapshot import Operation
    from smithkit.transport import SyncTransport

__all__ = ["DirectWriter"]


class DirectWriter:
    """Writes single runs.

    Args:
        transport: Gives the transport to send over.
        dumps: Encoder.
        report: Told of failures.
    """

    def __init__(
        self, transport: Callable[[], SyncTransport], dumps: Callable[[Any], bytes], report: Reporter
    ) -> None:
        self._transport = transport
        self._dumps = dumps
        self._report = report

    def write(self, operation: Operation, run: dict[str, Any], auth: tuple[Any, ...] | None) -> None:
        """Create or update a run at every write endpoint.

        Args:
            operation: ``post`` or ``patch``.
            run: The run, or its changes.
            auth: Its own credentials.

        Raises:
            LangSmithError: One endpoint failed; of an update, the ones behind it are not written.
            LangSmithExceptionGroup: Several failed.
        """
        if operation == "post":
            errors = self._send("POST", "/runs", run, auth, stop_at_first=False)
        else:
            errors = self._send("PATCH", f"/runs/{run['id']}", run, auth, stop_at_first=True)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise LangSmithExceptionGroup(f"{len(errors)} write endpoints failed", errors)

    def _send(
        self,
        method: str,
        path: str,
        run: dict[str, Any],
        auth: tuple[Any, ...] | None,
        *,
        stop_at_first: bool,
    ) -> list[Exception]:
        transport = self._transport()
        body = _body(run, self._dumps)
        errors: list[Exception] = []
        targets = write_endpoints(transport.config) if auth is None else [of_credentials(auth)]
        for target in targets:
            request = Request(method, path, content=body, endpoint=target.endpoint, headers=target.headers)
            try:
                transport.send(request)
            except Exception as error:  # noqa: BLE001 - endpoints fail independently
                if method == "POST" and isinstance(error, LangSmithConflictError):
                    continue  # it is there already
                self._report.tell(error)
                errors.append(error)
                if stop_at_first:
                    break
        return errors


def _body(run: dict[str, Any], dumps: Callable[[Any], bytes]) -> bytes:
    """The run as one JSON object, its attachments' bytes included; the encoder's limits hold for each field."""
    allow_files = run.pop("dangerously_allow_filesystem", False)
    run.pop("replicas", None)
    attachments = run.get("attachments")
    if attachments:
        run["attachments"] = {
            str(name): [str(mime), _base64(data)]
            for name, (mime, data) in attachments.items()
            if allow_files or not isinstance(data, Path)
        }
    return orjson.dumps(
        {name: value if name == "attachments" else Fragment(dumps(value)) for name, value in run.items()}
    )


def _base64(data: Any) -> str:
    raw = data.read_bytes() if isinstance(data, Path) else bytes(data)
    return binascii.b2a_base64(raw, newline=False).decode()
