"""An evaluator of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smithkit.evaluation._arguments import name_of
from smithkit.evaluation._evaluators import RunEvaluator
from smithkit.evaluation._outcomes import results_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from smithkit.datasets.schemas import Example
    from smithkit.evaluation.schemas import EvaluationResults

__all__ = ["StringEvaluator"]


@dataclass
class StringEvaluator(RunEvaluator):
    """Judges one text of a run's outputs against one text of its example.

    Attributes:
        evaluation_name: Key of the results; default: the grading function's name.
        input_key: Which of the run's inputs is the question.
        prediction_key: Which of its outputs is the answer; None for the first.
        answer_key: Which of the example's outputs is the expected answer; None for none.
        grading_function: Called with question, answer and expected answer; returns what an evaluator may.

    Example:
        >>> from types import SimpleNamespace
        >>> from smithkit.evaluation import StringEvaluator
        >>> def contains(question, answer, expected):
        ...     return {"score": expected in answer}
        >>> judge = StringEvaluator(grading_function=contains)
        >>> run = SimpleNamespace(inputs={"input": "capital?"}, outputs={"output": "It is Paris"})
        >>> example = SimpleNamespace(outputs={"output": "Paris"})
        >>> judge.evaluate_run(run, example)["results"][0].score
        True
    """

    evaluation_name: str | None = None
    input_key: str = "input"
    prediction_key: str | None = None
    answer_key: str | None = "output"
    grading_function: Callable[[Any, Any, Any], Any] | None = None

    @property
    def name(self) -> str:
        """Key of results that do not say their own."""
        return self.evaluation_name or name_of(self.grading_function)

    def evaluate_run(
        self, run: Any, example: Example | None = None, evaluator_run_id: UUID | None = None
    ) -> EvaluationResults:
        """Judge a run.

        Args:
            run: The run.
            example: The example that it answers.
            evaluator_run_id: Id for the evaluator's own run.

        Raises:
            ValueError: There is no grading function, or the run has no outputs.
        """
        if self.grading_function is None:
            raise ValueError("StringEvaluator needs a grading_function.")
        if not run.outputs:
            raise ValueError("The run has no outputs to judge.")
        key = next(iter(run.outputs)) if self.prediction_key is None else self.prediction_key
        expected = None
        if example is not None and self.answer_key is not None:
            expected = (example.outputs or {}).get(self.answer_key)
        returned = self.grading_function((run.inputs or {}).get(self.input_key), run.outputs[key], expected)
        return results_of(returned, self.name, evaluator_run_id)
