"""Feedback on runs of the LangSmith API."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from smithkit.feedback._methods import AsyncFeedbackMethods, FeedbackMethods

__all__ = ["AsyncFeedbackMethods", "FeedbackMethods"]

_HOLDERS = dict.fromkeys(__all__, "smithkit.feedback._methods")


def __getattr__(name: str) -> Any:
    if name not in _HOLDERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOLDERS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
