"""Checks of a call's arguments that every resource method shares; they speak before anything is sent."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from smithkit.errors import LangSmithUserError

__all__ = ["ID_TYPE", "as_uuid", "exactly_one"]

ID_TYPE = UUID | str
"""An id: a UUID or its text."""


def as_uuid(value: Any, name: str) -> UUID:
    """The UUID that an argument means; nothing else may become part of a URL's path.

    Args:
        value: A UUID or its text.
        name: The argument's name, for the message.

    Raises:
        LangSmithUserError: It is neither.

    Example:
        >>> as_uuid("a0000000-0000-4000-8000-000000000001", "run_id").version
        4
    """
    if isinstance(value, UUID):
        return value
    try:
        return UUID(str(value))
    except ValueError:
        raise LangSmithUserError(f"{name} must be a UUID or its text, not {value!r:.80}.") from None


def exactly_one(**arguments: Any) -> None:
    """Insist that one argument of several, and only one, is given.

    Args:
        arguments: Name → value; None counts as not given.

    Raises:
        ValueError: None or more than one is given.

    Example:
        >>> exactly_one(project_id=None, project_name="demo")
    """
    given = [name for name, value in arguments.items() if value is not None]
    if len(given) != 1:
        got = f"got {' and '.join(given)}" if given else "got none"
        raise ValueError(f"Give exactly one of {', '.join(arguments)}; {got}.")
