"""How tracing speaks of its own failures: in the log, at most once a minute for each cause."""

from __future__ import annotations

from smithkit._quiet import Quiet

__all__ = ["described", "report"]

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
        "" if error is None else f": {described(error)}",
        f" ({count - 1} more of these since the last report)" if count > 1 else "",
    )


def described(error: BaseException) -> str:
    """What a log may say of an error: of a foreign one its type and place, for its text may quote what is traced.

    Args:
        error: The error.
    """
    from smithkit.errors import LangSmithError

    kind = type(error).__name__
    if isinstance(error, LangSmithError):
        return f"{kind}: {error}"
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    if step is None:
        return kind
    return f"{kind} ({step.tb_frame.f_code.co_filename}:{step.tb_lineno})"
