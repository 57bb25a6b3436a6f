"""How tracing speaks of its own failures: in the log, at most once a minute for each cause."""

from __future__ import annotations

import time

__all__ = ["report"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_PERIOD: Final = 60.0
_MOST_CAUSES: Final = 256
_causes: dict[str, tuple[float, int]] = {}


def report(cause: str, error: BaseException | None = None) -> None:
    """Warn of a failure that the traced program must not feel.

    Args:
        cause: What failed, in words that are the same each time.
        error: Why.
    """
    now = time.monotonic()
    last, suppressed = _causes.get(cause, (now - _PERIOD, 0))
    if now - last < _PERIOD:
        _causes[cause] = (last, suppressed + 1)
        return
    if len(_causes) >= _MOST_CAUSES:
        _causes.clear()
    _causes[cause] = (now, 0)
    import logging

    logging.getLogger("smithkit.tracing").warning(
        "%s%s%s",
        cause,
        "" if error is None else f": {_describe(error)}",
        f" ({suppressed} more of these since the last report)" if suppressed else "",
    )


def _describe(error: BaseException) -> str:
    try:
        return repr(error)
    except Exception:  # noqa: BLE001 - an exception whose repr fails still has a type
        return type(error).__name__
