"""Types of what `evaluate` and its kin take as targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias
from uuid import UUID

from smithkit.tracing.schemas import TracerSession

__all__ = ["Several", "Single"]


class _Runnable(Protocol):
    """What LangChain's Runnables have."""

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        """Answer."""

    def ainvoke(self, *args: Any, **kwargs: Any) -> Any:
        """Answer, awaited."""


Single: TypeAlias = Callable[..., Any] | _Runnable | str | UUID | TracerSession
"""One target: a function or Runnable; or the name, id or project of an experiment."""
Several: TypeAlias = tuple[Any, ...] | list[Any]
"""Experiments that are judged side by side."""
