"""The flows of an experiment: answering an example, judging the answer, and summing up."""

from __future__ import annotations

import contextlib
import inspect
import logging
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from smithkit.errors import LangSmithError
from smithkit.evaluation._evaluators import EVALUATORS_PROJECT, DynamicRunEvaluator
from smithkit.evaluation._limits import OPEN, Gate
from smithkit.evaluation._outcomes import failures_of, results_of
from smithkit.evaluation._steps import Call
from smithkit.tracing import tracing_context, uuid7

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from uuid import UUID

    from smithkit.datasets.schemas import Example
    from smithkit.evaluation._evaluators import RunEvaluator
    from smithkit.evaluation._experiment import Experiment
    from smithkit.evaluation._results import ExperimentResultRow
    from smithkit.evaluation._summary import SummaryEvaluator
    from smithkit.evaluation._targets import Target
    from smithkit.evaluation._workplace import Workplace
    from smithkit.evaluation.schemas import EvaluationResult
    from smithkit.operations import Flow
    from smithkit.tracing import LangSmithExtra

__all__ = ["Judge", "Plan"]

_log = logging.getLogger("smithkit.evaluation")


def fresh_id(run_id: UUID, what: str) -> UUID:  # noqa: ARG001 - see `Judge.feedback_id`
    """An id that nothing else has."""
    return uuid7()


derived_id = uuid.uuid5
"""An id that is the same whenever the same thing is done for the same run, so that it counts once."""
_LAST = "last"


@dataclass(slots=True)
class Judge:
    """Evaluators at work for one experiment.

    Attributes:
        client: The client.
        experiment: The experiment.
        evaluators: What judges each run.
        summary_evaluators: What judges all of them.
        upload: Whether anything is sent.
        asynchronous: Whether evaluators are awaited.
        gate: What their calls pass.
        source_id: Gives the ids of evaluators' runs, by the run that is judged and the evaluator.
        feedback_id: Gives the ids of feedback, by the run and by evaluator and number; the last of an
            evaluator's results has `_LAST` for a number, and so tells that the evaluator is done.
        names: What the evaluators are called, each differently.
    """

    client: Any
    experiment: Experiment
    evaluators: Sequence[RunEvaluator]
    summary_evaluators: Sequence[SummaryEvaluator]
    upload: bool = True
    asynchronous: bool = False
    gate: Gate = OPEN
    source_id: Callable[[UUID, str], UUID] = fresh_id
    feedback_id: Callable[[UUID, str], UUID] = fresh_id
    names: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        names = [_name(evaluator) for evaluator in self.evaluators]
        self.names = [f"{name} {names[:at].count(name)}" for at, name in enumerate(names)]

    def row(
        self, run: Any, example: Example, known: Mapping[UUID, EvaluationResult] | None = None
    ) -> Flow[ExperimentResultRow]:
        """Judge a run with every evaluator; one that fails gives its error as result.

        Args:
            run: The run.
            example: What it answers.
            known: Feedback on it that there is already, by id: evaluators that are done are not asked again.
        """
        results = dict(known or {})
        for name, evaluator in self._left(run, results):
            results |= yield from self._judged(evaluator, run, example, name)
        return {"run": run, "example": example, "evaluation_results": {"results": list(results.values())}}

    def _left(self, run: Any, known: Mapping[UUID, Any]) -> list[tuple[str, RunEvaluator]]:
        """The evaluators that have not said all yet; none, if it was said in another way."""
        named = list(zip(self.names, self.evaluators, strict=True))
        if not known:
            return named
        done = {name for name in self.names if self.feedback_id(run.id, f"{name}.{_LAST}") in known}
        begun = any(self.feedback_id(run.id, f"{name}.0") in known for name in self.names)
        return [(name, evaluator) for name, evaluator in named if name not in done] if done or begun else []

    def summary(self, rows: Sequence[ExperimentResultRow]) -> Flow[list[EvaluationResult]]:
        """Judge all rows with every summary evaluator; one that fails is logged."""
        results: list[EvaluationResult] = []
        for evaluator in self.summary_evaluators:
            try:
                found = yield from self._summed_up(evaluator, rows)
            except Exception as error:  # noqa: BLE001 - whatever the user's code raises is a result
                _log.exception("The summary evaluator %s failed: %r", evaluator.name, error)
                continue
            for result in found:
                yield from self._send(result, project_id=self._project_id)
            results += found
        return results

    @property
    def _project_id(self) -> Any:
        return None if self.experiment.project is None else self.experiment.project.id

    def _judged(
        self, evaluator: Any, run: Any, example: Example, place: str
    ) -> Flow[dict[UUID, EvaluationResult]]:
        source = self.source_id(run.id, place)
        metadata = {"experiment": self.experiment.name, "target_run_id": str(run.id)}
        if not self.asynchronous:
            metadata |= {"reference_example_id": str(example.id), "reference_run_id": str(run.id)}
        name = _name(evaluator)
        try:
            returned = yield self._call(
                _judging(evaluator, run, example, source, asynchronous=self.asynchronous), metadata
            )
            found = results_of(returned, name)["results"]
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises is a result
            _log.exception("The evaluator %s failed on run %s: %r", name, run.id, error)
            inspected = evaluator.func if isinstance(evaluator, DynamicRunEvaluator) else evaluator
            found = failures_of(inspected, name, error, source)["results"]
        numbers = [*map(str, range(len(found) - 1)), _LAST]
        said = {
            self.feedback_id(run.id, f"{place}.{number}"): result
            for number, result in zip(numbers, found, strict=False)
        }
        for feedback, result in said.items():
            yield from self._send(
                result, feedback_id=feedback, **about(run, result), feedback_source_type="model"
            )
        return said

    def _summed_up(
        self, evaluator: SummaryEvaluator, rows: Sequence[ExperimentResultRow]
    ) -> Flow[list[EvaluationResult]]:
        metadata = {"experiment": self.experiment.name, "experiment_id": str(self._project_id)}
        extra: LangSmithExtra = {"project_name": EVALUATORS_PROJECT}
        call = self._call(lambda: evaluator.on(rows, extra), metadata, asynchronous=evaluator.is_async)
        returned = yield call
        return results_of(returned, evaluator.name)["results"]

    def _call(
        self,
        function: Callable[[], Any],
        metadata: Mapping[str, Any],
        *,
        asynchronous: bool | None = None,
    ) -> Call:
        awaited = self.asynchronous if asynchronous is None else asynchronous
        context = {"metadata": metadata, "project_name": EVALUATORS_PROJECT}
        return traced_call(
            function, self.client, asynchronous=awaited, upload=self.upload, context=context, gate=self.gate
        )

    def _send(self, result: EvaluationResult, **about: Any) -> Flow[None]:
        """Send a result as feedback; the row is there also where that fails."""
        if self.upload:
            yield from send_feedback(self.client, result, **about)


