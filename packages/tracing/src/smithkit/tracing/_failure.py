"""The text that a run keeps of an exception."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["error_text"]

_PACKAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")  # noqa: PTH100, PTH118, PTH120 - frames name files as text
_MOST_CHAINED = 20


def error_text(error: BaseException) -> str:
    """The exception's `repr`, an empty line, and its traceback without frames of this package.

    Args:
        error: The exception; neither it nor its frames are kept.

    Returns:
        The text; an exception whose `repr` fails is named by its type alone.
    """
    try:
        head = repr(error)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - it is the program's own code
        head = f"<{type(error).__name__}>"
    try:
        return f"{head}\n\n{_traceback(error)}"
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - see above; deep recursion ends here too
        return head


def _traceback(error: BaseException) -> str:
    described = traceback.TracebackException(type(error), error, error.__traceback__)
    for part in _chain(described):
        part.stack = traceback.StackSummary.from_list(
            [frame for frame in part.stack if not frame.filename.startswith(_PACKAGE)]
        )
    lines = "".join(described.format())
    if not lines.startswith("Traceback"):
        lines = f"Traceback (most recent call last):\n{lines}"
    return lines


def _chain(described: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    """An exception and those that it came from."""
    waiting = [described]
    for _ in range(_MOST_CHAINED):
        if not waiting:
            return
        part = waiting.pop()
        yield part
        waiting += [other for other in (part.__cause__, part.__context__) if other is not None]
