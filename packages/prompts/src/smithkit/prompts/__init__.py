"""Prompts and their commits: the methods that the clients get from this package, and its schemas."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from smithkit.prompts._methods import AsyncPromptMethods, PromptMethods
    from smithkit.prompts.identifiers import PromptIdentifier, parse_identifier

__all__ = [
    "AsyncPromptMethods",
    "PromptIdentifier",
    "PromptMethods",
    "parse_identifier",
]

_HOLDERS = {
    "AsyncPromptMethods": "smithkit.prompts._methods",
    "PromptIdentifier": "smithkit.prompts.identifiers",
    "PromptMethods": "smithkit.prompts._methods",
    "parse_identifier": "smithkit.prompts.identifiers",
}


def __getattr__(name: str) -> Any:
    if name not in _HOLDERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOLDERS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
