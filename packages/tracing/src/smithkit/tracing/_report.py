"""How tracing speaks of its own failures: in the log, at most once a minute for each cause."""

from __future__ import annotations

from smithkit._quiet import Quiet

__all__ = ["report"]

_quiet = Quiet()


def report(cause: str, error: BaseException | None = None) -> None:
    """Warn of a failure that the traced program must not feel.

    Args:
        cause: What failed, in words that are the same each time.
        error: Why.
    """
    count = _quiet.due(cause)
    if count is None:
        return
    import logging

    logging.getLogger("smithkit.tracing").warning(
        "%s%s%s",
        cause,
        "" if error is None else f": {_describe(error)}",
        f" ({count - 1} more of these since the last report)" if count > 1 else "",
    )


def _describe(error: BaseException) -> str:
    try:
        return repr(error)
    except Exception:  # noqa: BLE001 - an exception whose repr fails still has a type
        return type(error).__name__
