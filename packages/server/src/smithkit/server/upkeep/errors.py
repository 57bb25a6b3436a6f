"""What upkeep refuses."""

from __future__ import annotations

from smithkit.errors import LangSmithUserError

__all__ = ["UpkeepError"]


class UpkeepError(LangSmithUserError):
    """A database, a backup or an export that cannot be worked on; the text says what to do.

    Example:
        >>> issubclass(UpkeepError, ValueError)
        False
    """
