"""Going on with an experiment that was interrupted: what is done is not done again."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smithkit.evaluation import _experiment
from smithkit.evaluation._steps import everything
from smithkit.evaluation.schemas import EvaluationResult

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from uuid import UUID

    from smithkit.evaluation._results import ExperimentResultRow
    from smithkit.evaluation._rows import Plan
    from smithkit.operations import Flow

__all__ = ["Resumed"]

_IN_ONE_URL = 100


@dataclass(slots=True)
class Resumed:
    """An interrupted experiment.

    Attributes:
        plan: The experiment.
        runs: Finished runs, by example.
        feedback: What was said about them, by run and id; nobody asks where there are no evaluators.
    """

    plan: Plan
    runs: dict[UUID, list[Any]]
    feedback: dict[UUID, dict[UUID, EvaluationResult]]

    @classmethod
    def of(cls, client: Any, plan: Plan, *, retry_errors: bool) -> Flow[Resumed]:
        """Look up what is done.

        Args:
            client: The client.
            plan: The experiment.
            retry_errors: Whether runs that failed are to be done again.
        """
        found = yield from _experiment.runs_of(client, plan.judge.experiment.project)  # type: ignore[arg-type]
        runs: dict[UUID, list[Any]] = defaultdict(list)
        for run in found:
            if run.end_time is not None and not (retry_errors and run.error):
                runs[run.reference_example_id].append(run)
        judged = [run.id for several in runs.values() for run in several if plan.judge.evaluators]
        feedback = yield from _feedback(client, judged)
        return cls(plan, runs, feedback)

    def rows(self) -> list[Generator[Any, Any, ExperimentResultRow]]:
        """A flow for each row: of a finished run it does at most what evaluators have not done yet."""
        experiment = self.plan.judge.experiment
        return [
            self._row(example, repetition)
            for repetition in range(experiment.repetitions)
            for example in experiment.examples
        ]

    def _row(self, example: Any, repetition: int) -> Flow[ExperimentResultRow]:
        done = self.runs.get(example.id, [])
        if repetition >= len(done):
            return (yield from self.plan.row(example))
        run = done[repetition]
        return (yield from self.plan.judge.row(run, example, self.feedback.get(run.id)))


def _feedback(client: Any, ids: Sequence[UUID]) -> Flow[dict[UUID, dict[UUID, EvaluationResult]]]:
    found: dict[UUID, dict[UUID, EvaluationResult]] = defaultdict(dict)
    for start in range(0, len(ids), _IN_ONE_URL):
        listing = type(client).list_feedback(client, run_ids=ids[start : start + _IN_ONE_URL])
        for one in _in_order((yield from everything(listing))):
            found[one.run_id][one.id] = _result(one)
    return found


def _in_order(feedback: Iterable[Any]) -> list[Any]:
    return sorted(feedback, key=lambda one: one.created_at)


def _result(feedback: Any) -> EvaluationResult:
    return EvaluationResult(
        key=feedback.key,
        score=feedback.score,
        value=feedback.value,
        comment=feedback.comment,
        extra=feedback.extra,
    )
