"""`evaluate` and `aevaluate`: from their arguments to the work to be done."""

from __future__ import annotations

import dataclasses
import itertools
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from smithkit.errors import LangSmithBetaWarning
from smithkit.evaluation import _experiment
from smithkit.evaluation._comparative import (
    ComparativeExperimentResults,
    ComparativeRow,
    Comparison,
    as_comparison_evaluators,
)
from smithkit.evaluation._display import is_displayed
from smithkit.evaluation._evaluators import DynamicRunEvaluator, as_evaluators
from smithkit.evaluation._limits import Gate, checked_concurrency, checked_limit, checked_rate
from smithkit.evaluation._resume import Resumed
from smithkit.evaluation._rows import Judge, Plan, derived_id
from smithkit.evaluation._runner import Work, arun, run
from smithkit.evaluation._steps import aperformer, performer
from smithkit.evaluation._summary import as_summary_evaluators
from smithkit.evaluation._targets import Target
from smithkit.evaluation._workplace import Workplace
from smithkit.operations import Flow, Together, adrive, drive
from smithkit.transport._together import run_in_tasks, run_in_threads

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from concurrent.futures import Executor

    from smithkit.evaluation._results import AsyncExperimentResults, ExperimentResultRow, ExperimentResults

__all__ = ["Options", "aevaluated", "evaluated"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The arguments of an evaluation beside target and client; `evaluate` describes them."""

    data: Any = None
    evaluators: Sequence[Any] | None = None
    summary_evaluators: Sequence[Any] | None = None
    metadata: Mapping[str, Any] | None = None
    experiment_prefix: str | None = None
    description: str | None = None
    max_concurrency: int | None = 0
    target_concurrency: int | None = None
    evaluator_concurrency: int | None = None
    rate_limit: float | None = None
    num_repetitions: int = 1
    blocking: bool = True
    experiment: Any = None
    upload_results: bool = True
    error_handling: str = "log"
    load_nested: bool = False
    randomize_order: bool = False
    resume: bool = False
    retry_errors: bool = False
    timeout: float | None = None
    executor: Executor | str | None = None
    progress: bool | None = None


_FOR_EXISTING = frozenset(
    (
        "evaluators",
        "summary_evaluators",
        "metadata",
        "max_concurrency",
        "evaluator_concurrency",
        "blocking",
        "load_nested",
        "progress",
    )
)
_FOR_COMPARISONS = frozenset(
    (
        "evaluators",
        "metadata",
        "max_concurrency",
        "experiment_prefix",
        "description",
        "load_nested",
        "randomize_order",
    )
)
_WHOLE_EXPERIMENT = (
    "summary_evaluators: their feedback is on the experiment as a whole, without a run. The LangSmith client calls "
    "this deprecated, so smithkit says so too; it is sent, and results.summary_results has it. Nothing has to change."
)
_DEFAULTS = {field.name: field.default for field in dataclasses.fields(Options)}


def evaluated(client: Any, target: Any, given: Mapping[str, Any]) -> Any:
    """Evaluate in threads.

    Args:
        client: A `Client`.
        target: A function, a Runnable, an experiment, or several experiments.
        given: Arguments of `evaluate`.

    Returns:
        `ExperimentResults`, or `ComparativeExperimentResults` for several experiments.
    """
    if client.asynchronous:
        raise TypeError("evaluate works with a Client: await aevaluate with an AsyncClient.")
    options = _options(given)
    most = checked_concurrency(options.max_concurrency)
    perform = performer(client)
    if isinstance(target, (tuple, list)):
        comparison = _comparison(client, target, options)
        rows: list[ComparativeRow] = []
        run_in_threads(Together(drive(comparison.prepared(), perform), most or _ALL, rows.append), perform)
        return ComparativeExperimentResults(comparison.created, rows)
    return _run(client, target, options, most)


async def aevaluated(client: Any, target: Any, given: Mapping[str, Any]) -> Any:
    """Evaluate in tasks of the running event loop.

    Args:
        client: A `Client` or an `AsyncClient`.
        target: An asynchronous function, a Runnable, an experiment, or several experiments.
        given: Arguments of `aevaluate`.

    Returns:
        `AsyncExperimentResults`, or `ComparativeExperimentResults` for several experiments.
    """
    options = _options(given)
    most = checked_concurrency(options.max_concurrency)
    perform = aperformer(client)
    if isinstance(target, (tuple, list)):
        comparison = _comparison(client, target, options)
        rows: list[ComparativeRow] = []
        flows = await adrive(comparison.prepared(), perform)
        await run_in_tasks(Together(flows, most or _ALL, rows.append), perform)
        return ComparativeExperimentResults(comparison.created, rows)
    if not isinstance(options.data, (str, Mapping)) and hasattr(options.data, "__aiter__"):
        options = dataclasses.replace(options, data=[example async for example in options.data])
    flow = _work(client, target, options, asynchronous=True)
    results: AsyncExperimentResults = await arun(await adrive(flow, perform), most, blocking=options.blocking)
    return results


_ALL = 1000


def _run(client: Any, target: Any, options: Options, most: int | None) -> ExperimentResults:
    flow = _work(client, target, options, asynchronous=False)
    work = drive(flow, performer(client))
    if work.workplace is not None and options.max_concurrency == 0:
        most = work.workplace.capacity
    return run(work, most, blocking=options.blocking)


def _work(client: Any, target: Any, options: Options, *, asynchronous: bool) -> Flow[Work]:
    """What there is to do: everything is checked before anything is sent."""
    display = is_displayed(options.progress)
    kind = _existing if _is_experiment(target) else _new
    work = yield from kind(client, target, options, asynchronous=asynchronous)
    work.display = display
    return work


def _existing(client: Any, target: Any, options: Options, *, asynchronous: bool) -> Flow[Work]:
    """Judge the runs of an experiment that is there."""
    _refuse_others(options, _FOR_EXISTING, "an existing experiment")
    judge = _judge(client, options, asynchronous=asynchronous)
    judge.experiment, pairs = yield from _experiment.existing(
        client, target, load_nested=options.load_nested, attachments=_wants_attachments(judge)
    )
    return Work(judge, [judge.row(run, example) for run, example in pairs], update=False)


def _new(client: Any, target: Any, options: Options, *, asynchronous: bool) -> Flow[Work]:
    """Answer examples, and judge the answers."""
    _check_new(options)
    _check_executor(options, asynchronous=asynchronous)
    tested = Target(target, asynchronous=asynchronous)
    judge = _judge(client, options, asynchronous=asynchronous)
    judge.feedback_id = derived_id
    attachments = tested.wants("attachments") or _wants_attachments(judge)
    examples = yield from _experiment.examples_of(client, options.data, attachments=attachments)
    gate = Gate(options.target_concurrency, options.rate_limit)
    plan = Plan(judge, tested, options.error_handling == "ignore", options.timeout, gate)
    if options.executor is not None:
        plan.workplace = Workplace.of(client, options.executor, plan)
    try:
        judge.experiment = yield from _begun(client, options, examples)
        return Work(judge, (yield from _rows(client, plan, options)), workplace=plan.workplace)
    except BaseException:
        if plan.workplace is not None:
            plan.workplace.close()
        raise


def _rows(client: Any, plan: Plan, options: Options) -> Flow[list[Generator[Any, Any, ExperimentResultRow]]]:
    """The rows that are to be done."""
    if options.resume:
        resumed = yield from Resumed.of(client, plan, retry_errors=options.retry_errors)
        return resumed.rows()
    examples = plan.judge.experiment.examples
    each = itertools.chain.from_iterable(itertools.repeat(examples, options.num_repetitions))
    return [plan.row(example) for example in each]


def _begun(client: Any, options: Options, examples: Sequence[Any]) -> Flow[Any]:
    """The experiment, with its project if results are uploaded."""
    experiment = _experiment.Experiment(
        name="",
        project=None,
        examples=examples,
        metadata=_experiment.metadata_of(options.metadata),
        repetitions=options.num_repetitions,
    )
    if not options.upload_results:
        experiment.name = _experiment.new_name(None)
    elif options.experiment is not None:
        experiment.project = yield from _experiment.project_of(client, options.experiment)
        experiment.name = str(experiment.project.name)
    else:
        yield from _experiment.started(client, experiment, options.experiment_prefix, options.description)
    return experiment


def _judge(client: Any, options: Options, *, asynchronous: bool) -> Judge:
    summary_evaluators = as_summary_evaluators(options.summary_evaluators)
    if summary_evaluators and options.upload_results:
        # Points here, not at the caller, who need not do anything: by default it is not shown.
        warnings.warn(_WHOLE_EXPERIMENT, DeprecationWarning, stacklevel=1)
    return Judge(
        client,
        _experiment.Experiment("", None, ()),
        as_evaluators(options.evaluators),
        summary_evaluators,
        upload=options.upload_results,
        asynchronous=asynchronous,
        gate=Gate(options.evaluator_concurrency),
    )


def _comparison(client: Any, target: Sequence[Any], options: Options) -> Comparison:
    if len(target) < 2 or not all(map(_is_experiment, target)):  # noqa: PLR2004 - it takes two
        raise ValueError("A comparison takes the names, ids or projects of at least two experiments.")
    _refuse_others(options, _FOR_COMPARISONS, "several experiments")
    return Comparison(
        client,
        target,
        as_comparison_evaluators(options.evaluators),
        options.experiment_prefix,
        options.description,
        options.metadata,
        options.load_nested,
        options.randomize_order,
    )


def _options(given: Mapping[str, Any]) -> Options:
    unknown = sorted(set(given) - set(_DEFAULTS))
    if unknown:
        raise ValueError(
            f"There is no argument {', '.join(unknown)}. There are {', '.join(sorted(_DEFAULTS))}."
        )
    options = Options(**given)
    checked_limit("target_concurrency", options.target_concurrency)
    checked_limit("evaluator_concurrency", options.evaluator_concurrency)
    checked_rate("rate_limit", options.rate_limit)
    return options


def _refuse_others(options: Options, allowed: frozenset[str], what: str) -> None:
    others = [
        name
        for name, default in _DEFAULTS.items()
        if name not in allowed and getattr(options, name) != default
    ]
    if others:
        raise ValueError(f"{', '.join(others)} cannot be given with {what} as target.")


def _check_new(options: Options) -> None:
    if options.data is None:
        raise ValueError("data is missing: give a dataset's name, id or object, or examples.")
    if options.experiment is not None and options.experiment_prefix is not None:
        raise ValueError("Give experiment or experiment_prefix, not both.")
    if options.experiment is not None and not options.upload_results:
        raise ValueError("upload_results=False sends nothing, so it needs no experiment.")
    if options.resume and options.experiment is None:
        raise ValueError("resume goes on with an experiment: name it with experiment=.")
    if options.retry_errors and not options.resume:
        raise ValueError("retry_errors says what resume=True does: give both.")
    if options.error_handling not in {"log", "ignore"}:
        raise ValueError(f"error_handling must be 'log' or 'ignore', not {options.error_handling!r}.")
    if not isinstance(options.num_repetitions, int) or options.num_repetitions < 1:
        raise ValueError(f"num_repetitions must be at least 1, not {options.num_repetitions!r}.")
    if options.timeout is not None and options.timeout <= 0:
        raise ValueError(f"timeout must be seconds, more than 0, not {options.timeout!r}.")
    if not options.upload_results:
        warnings.warn(
            "upload_results=False: nothing of this experiment is sent.", LangSmithBetaWarning, stacklevel=2
        )


def _check_executor(options: Options, *, asynchronous: bool) -> None:
    if options.executor is None:
        return
    if asynchronous:
        raise ValueError("executor is for evaluate: aevaluate runs its target on the event loop.")
    if options.evaluator_concurrency is not None:
        raise ValueError(
            "evaluator_concurrency cannot be given with executor, which does whole rows: give target_concurrency."
        )


def _is_experiment(target: Any) -> bool:
    return isinstance(target, (str, UUID)) or (
        hasattr(target, "reference_dataset_id") and hasattr(target, "name") and not callable(target)
    )


def _wants_attachments(judge: Judge) -> bool:
    return any(
        isinstance(evaluator, DynamicRunEvaluator) and evaluator.binding.wants("attachments")
        for evaluator in judge.evaluators
    )
