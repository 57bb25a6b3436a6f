"""Summary evaluators: what says how good a whole experiment is."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from smithkit.evaluation._arguments import Binding, name_of
from smithkit.tracing import is_async, traceable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smithkit.evaluation._results import ExperimentResultRow
    from smithkit.tracing import LangSmithExtra

__all__ = ["SummaryEvaluator", "as_summary_evaluators"]

_OFFERED = ("runs", "examples", "inputs", "outputs", "reference_outputs", "evaluation_results")


class SummaryEvaluator:
    """A function that judges all runs of an experiment together, traced.

    Args:
        function: It may name any of `runs`, `examples`, `inputs`, `outputs`, `reference_outputs` and
            `evaluation_results`, lists of equal length, or take runs and examples by position.

    Raises:
        TypeError: It is not callable.
        ValueError: It has arguments that nothing can be given for.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        if not callable(function):
            raise TypeError(f"A summary evaluator must be a function, not {function!r:.80}.")
        self.function = function
        self.name = name_of(function)
        self.is_async = is_async(function)
        self._binding = Binding(function, _OFFERED, ("runs", "examples"), "summary evaluator")

    def on(self, rows: Sequence[ExperimentResultRow], extra: LangSmithExtra) -> Any:
        """Judge rows; the call is traced.

        Args:
            rows: The rows.
            extra: What is said about the run, as `langsmith_extra`.
        """
        shown = {"runs_": f"Runs[] (Length={len(rows)})", "examples_": f"Examples[] (Length={len(rows)})"}
        decorate = traceable(name=self.name, process_inputs=lambda _: shown)
        judge = functools.partial(self._binding.call, self.function, _values(rows))
        if self.is_async:

            async def judge_later() -> Any:
                return await judge()

            return decorate(judge_later)(langsmith_extra=extra)

        def judge_now() -> Any:
            return judge()

        return decorate(judge_now)(langsmith_extra=extra)


def as_summary_evaluators(given: Sequence[Any] | None) -> list[SummaryEvaluator]:
    """Summary evaluators of functions.

    Raises:
        TypeError: One is none.
        ValueError: A function has arguments that nothing can be given for.
    """
    if callable(given) or isinstance(given, str):
        raise TypeError("summary_evaluators must be a list of functions, also where it is one.")
    return [SummaryEvaluator(function) for function in given or ()]


def _values(rows: Sequence[ExperimentResultRow]) -> dict[str, Any]:
    return {
        "runs": [row["run"] for row in rows],
        "examples": [row["example"] for row in rows],
        "inputs": [row["example"].inputs or {} for row in rows],
        "outputs": [row["run"].outputs or {} for row in rows],
        "reference_outputs": [row["example"].outputs or {} for row in rows],
        "evaluation_results": [row["evaluation_results"]["results"] for row in rows],
    }
