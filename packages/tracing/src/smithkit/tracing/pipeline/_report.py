"""Who is told of a failure: the log, the client's callback and the `on_tracing_error` hook."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from smithkit._quiet import Quiet
from smithkit.tracing.pipeline._decoded import decoded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smithkit.plugins import ClientHooks
    from smithkit.tracing.pipeline._snapshot import Op

__all__ = ["Reporter"]

_log = logging.getLogger("smithkit.tracing")


class Reporter:
    """Reports failures; the log gets one warning a cause and minute, with a count.

    Args:
        hooks: The client's hooks.
        callback: The client's `tracing_error_callback`.
    """

    def __init__(self, hooks: ClientHooks, callback: Callable[[Exception], None] | None = None) -> None:
        self._hooks = hooks
        self._callback = callback
        self._quiet = Quiet()

    def undelivered(self, error: Exception, ops: Sequence[Op]) -> None:
        """Runs could not be delivered.

        Args:
            error: Why.
            ops: What is lost.
        """
        status = getattr(error, "status_code", None)
        self.warn(f"{type(error).__name__} {status}", f"Runs could not be delivered: {error}", len(ops))
        self.tell(error, ops)

    def kept(self, error: Exception, count: int) -> None:
        """Operations wait on disk, because they could not be delivered now.

        Args:
            error: Why.
            count: How many.
        """
        status = getattr(error, "status_code", None)
        self.warn(f"kept {type(error).__name__} {status}", f"Runs wait on disk: {error}", count)
        self.tell(error)

    def tell(self, error: Exception, ops: Sequence[Op] = ()) -> None:
        """Tell callback and hook of a failure, without a word in the log.

        Args:
            error: Why.
            ops: What it is about.
        """
        if self._callback is not None:
            try:
                self._callback(error)
            except Exception:  # noqa: BLE001 - foreign code
                _log.exception("tracing_error_callback failed")
        if self._hooks.has("on_tracing_error"):
            runs: list[dict[str, Any]] = [decoded(op) for op in ops]
            self._hooks.notify("on_tracing_error", error=error, runs=runs)

    def warn(self, cause: str, text: str, count: int = 1) -> None:
        """Log a warning, at most once a minute for each cause.

        Args:
            cause: What counts as the same cause.
            text: What to say.
            count: How many operations it is about.
        """
        total = self._quiet.due(cause, count)
        if total is not None:
            _log.warning("%s (%d since the last such message; at most one a minute)", text, total)
