"""Comparisons: judging the answers of several experiments to the same examples side by side."""

from __future__ import annotations

import functools
import logging
import random
import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from smithkit.errors import LangSmithError
from smithkit.evaluation import _tables
from smithkit.evaluation._arguments import Binding, name_of
from smithkit.evaluation._evaluators import EVALUATORS_PROJECT, shown
from smithkit.evaluation._experiment import project_of, required_dataset, runs_of
from smithkit.evaluation._steps import Call, everything
from smithkit.evaluation.schemas import ComparisonEvaluationResult
from smithkit.tracing import ensure_traceable, is_async, tracing_context, uuid7

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from uuid import UUID

    import pandas as pd

    from smithkit.datasets.schemas import Example
    from smithkit.evaluation.schemas import ComparativeExperiment
    from smithkit.operations import Flow

__all__ = [
    "ComparativeExperimentResults",
    "ComparativeRow",
    "Comparison",
    "DynamicComparisonRunEvaluator",
    "as_comparison_evaluators",
    "comparison_evaluator",
]

_log = logging.getLogger("smithkit.evaluation")
_OFFERED = ("runs", "example", "inputs", "outputs", "reference_outputs")
_IN_ONE_URL = 99


class ComparativeRow(TypedDict):
    """The judgement of the answers to one example.

    Attributes:
        example: The example.
        evaluation_results: ``runs``, and a `ComparisonEvaluationResult` under ``feedback.`` and its key.
    """

    example: Example
    evaluation_results: dict[str, Any]


