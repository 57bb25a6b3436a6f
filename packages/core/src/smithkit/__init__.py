# ruff: noqa: F405 - the names of `__all__` come from a star import, see there
"""smithkit: the modular Python SDK for the LangSmith API.

    from smithkit import Client, traceable

Names are loaded when they are first used. Which there are depends on what is installed; a name of a
package that is not says how to install it.
"""

from __future__ import annotations

from smithkit import _namespace

# Other distributions add their packages to this one: smithkit.tracing, smithkit.datasets, …
__path__ = _namespace.extend(__path__, __name__)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from smithkit._version import __version__
    from smithkit.client import AsyncClient, Client

    # Stars: the names of a package that is not installed must be missing here, not Any.
    from smithkit.evaluation import *  # noqa: F403
    from smithkit.prompts import *  # noqa: F403
    from smithkit.tracing import *  # noqa: F403

__all__ = [
    "AsyncCache",
    "AsyncClient",
    "AsyncPromptCache",
    "Cache",
    "Client",
    "ContextThreadPoolExecutor",
    "PromptCache",
    "RunEvaluator",
    "RunTree",
    "__version__",
    "aevaluate",
    "aevaluate_existing",
    "configure",
    "configure_global_async_prompt_cache",
    "configure_global_prompt_cache",
    "evaluate",
    "evaluate_comparative",
    "evaluate_existing",
    "expect",
    "get_current_run_tree",
    "get_tracing_context",
    "run_evaluator",
    "set_run_metadata",
    "test",
    "trace",
    "traceable",
    "tracing_context",
    "unit",
    "uuid7",
    "uuid7_from_datetime",
]


if not TYPE_CHECKING:  # to a checker, every name would be there

    def __getattr__(name: str) -> Any:
        value = getattr(_module_of(name), name)
        globals()[name] = value
        return value


def _module_of(name: str) -> Any:
    from importlib import import_module

    from smithkit._catalogue import NAMES

    if name not in NAMES:
        raise AttributeError(f"module 'smithkit' has no attribute {name!r}")
    try:
        return import_module(NAMES[name])
    except ModuleNotFoundError as error:
        if error.name != NAMES[name]:
            raise
        from smithkit.errors import MissingPackageError

        package = NAMES[name].rpartition(".")[2]
        raise MissingPackageError(
            f"`{name}` needs smithkit-{package}: pip install 'smithkit-core[{package}]'"
        ) from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
