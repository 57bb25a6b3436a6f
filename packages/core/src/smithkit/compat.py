"""Programs written for the reference client, run on smithkit.

`MODULES` says which of smithkit's modules stands for which of the reference's. `install` makes
``import langsmith`` find them, and so LangChain's tracer, LangGraph and existing programs.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from smithkit._reference_names import ALIASES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MODULES", "install", "uninstall"]

MODULES: dict[str, str] = {
    "langsmith": "smithkit",
    "langsmith.address": "smithkit.tracing",
    "langsmith.anonymizer": "smithkit.tracing.anonymizer",
    "langsmith.async_client": "smithkit.client",
    "langsmith.client": "smithkit.client",
    "langsmith.env": "smithkit.runtime",
    "langsmith.evaluation": "smithkit.evaluation",
    "langsmith.evaluation.evaluator": "smithkit.evaluation",
    "langsmith.evaluation.string_evaluator": "smithkit.evaluation",
    "langsmith.middleware": "smithkit.tracing.middleware",
    "langsmith.prompt_cache": "smithkit.prompts.cache",
    "langsmith.run_helpers": "smithkit.tracing",
    "langsmith.run_trees": "smithkit.tracing",
    "langsmith.schemas": "smithkit.schemas",
    "langsmith.testing": "smithkit.evaluation.testing",
    "langsmith.utils": "smithkit.errors",
    "langsmith.uuid": "smithkit.tracing",
    "langsmith.wrappers": "smithkit.tracing.wrappers",
}
"""Reference module → smithkit module that has its names; those that it has not are in `ALIASES`."""


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
        is_package = any(name.startswith(f"{fullname}.") for name in MODULES)
        return importlib.machinery.ModuleSpec(fullname, self, is_package=is_package)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:  # noqa: ARG002
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        target = importlib.import_module(MODULES[name])
        module.__doc__ = f"Stands for the reference's module of this name: see {target.__name__!r}."
        module.__file__ = target.__file__  # where Python's ImportError says that a name is missing
        vars(module)["__getattr__"] = lambda attribute: _lookup(target, name, attribute)
        vars(module)["__dir__"] = lambda: sorted({*dir(target), *ALIASES.get(name, ())})


def _lookup(target: ModuleType, name: str, attribute: str) -> Any:
    if f"{name}.{attribute}" in MODULES:
        return importlib.import_module(f"{name}.{attribute}")
    alias = ALIASES.get(name, {}).get(attribute)
    if alias is not None:
        module, _, own = alias.partition(":")
        return getattr(importlib.import_module(module), own)
    value = getattr(target, attribute, None)
    # A module of smithkit's own that happens to have a name of the reference's stands for nothing.
    if isinstance(value, ModuleType) or not hasattr(target, attribute):
        raise AttributeError(f"module {name!r} stands for {target.__name__!r}, which has no {attribute!r}")
    return value


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