class ComparativeExperimentResults:
    """Results of `evaluate_comparative`: rows by iteration, one example's results by its id.

    Attributes:
        comparative_experiment: The comparison.
    """

    def __init__(self, comparative_experiment: ComparativeExperiment, rows: Sequence[ComparativeRow]) -> None:
        self.comparative_experiment = comparative_experiment
        self._rows = list(rows)

    @property
    def experiment_name(self) -> str:
        """Name of the comparison."""
        return self.comparative_experiment.name or ""

    def __iter__(self) -> Iterator[ComparativeRow]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, example_id: UUID | str) -> dict[str, Any]:
        """What was said about the answers to an example."""
        for row in self._rows:
            if str(row["example"].id) == str(example_id):
                return row["evaluation_results"]
        raise KeyError(example_id)

    def to_pandas(self) -> pd.DataFrame:
        """The scores as a table: a line for each example, key and run.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        lines = [
            {"example_id": str(row["example"].id), "key": result.key, "run_id": str(run_id), "score": score}
            for row in self._rows
            for result in row["evaluation_results"].values()
            if isinstance(result, ComparisonEvaluationResult)
            for run_id, score in result.scores.items()
        ]
        table: pd.DataFrame = _tables.pandas().DataFrame(lines)
        return table


class DynamicComparisonRunEvaluator:
    """A comparative evaluator made of a function, which is traced.

    Args:
        func: It may name any of `runs`, `example`, `inputs`, `outputs` and `reference_outputs`, or take
            runs and example by position. It returns a list of scores in the order of the runs, a dict with
            ``scores`` (such a list, or run id → score), ``key`` and ``comment``, or a
            `ComparisonEvaluationResult`.

    Raises:
        TypeError: It is not callable.
        ValueError: It has arguments that nothing can be given for.
    """

    def __init__(self, func: Callable[..., Any]) -> None:
        if not callable(func):
            raise TypeError(f"A comparative evaluator must be a function, not {func!r:.80}.")
        self.func = func
        self.name = name_of(func)
        self.is_async = is_async(func)
        self._binding = Binding(func, _OFFERED, ("runs", "example"), "comparative evaluator")
        self._traced = ensure_traceable(func, name=self.name, process_inputs=shown)

    def compare_runs(self, runs: Sequence[Any], example: Example) -> ComparisonEvaluationResult:
        """Judge runs side by side, in the thread of the caller.

        Args:
            runs: The runs.
            example: The example that they answer.

        Raises:
            ValueError: The function returned something that is no result.
        """
        source = uuid7()
        return self.result(self.call(runs, example, source), runs, source)

    def call(self, runs: Sequence[Any], example: Example, source: UUID) -> Any:
        """Call the function: its result, or an awaitable of it."""
        extra = {"run_id": source, "project_name": EVALUATORS_PROJECT, "tags": _tags(runs)}
        values = {
            "runs": list(runs),
            "example": example,
            "inputs": example.inputs or {},
            "outputs": [run.outputs or {} for run in runs],
            "reference_outputs": example.outputs or {},
        }
        return self._binding.call(functools.partial(self._traced, langsmith_extra=extra), values)

    def result(self, returned: Any, runs: Sequence[Any], source: UUID) -> ComparisonEvaluationResult:
        """The result that the function gave.

        Raises:
            ValueError: It is none.
        """
        if isinstance(returned, ComparisonEvaluationResult):
            return returned.model_copy(update={"source_run_id": returned.source_run_id or source})
        fields = returned if isinstance(returned, dict) else {"scores": returned}
        scores = fields.get("scores")
        if isinstance(scores, (list, tuple)) and len(scores) == len(runs):
            scores = dict(zip((run.id for run in runs), scores, strict=True))
        if not isinstance(scores, dict):
            raise ValueError(  # noqa: TRY004 - a value of the user's
                f"{self.name} must return a score for each of {len(runs)} runs: a list in their order, or "
                f"{{'scores': {{run.id: score}}}}, not {returned!r:.80}."
            )
        return ComparisonEvaluationResult(
            **{"key": self.name, "source_run_id": source, **fields, "scores": scores}
        )


def comparison_evaluator(function: Callable[..., Any]) -> DynamicComparisonRunEvaluator:
    """Make a comparative evaluator of a function: see `DynamicComparisonRunEvaluator`.

    Example:
        >>> from smithkit.evaluation import comparison_evaluator
        >>> @comparison_evaluator
        ... def shorter(outputs: list) -> list:
        ...     lengths = [len(str(one)) for one in outputs]
        ...     return [length == min(lengths) for length in lengths]
        >>> shorter.name
        'shorter'
    """
    return DynamicComparisonRunEvaluator(function)


def as_comparison_evaluators(given: Sequence[Any] | None) -> list[DynamicComparisonRunEvaluator]:
    """Comparative evaluators of what a caller gave.

    Raises:
        ValueError: There are none, or a function has arguments that nothing can be given for.
        TypeError: One cannot be called.
    """
    if not given:
        raise ValueError("A comparison needs evaluators: give at least one.")
    return [
        one if isinstance(one, DynamicComparisonRunEvaluator) else DynamicComparisonRunEvaluator(one)
        for one in given
    ]


@dataclass(slots=True)
class Comparison:
    """A comparison to be made.

    Attributes:
        client: The client.
        experiments: Names, ids or projects, two or more.
        evaluators: What judges.
        prefix: What its name begins with.
        description: A text for people.
        metadata: What is said about it.
        load_nested: Whether evaluators want whole traces.
        randomize_order: Whether runs are shown in an order by chance, against a bias for the first.
        created: The comparison, once it is made.
    """

    client: Any
    experiments: Sequence[Any]
    evaluators: Sequence[DynamicComparisonRunEvaluator]
    prefix: str | None = None
    description: str | None = None
    metadata: Mapping[str, Any] | None = None
    load_nested: bool = False
    randomize_order: bool = False
    created: Any = None

    def prepared(self) -> Flow[list[Generator[Any, Any, ComparativeRow]]]:
        """Create the comparison; a flow for each example that all experiments answered."""
        projects: list[Any] = []
        for experiment in self.experiments:
            projects += [(yield from project_of(self.client, experiment))]
        datasets = {required_dataset(project) for project in projects}
        if len(datasets) > 1:
            raise ValueError("The experiments are about different datasets: nothing to compare.")
        self.created = yield from type(self.client).create_comparative_experiment(
            self.client,
            self._name(projects),
            [project.id for project in projects],
            description=self.description,
            metadata=self.metadata,
        )
        answers = yield from self._answers(projects)
        examples = yield from self._examples(datasets.pop(), list(answers))
        return [self._row(example, answers[example.id]) for example in examples]

    def _name(self, projects: Sequence[Any]) -> str:
        if self.prefix:
            return f"{self.prefix}-{uuid.uuid4().hex[:8]}"
        return f"{' vs. '.join(project.name for project in projects)}-{uuid.uuid4().hex[:4]}"

    def _answers(self, projects: Sequence[Any]) -> Flow[dict[UUID, list[Any]]]:
        """The first run of each experiment on an example, for examples that all have answered."""
        found: dict[UUID, list[Any]] = defaultdict(list)
        for project in projects:
            seen = set()
            for run in (yield from runs_of(self.client, project, load_nested=self.load_nested)):
                if run.reference_example_id is not None and run.reference_example_id not in seen:
                    seen.add(run.reference_example_id)
                    found[run.reference_example_id].append(run)
        return {example_id: runs for example_id, runs in found.items() if len(runs) == len(projects)}

    def _examples(self, dataset_id: UUID, ids: Sequence[UUID]) -> Flow[list[Example]]:
        examples: list[Example] = []
        for start in range(0, len(ids), _IN_ONE_URL):
            batch = list(ids[start : start + _IN_ONE_URL])
            listing = type(self.client).list_examples(self.client, dataset_id=dataset_id, example_ids=batch)
            examples += yield from everything(listing)
        return examples

    def _row(self, example: Example, runs: Sequence[Any]) -> Flow[ComparativeRow]:
        results: dict[str, Any] = {"runs": list(runs)}
        for evaluator in self.evaluators:
            result = yield from self._judged(evaluator, example, runs)
            results[f"feedback.{result.key}"] = result
        return {"example": example, "evaluation_results": results}

    def _judged(
        self, evaluator: DynamicComparisonRunEvaluator, example: Example, runs: Sequence[Any]
    ) -> Flow[ComparisonEvaluationResult]:
        """What an evaluator says; one that fails gives no scores, and its error as comment."""
        source = uuid7()
        shown = random.SystemRandom().sample(runs, len(runs)) if self.randomize_order else runs
        try:
            returned = yield self._call(evaluator, shown, example, source)
            result = evaluator.result(returned, shown, source)
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises is a result
            _log.exception("The evaluator %s failed on example %s: %r", evaluator.name, example.id, error)
            return ComparisonEvaluationResult(key=evaluator.name, scores={}, comment=repr(error))
        yield from self._send(result, {str(run.id): run for run in runs})
        return result

    def _call(
        self, evaluator: DynamicComparisonRunEvaluator, runs: Sequence[Any], example: Example, source: UUID
    ) -> Call:
        context = {"project_name": EVALUATORS_PROJECT, "client": self.client, "parent": False}

        def now() -> Any:
            with tracing_context(**context):
                return evaluator.call(runs, example, source)

        async def later() -> Any:
            with tracing_context(**context):
                return await evaluator.call(runs, example, source)

        return Call(later if evaluator.is_async else now, evaluator.is_async)

    def _send(self, result: ComparisonEvaluationResult, runs: Mapping[str, Any]) -> Flow[None]:
        group = uuid.uuid4()
        for run_id, score in result.scores.items():
            run = runs.get(str(run_id))
            comment = result.comment.get(run_id) if isinstance(result.comment, dict) else result.comment
            fields = {
                "run_id": run_id,
                "key": result.key,
                "score": score,
                "comment": comment,
                "source_run_id": result.source_run_id,
                "feedback_source_type": "api",
                "feedback_id": uuid7(),
                "session_id": getattr(run, "session_id", None),
                "start_time": getattr(run, "start_time", None),
                "comparative_experiment_id": self.created.id,
                "feedback_group_id": group,
            }
            present = {name: value for name, value in fields.items() if value is not None}
            try:
                yield from type(self.client).create_feedback(self.client, **present)
            except LangSmithError as error:
                _log.warning("The feedback %s was not sent: %s", result.key, error)


def _tags(runs: Sequence[Any]) -> list[str]:
    return [tag for run in runs for tag in (f"run:{run.id}", f"experiment:{run.session_id}")]
