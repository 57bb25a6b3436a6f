"""Tracing's environment variables, read at every traced call.

`os.environ.get` takes about a microsecond for a variable that is not set, which is most of what a
traced call may cost while tracing is off. So the mapping below `os.environ` is asked, with keys that
were encoded once; where `os.environ` was replaced by something else, that is asked in the usual way.
"""

# ruff: noqa: SLF001 - the mapping below os.environ has no public name

from __future__ import annotations

import os

__all__ = ["environment_enabled", "environment_has_endpoints", "environment_project"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_ENVIRON: Any = os.environ
_KIND: Any = type(os.environ)


def _prefixed(*names: str) -> tuple[str, ...]:
    return tuple(prefix + name for name in names for prefix in ("LANGSMITH_", "LANGCHAIN_"))


_ENDPOINTS = _prefixed("RUNS_ENDPOINTS")
_SWITCHES = _prefixed("TRACING_V2", "TRACING")
_PROJECTS = ("HOSTED_LANGSERVE_PROJECT_NAME", *_prefixed("PROJECT", "SESSION"))
_SWITCH_KEYS = tuple(_ENVIRON.encodekey(name) for name in _SWITCHES)
_PROJECT_KEYS = tuple(_ENVIRON.encodekey(name) for name in _PROJECTS)
_ENDPOINT_KEYS = tuple(_ENVIRON.encodekey(name) for name in _ENDPOINTS)
_TRUE = _ENVIRON.encodevalue("true")


def environment_enabled() -> bool:
    """Whether ``TRACING_V2``, else ``TRACING``, is exactly ``true``; blanks count as unset.

    Both are looked up with ``LANGSMITH_`` before ``LANGCHAIN_``.
    """
    environ: Any = os.environ
    if environ.__class__ is not _KIND:
        return _first(environ, _SWITCHES) == "true"
    data = environ._data
    for key in _SWITCH_KEYS:
        if key in data and (value := data.get(key)) and value.strip():  # `in` is the cheapest question
            return bool(value == _TRUE)
    return False


def environment_project(default: str = "default") -> str:
    """The project that the environment names for runs, else the default."""
    environ: Any = os.environ
    if environ.__class__ is not _KIND:
        return _first(environ, _PROJECTS) or default
    data = environ._data
    for key in _PROJECT_KEYS:
        if key in data and (value := data.get(key)) and value.strip():
            return str(environ.decodevalue(value))
    return default


def environment_has_endpoints() -> bool:
    """Whether ``RUNS_ENDPOINTS`` is set, to anything at all."""
    environ: Any = os.environ
    if environ.__class__ is not _KIND:
        return any(name in environ for name in _ENDPOINTS)
    data = environ._data
    return _ENDPOINT_KEYS[0] in data or _ENDPOINT_KEYS[1] in data


def _first(environ: Any, names: Sequence[str]) -> str | None:
    for name in names:
        value = environ.get(name)
        if value is not None and value.strip():
            return str(value)
    return None
