"""Where LangChain's runs and smithkit's meet.

LangChain keeps the run of a step in its callback manager, under the id that the step's config names.
It is used where a program has loaded it, and never imported for the sake of looking.
"""

# ruff: noqa: SLF001 - the modules that make and send runs share a run's slots

from __future__ import annotations

from sys import modules
from typing import TYPE_CHECKING, Any

from smithkit.tracing._context import split
from smithkit.tracing._traceable import is_async, is_traceable_function
from smithkit.tracing.run_trees import RunTree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smithkit.tracing._context import Scope

__all__ = ["as_runnable", "run_of_config", "surroundings"]

_CONFIG = "langchain_core.runnables.config"


def surroundings(scope: Scope | RunTree | None) -> tuple[RunTree | None, Scope | None]:
    """The run that a run which starts now stands below, and the `tracing_context` block around it.

    The run is the current one, or LangChain's of the step that is being executed where that is further
    down. A block that says that there is no current run has the last word.

    Args:
        scope: What is current.
    """
    run, block = split(scope)
    if _CONFIG not in modules or (run is None and block is not None):
        return run, block
    step = run_of_config(None)
    if step is None or (run is not None and not step.dotted_order.startswith(f"{run.dotted_order}.")):
        return run, block
    return step, block


def run_of_config(config: Mapping[str, Any] | None, **fields: Any) -> RunTree | None:
    """LangChain's run that a config leads to, see `RunTree.from_runnable_config`."""
    if config is None:
        module: Any = modules.get(_CONFIG)
        config = None if module is None else module.var_child_runnable_config.get()
    callbacks = (config or {}).get("callbacks")
    key = getattr(callbacks, "parent_run_id", None)
    if key is None:
        return None
    for handler in getattr(callbacks, "handlers", ()):
        run = getattr(handler, "run_map", {}).get(str(key))
        if run is not None and hasattr(handler, "project_name"):  # the tracer that sends runs to LangSmith
            return _as_run_tree(run, handler, fields)
    return None


def _as_run_tree(run: Any, tracer: Any, fields: dict[str, Any]) -> RunTree:
    """The run as a `RunTree`: LangChain's runs are, since its release 0.3.80 or so."""
    if isinstance(run, RunTree):
        made = run.model_copy(update=fields) if fields else run
    else:
        given = {name: getattr(run, name, None) for name in _FIELDS}
        made = RunTree(**{**given, "session_name": tracer.project_name, **fields})
        made._posted = True
    if made.ls_client is None:
        made.ls_client = tracer.client
    return made


_FIELDS = (
    "id", "name", "run_type", "start_time", "parent_run_id", "trace_id", "dotted_order", "inputs", "extra",
    "tags",
)  # fmt: skip


def as_runnable(traced: Callable[..., Any]) -> Any:
    """Make a LangChain Runnable of a traced function.

    Its input is a dictionary: the function's keyword arguments. The function's run stands below the
    Runnable's own.

    Args:
        traced: A function that is decorated with `traceable`, plain or coroutine.

    Returns:
        The Runnable: `invoke` for a plain function, `ainvoke` for both kinds.

    Raises:
        ModuleNotFoundError: langchain-core is not installed.
        ValueError: The function is not decorated.

    Example:
        >>> from smithkit.tracing import as_runnable, traceable
        >>> @traceable
        ... def double(number: int) -> int:
        ...     return 2 * number
        >>> as_runnable(double).invoke({"number": 21})  # doctest: +SKIP
        42
    """
    if not is_traceable_function(traced):
        raise ValueError(f"as_runnable takes a function decorated with @traceable, not {traced!r}")
    from langchain_core.runnables import RunnableLambda

    name = getattr(traced, "__name__", None)
    if is_async(traced):

        async def awaited(inputs: Mapping[str, Any]) -> Any:
            return await traced(**inputs)

        return RunnableLambda(awaited, name=name)
    return RunnableLambda(lambda inputs: traced(**inputs), name=name)
