"""Evaluators: what says how good a run is."""

from __future__ import annotations

import asyncio
import functools
import inspect
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from smithkit.datasets.schemas import Example
from smithkit.evaluation._arguments import Binding, name_of
from smithkit.evaluation._attachments import fresh
from smithkit.evaluation._outcomes import results_of
from smithkit.evaluation._steps import blocking
from smithkit.runtime import runtime_environment
from smithkit.tracing import RunTree, ensure_traceable, is_async, uuid7

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from smithkit.evaluation.schemas import EvaluationResult, EvaluationResults

__all__ = [
    "EVALUATORS_PROJECT",
    "DynamicRunEvaluator",
    "RunEvaluator",
    "as_evaluators",
    "offered",
    "run_evaluator",
    "shown",
]

EVALUATORS_PROJECT = "evaluators"
"""Project of the runs of evaluators."""
_OFFERED = ("run", "example", "inputs", "outputs", "reference_outputs", "attachments", "metadata")


class RunEvaluator(ABC):
    """Base of evaluators that are classes: says how good a run is.

    Example:
        >>> from smithkit.evaluation import EvaluationResult, RunEvaluator
        >>> class Short(RunEvaluator):
        ...     def evaluate_run(self, run, example=None, evaluator_run_id=None):
        ...         return EvaluationResult(key="short", score=len(str(run.outputs)) < 100)
    """

    @abstractmethod
    def evaluate_run(
        self, run: Any, example: Example | None = None, evaluator_run_id: UUID | None = None
    ) -> EvaluationResult | EvaluationResults:
        """Judge a run.

        Args:
            run: The run.
            example: The example that it answers.
            evaluator_run_id: Id for the evaluator's own run.
        """

    async def aevaluate_run(
        self, run: Any, example: Example | None = None, evaluator_run_id: UUID | None = None
    ) -> EvaluationResult | EvaluationResults:
        """Judge a run without blocking the event loop: `evaluate_run`, in a thread."""
        return await asyncio.to_thread(self.evaluate_run, run, example, evaluator_run_id)


class DynamicRunEvaluator(RunEvaluator):
    """An evaluator made of a function, which is traced.

    Args:
        func: The function, of any of the shapes that `run_evaluator` describes.
        afunc: Its asynchronous form, if there are both.

    Raises:
        TypeError: It is not callable.
        ValueError: It has arguments that nothing can be given for.
    """

    def __init__(self, func: Callable[..., Any], afunc: Callable[..., Any] | None = None) -> None:
        if not callable(func) or inspect.isclass(func):
            raise TypeError(f"An evaluator must be a function or a RunEvaluator, not {func!r:.80}.")
        self.func = func
        self.name = name_of(func)
        self.binding = Binding(func, _OFFERED, ("run", "example"), "evaluator")
        self.is_async = is_async(func) or afunc is not None
        self._sync = None if is_async(func) else ensure_traceable(func, name=self.name, process_inputs=shown)
        waiting = afunc or (func if is_async(func) else None)
        self._async = (
            None if waiting is None else ensure_traceable(waiting, name=self.name, process_inputs=shown)
        )

    def __repr__(self) -> str:
        return f"<DynamicRunEvaluator {self.name}>"

    def evaluate_run(
        self, run: Any, example: Example | None = None, evaluator_run_id: UUID | None = None
    ) -> EvaluationResults:
        """Judge a run.

        Args:
            run: The run.
            example: The example that it answers.
            evaluator_run_id: Id for the evaluator's own run.

        Raises:
            ValueError: The function returned something that is no result.
        """
        if self._sync is None:
            results: EvaluationResults = blocking(self.aevaluate_run(run, example, evaluator_run_id))
            return results
        source = evaluator_run_id or uuid7()
        returned = self.binding.call(_placed(self._sync, source), offered(run, example))
        return results_of(returned, self.name, source)

    async def aevaluate_run(
        self, run: Any, example: Example | None = None, evaluator_run_id: UUID | None = None
    ) -> EvaluationResults:
        """Judge a run, awaiting a function that is asynchronous; another one runs in a thread."""
        if self._async is None:
            return await asyncio.to_thread(self.evaluate_run, run, example, evaluator_run_id)
        source = evaluator_run_id or uuid7()
        returned = await self.binding.call(_placed(self._async, source), offered(run, example))
        return results_of(returned, self.name, source)

    def __call__(self, run: Any, example: Example | None = None) -> EvaluationResults:
        """Judge a run."""
        return self.evaluate_run(run, example)


def offered(run: Any, example: Example | None) -> dict[str, Any]:
    """What an evaluator of one run may ask for, by name."""
    return {
        "run": run,
        "example": example,
        "inputs": (example.inputs if example is not None else run.inputs) or {},
        "outputs": run.outputs or {},
        "reference_outputs": (example.outputs if example is not None else None) or {},
        "attachments": fresh(example),
        "metadata": (example.metadata if example is not None else None) or {},
    }


def _placed(traced: Callable[..., Any], source: UUID) -> Callable[..., Any]:
    """A traced evaluator whose run has a given id."""
    extra = {"run_id": source, "project_name": EVALUATORS_PROJECT}
    return functools.partial(traced, langsmith_extra=extra)


def run_evaluator(function: Callable[..., Any]) -> DynamicRunEvaluator:
    """Make an evaluator of a function.

    Args:
        function: It may name any of `run`, `example`, `inputs`, `outputs`, `reference_outputs`,
            `attachments` and `metadata`, or take run and example by position. It returns an
            `EvaluationResult`, a dict with a score or value, several of them in a list or as
            ``{"results": [...]}``, a number or truth (a score), or a text (a value). It may be async.

    Raises:
        ValueError: It has arguments that nothing can be given for.

    Example:
        >>> from smithkit.evaluation import run_evaluator
        >>> @run_evaluator
        ... def exact(outputs: dict, reference_outputs: dict) -> bool:
        ...     return outputs == reference_outputs
        >>> exact
        <DynamicRunEvaluator exact>
    """
    return DynamicRunEvaluator(function)


def as_evaluators(given: Sequence[Any] | None) -> list[RunEvaluator]:
    """Evaluators of what a caller gave: functions, and evaluators as they are.

    Raises:
        TypeError: One is neither.
        ValueError: A function has arguments that nothing can be given for.
    """
    if given is None:
        return []
    if callable(given) or isinstance(given, (str, RunEvaluator)):
        raise TypeError("evaluators must be a list of evaluators, also where it is one.")
    return [one if _is_evaluator(one) else DynamicRunEvaluator(one) for one in given]


def _is_evaluator(one: Any) -> bool:
    return isinstance(one, RunEvaluator) or callable(getattr(one, "evaluate_run", None))


def shown(inputs: dict[str, Any]) -> dict[str, Any]:
    """What an evaluator's run records of its inputs: the fields of runs and examples, without links and clients."""
    return {name: _fields(value) for name, value in inputs.items()}


def _fields(value: Any) -> Any:
    if isinstance(value, list):
        return [_fields(one) for one in value]
    if isinstance(value, RunTree):
        fields = value.model_dump(exclude_none=True)
        extra = {"runtime": runtime_environment(), **fields["extra"]}
        return {**fields, "extra": extra, "dangerously_allow_filesystem": False, "replicas": []}
    if isinstance(value, Example):
        return value.model_dump(mode="json", exclude=set(value.model_extra or ()), exclude_none=True)
    return value
