"""Warnings for methods that the API still calls a beta: one for each method in a process."""

from __future__ import annotations

import warnings

from smithkit.errors import LangSmithBetaWarning

__all__ = ["warn_beta"]

_warned: set[str] = set()
# The helper, the flow, what drives the flow, the bound method, its caller.
_CALLER = 5


def warn_beta(method: str) -> None:
    """Warn, once in a process, that a method may change; to be called first thing in an `operation`.

    Args:
        method: Its name.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     warn_beta("guess")
        ...     warn_beta("guess")
        >>> [str(warning.message) for warning in caught]
        ['guess is in beta: what it takes and returns may change.']
    """
    if method in _warned:
        return
    _warned.add(method)
    message = f"{method} is in beta: what it takes and returns may change."
    warnings.warn(message, LangSmithBetaWarning, stacklevel=_CALLER)
