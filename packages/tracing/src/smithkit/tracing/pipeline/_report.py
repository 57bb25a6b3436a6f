"""Who is told of a failure: the log, the client's callback and the `on_tracing_error` hook."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from smithkit._quiet import Quiet
from smithkit.tracing._report import described
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
        self.warn(
            f"{type(error).__name__} {status}", f"Runs could not be delivered: {described(error)}", len(ops)
        )
        self.tell(error, ops)

    def kept(self, error: Exception, count: int) -> None:
        """Operations wait on disk, because they could not be delivered now.

        Args:
            error: Why.
            count: How many.
        """
        status = getattr(error, "status_code", None)
        self.warn(f"kept {type(error).__name__} {status}", f"Runs wait on disk: {described(error)}", count)
        self.tell(error)

    def contained(self, cause: str, error: BaseException) -> None:
        """A function of the program's or a plugin's failed, and the traced program goes on.

        What it raised may quote the data that it was to redact: the program's own callback gets it, log and
        hook get its type and place alone.

        Args:
            cause: What failed, and what comes of it.
            error: What it raised.
        """
        said = f"{cause}: {described(error)}"
        self.warn(cause, said)
        self.tell(error if isinstance(error, Exception) else RuntimeError(said), shown=RuntimeError(said))

    def tell(self, error: Exception, ops: Sequence[Op] = (), *, shown: Exception | None = None) -> None:
        """Tell callback and hook of a failure, without a word in the log.

        Args:
            error: Why.
            ops: What it is about.
            shown: What the hook is told in its place.
        """
        if self._callback is not None:
            try:
                self._callback(error)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as failure:  # noqa: BLE001 - foreign code
                self.warn("callback", f"tracing_error_callback failed: {described(failure)}")
        if self._hooks.has("on_tracing_error"):
            runs: list[dict[str, Any]] = [decoded(op) for op in ops]
            self._hooks.notify("on_tracing_error", error=shown or error, runs=runs)

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
