"""Environment variables, read anew at every look-up.

A variable `X` is looked up as ``LANGSMITH_X``, then as ``LANGCHAIN_X``; blank values count as unset.
Nothing is cached, so that a program may switch tracing on and off while it runs. This module is on
the path of every traced call and of ``import smithkit``: it imports nothing.
"""

from __future__ import annotations

import os

__all__ = ["get", "is_true", "is_truish", "names"]

_PREFIXES = ("LANGSMITH_", "LANGCHAIN_")


def names(name: str) -> tuple[str, ...]:
    """The variables that are consulted for `name`, in their order of precedence.

    Args:
        name: Name without its prefix, such as ``"API_KEY"``.

    Example:
        >>> names("API_KEY")
        ('LANGSMITH_API_KEY', 'LANGCHAIN_API_KEY')
    """
    return tuple(prefix + name for prefix in _PREFIXES)


def get(name: str, default: str | None = None) -> str | None:
    """The value of ``LANGSMITH_<name>``, else of ``LANGCHAIN_<name>``, else the default.

    Args:
        name: Name without its prefix, such as ``"API_KEY"``.
        default: Returned when neither is set to more than blanks.

    Example:
        >>> get("NO_SUCH_SETTING", "default")
        'default'
    """
    for prefix in _PREFIXES:
        value = os.environ.get(prefix + name)
        if value is not None and value.strip():
            return value
    return default


def is_true(name: str) -> bool:
    """Whether the variable is exactly ``true``, as the switches of tracing want it.

    Args:
        name: Name without its prefix, such as ``"HIDE_INPUTS"``.
    """
    return get(name) == "true"


def is_truish(name: str) -> bool:
    """Whether the variable is ``true`` in any case, or ``1``.

    Args:
        name: Name without its prefix, such as ``"DISABLE_RUN_COMPRESSION"``.
    """
    return (get(name) or "").strip().lower() in {"true", "1"}
