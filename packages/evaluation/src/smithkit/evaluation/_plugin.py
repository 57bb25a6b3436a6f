"""What `smithkit` loads when a client is first used: the methods of this package, and its display."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.hooks import hookimpl

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from smithkit.evaluation._progress import ExperimentProgress
    from smithkit.plugins import MethodRegistry

__all__ = ["create_executor", "on_experiment_progress", "register_methods", "smithkit_hook_api"]

smithkit_hook_api = 1
"""Version of the hook API that this plugin is written for."""


@hookimpl
def create_executor(spec: str) -> Executor | None:
    """Have ``dask://host:port`` mean a Dask cluster."""
    if not spec.startswith("dask://"):
        return None
    from smithkit.evaluation._dask import DaskExecutor

    return DaskExecutor(spec.removeprefix("dask://"))


@hookimpl
def register_methods(registry: MethodRegistry) -> None:
    """Add the methods of this package to the clients."""
    from smithkit.evaluation._methods import AsyncEvaluationMethods, EvaluationMethods

    registry.add(EvaluationMethods, asynchronous=AsyncEvaluationMethods)


@hookimpl
def on_experiment_progress(event: ExperimentProgress) -> None:
    """Show on the terminal how far an experiment is."""
    if event.display:
        from smithkit.evaluation._display import show

        show(event)