@dataclass(slots=True)
class Plan:
    """A new experiment: its target and what judges it.

    Attributes:
        judge: The evaluators.
        target: What is put to the test.
        ignore_errors: Whether runs that fail stay apart from their examples.
        timeout: Seconds that the target may take for an example.
        gate: What its calls pass.
        workplace: Where the rows are done; None for the thread that asks.
    """

    judge: Judge
    target: Target
    ignore_errors: bool = False
    timeout: float | None = None
    gate: Gate = OPEN
    workplace: Workplace | None = None

    def row(self, example: Example) -> Flow[ExperimentResultRow]:
        """Answer an example and judge the answer; a target that fails gives a run with its error."""
        if self.workplace is None:
            return (yield from self.row_here(example, uuid7()))
        return (yield from self.workplace.row(self, example, uuid7()))

    def row_here(self, example: Example, run_id: UUID) -> Flow[ExperimentResultRow]:
        """`row`, in this thread and with a run of this id."""
        run = yield from self._answered(example, run_id)
        return (yield from self.judge.row(run, example))

    def lost_row(self, example: Example, run_id: UUID, error: Exception) -> Flow[ExperimentResultRow]:
        """The row of an example whose answer was lost with the place where the target ran."""
        run = self._unseen(example, self._extra(example, run_id, []))
        run.error = repr(error)
        run.end()
        if self.judge.upload:
            run.post()
        return (yield from self.judge.row(run, example))

    def _answered(self, example: Example, run_id: UUID) -> Flow[Any]:
        ended: list[Any] = []
        extra = self._extra(example, run_id, ended)
        judge = self.judge
        call = traced_call(
            lambda: self.target.on(example, extra),
            judge.client,
            asynchronous=self.target.asynchronous,
            upload=judge.upload,
            context={"project_name": judge.experiment.name},
            gate=self.gate,
            timeout=self.timeout,
        )
        try:
            yield call
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises is a result
            _log.exception("The target failed on example %s: %r", example.id, error)
            failure: Exception | None = error
        else:
            failure = None
        run = ended[0] if ended else self._unseen(example, extra)
        if failure is not None and not run.error:
            run.error = repr(failure)
            run.end()
            if judge.upload:
                run.patch()
        if failure is None and self.ignore_errors:
            run.reference_example_id = example.id
            if judge.upload:
                run.patch()
        return run

    def _extra(self, example: Example, run_id: UUID, ended: list[Any]) -> dict[str, Any]:
        experiment = self.judge.experiment
        version = example.modified_at or example.created_at
        return {
            "run_id": run_id,
            "on_end": ended.append,
            "project_name": experiment.name,
            "client": self.judge.client,
            "reference_example_id": None if self.ignore_errors else example.id,
            "metadata": {
                **experiment.metadata,
                "num_repetitions": experiment.repetitions,
                "example_version": version.isoformat() if version else None,
            },
        }

    def _unseen(self, example: Example, extra: Mapping[str, Any]) -> Any:
        """The run of a target that did not come to its end in time."""
        from smithkit.tracing import RunTree

        return RunTree(
            id=extra["run_id"],
            name=self.target.name,
            run_type="chain",
            inputs=example.inputs,
            extra={"metadata": dict(extra["metadata"])},
            session_name=extra["project_name"],
            reference_example_id=extra["reference_example_id"],
            client=extra["client"],
        )


