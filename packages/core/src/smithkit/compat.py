"""Programs written for the reference client, run on smithkit.

`MODULES` says which of smithkit's modules stands for which of the reference's. `install` makes
``import langsmith`` find them, and so LangChain's tracer, LangGraph and existing programs.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["MODULES", "install", "uninstall"]

MODULES: dict[str, str] = {
    "langsmith": "smithkit",
    "langsmith.async_client": "smithkit.client",
    "langsmith.client": "smithkit.client",
    "langsmith.middleware": "smithkit.tracing.middleware",
    "langsmith.run_helpers": "smithkit.tracing",
    "langsmith.run_trees": "smithkit.tracing",
    "langsmith.schemas": "smithkit.schemas",
    "langsmith.utils": "smithkit.errors",
    "langsmith.uuid": "smithkit.tracing",
}
"""Reference module → smithkit module."""


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives smithkit's modules for the reference's names; it stands before all other finders."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the import system's interface
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in MODULES:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=fullname == "langsmith")

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:  # noqa: ARG002
        return None

    def exec_module(self, module: ModuleType) -> None:
        target = importlib.import_module(MODULES[module.__name__])
        vars(module)["__getattr__"] = lambda name: _lookup(target, module.__name__, name)
        vars(module)["__dir__"] = lambda: dir(target)


def _lookup(target: ModuleType, name: str, attribute: str) -> Any:
    try:
        return getattr(target, attribute)
    except AttributeError:
        raise AttributeError(
            f"module {name!r} stands for {target.__name__!r}, which has no {attribute!r}"
        ) from None


_finder = _Finder()


def install() -> None:
    """Make ``import langsmith`` find smithkit, in this process.

    Call it before anything imports `langsmith`: a module that is loaded already stays what it is.

    Raises:
        RuntimeError: The reference client itself is loaded already.

    Example:
        >>> from smithkit import compat
        >>> compat.install()
        >>> from langsmith import Client
        >>> Client.__module__
        'smithkit.client'
        >>> compat.uninstall()
    """
    loaded = sys.modules.get("langsmith")
    if loaded is not None and getattr(loaded.__spec__, "loader", None) is not _finder:
        raise RuntimeError("langsmith is imported already: call smithkit.compat.install() before.")
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def uninstall() -> None:
    """Undo `install`: the next ``import langsmith`` finds the reference client, if there is one."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    for name in MODULES:
        module = sys.modules.get(name)
        if module is not None and getattr(module.__spec__, "loader", None) is _finder:
            del sys.modules[name]
