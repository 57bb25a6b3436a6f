"""What an experiment measured, by example: scores, seconds and failures, repetitions averaged."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smithkit.evaluation import _experiment, _tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from smithkit.evaluation._results import AsyncExperimentResults, ExperimentResults
    from smithkit.operations import Flow

__all__ = ["Measures", "measured"]


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer to an example: its run, and the scores by key of what was said about it."""

    example_id: UUID
    run: Any
    scores: Iterable[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Measures:
    """Means of an experiment's answers, by example.

    Attributes:
        name: The experiment.
        feedback: Scores, by key; values that are no numbers are not measured.
        latency: Seconds of the runs that did not fail.
        error_rate: Share of the runs that failed.
    """

    name: str
    feedback: Mapping[str, Mapping[UUID, float]]
    latency: Mapping[UUID, float]
    error_rate: Mapping[UUID, float]

    @classmethod
    def of_results(cls, results: ExperimentResults | AsyncExperimentResults) -> Measures:
        """Of results that are here.

        Raises:
            ValueError: The experiment still runs.
        """
        if not results.done:
            raise ValueError(f"The experiment {results.experiment_name!r} still runs: wait for it first.")
        answers = [
            _Answer(
                row["example"].id,
                row["run"],
                [(result.key, result.score) for result in row["evaluation_results"]["results"]],
            )
            for row in results.ordered()
        ]
        return _measures(results.experiment_name, answers)

    @classmethod
    def of_experiment(cls, client: Any, experiment: Any) -> Flow[Measures]:
        """Of an experiment on the server.

        Args:
            client: The client.
            experiment: Its name, id or project.

        Raises:
            ValueError: It is no experiment.
            LangSmithNotFoundError: There is none.
        """
        project = yield from _experiment.project_of(client, experiment)
        _experiment.required_dataset(project)
        runs = yield from _experiment.runs_of(client, project)
        answers = [
            _Answer(
                run.reference_example_id,
                run,
                [(key, said.get("avg")) for key, said in (run.feedback_stats or {}).items()],
            )
            for run in runs
            if run.reference_example_id is not None and run.end_time is not None
        ]
        return _measures(str(project.name), answers)


def measured(client: Any, experiment: Any) -> Flow[Measures]:
    """Measures of results, or of an experiment on the server.

    Args:
        client: The client.
        experiment: Results; or the name, id or project of an experiment.
    """
    from smithkit.evaluation._results import AsyncExperimentResults, ExperimentResults

    if isinstance(experiment, (ExperimentResults, AsyncExperimentResults)):
        return Measures.of_results(experiment)
    return (yield from Measures.of_experiment(client, experiment))


def _measures(name: str, answers: Iterable[_Answer]) -> Measures:
    feedback: dict[str, dict[UUID, list[float]]] = defaultdict(lambda: defaultdict(list))
    latency: dict[UUID, list[float]] = defaultdict(list)
    failures: dict[UUID, list[float]] = defaultdict(list)
    for answer in answers:
        failures[answer.example_id].append(bool(answer.run.error))
        seconds = _tables.seconds(answer.run)
        if seconds is not None and not answer.run.error:
            latency[answer.example_id].append(seconds)
        for key, score in answer.scores:
            if isinstance(score, (bool, int, float)) and math.isfinite(score):
                feedback[key][answer.example_id].append(score)
    by_key = {key: _means(scores) for key, scores in feedback.items()}
    return Measures(name, by_key, _means(latency), _means(failures))


def _means(values: Mapping[UUID, list[float]]) -> dict[UUID, float]:
    return {example_id: statistics.fmean(several) for example_id, several in values.items()}