def _name(evaluator: Any) -> str:
    return str(getattr(evaluator, "name", type(evaluator).__name__))


def about(run: Any, result: EvaluationResult) -> dict[str, Any]:
    """Which run a result's feedback is about."""
    return {
        "run_id": result.target_run_id or run.id,
        "trace_id": run.trace_id,
        "session_id": getattr(run, "session_id", None),
        "start_time": run.start_time,
    }


def send_feedback(client: Any, result: EvaluationResult, **about: Any) -> Flow[None]:
    """Send a result as feedback; a failure is logged.

    Args:
        client: The client.
        result: The result.
        about: What it is about.
    """
    failed = bool((result.extra or {}).get("error"))
    fields = {
        "key": result.key,
        "score": result.score,
        "value": result.value,
        "comment": result.comment,
        "correction": result.correction,
        "source_info": result.evaluator_info or None,
        "source_run_id": result.source_run_id if "run_id" in about else None,
        "feedback_config": result.feedback_config,
        "extra": result.extra,
        "error": True if failed else None,
        "feedback_id": uuid7(),
        **about,
    }
    present = {name: value for name, value in fields.items() if value is not None}
    try:
        yield from type(client).create_feedback(client, **present)
    except LangSmithError as error:
        _log.warning("The feedback %s was not sent: %s", result.key, error)


def traced_call(
    function: Callable[[], Any],
    client: Any,
    *,
    asynchronous: bool,
    upload: bool,
    context: Mapping[str, Any],
    gate: Gate,
    timeout: float | None = None,
) -> Call:
    """A call whose runs are traces of their own, whether or not the program is traced.

    Args:
        function: What to call.
        client: Client to send with.
        asynchronous: Whether it gives an awaitable.
        upload: Whether its runs are sent.
        context: Further arguments of `tracing_context`.
        gate: What it has to pass first.
        timeout: Seconds that it may take.
    """

    @contextlib.contextmanager
    def traced() -> Iterator[None]:
        with tracing_context(enabled=True if upload else "local", client=client, parent=False, **context):
            yield

    def now() -> Any:
        with traced():
            return function()

    async def later() -> Any:
        with traced():
            returned = function()
            return await returned if inspect.isawaitable(returned) else returned

    return Call(later if asynchronous else now, asynchronous, timeout, gate)


def _judging(
    evaluator: Any, run: Any, example: Example, source: Any, *, asynchronous: bool
) -> Callable[[], Any]:
    """The call of an evaluator, which may not take an id for its run."""
    name = "aevaluate_run" if asynchronous else "evaluate_run"
    method = getattr(evaluator, name)
    if isinstance(evaluator, DynamicRunEvaluator) or _takes_run_id(evaluator, name):
        return lambda: method(run, example, evaluator_run_id=source)
    return lambda: method(run, example)


def _takes_run_id(evaluator: Any, name: str) -> bool:
    return "evaluator_run_id" in inspect.signature(getattr(evaluator, name)).parameters
