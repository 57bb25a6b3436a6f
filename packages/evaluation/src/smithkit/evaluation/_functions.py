"""`evaluate` and its kin as functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, Unpack, overload

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from concurrent.futures import Executor

    from smithkit.client import AsyncClient, Client
    from smithkit.evaluation._comparative import ComparativeExperimentResults
    from smithkit.evaluation._compare import ExperimentComparison
    from smithkit.evaluation._given import Several, Single
    from smithkit.evaluation._results import AsyncExperimentResults, ExperimentResults

__all__ = [
    "CompareArguments",
    "EvaluateArguments",
    "ExistingArguments",
    "aevaluate",
    "aevaluate_existing",
    "compare",
    "evaluate",
    "evaluate_comparative",
    "evaluate_existing",
]


class CompareArguments(TypedDict, total=False):
    """Arguments of comparisons that are given by name; `compare` describes them."""

    confidence: float
    resamples: int
    seed: int | None
    lower_is_better: Collection[str]


class ExistingArguments(TypedDict, total=False):
    """Arguments of evaluations of experiments that are there; `evaluate` describes them."""

    metadata: Mapping[str, Any] | None
    max_concurrency: int | None
    evaluator_concurrency: int | None
    load_nested: bool
    blocking: bool
    progress: bool | None


class EvaluateArguments(ExistingArguments, total=False):
    """Arguments of `evaluate` that are given by name; it describes them."""

    experiment_prefix: str | None
    description: str | None
    target_concurrency: int | None
    rate_limit: float | None
    num_repetitions: int
    experiment: Any
    upload_results: bool
    error_handling: str
    randomize_order: bool
    resume: bool
    retry_errors: bool
    timeout: float | None
    executor: Executor | str | None


@overload
def evaluate(
    target: Several,
    /,
    data: Any = None,
    evaluators: Sequence[Any] | None = None,
    summary_evaluators: Sequence[Any] | None = None,
    *,
    client: Client | None = None,
    **options: Unpack[EvaluateArguments],
) -> ComparativeExperimentResults: ...


@overload
def evaluate(
    target: Single,
    /,
    data: Any = None,
    evaluators: Sequence[Any] | None = None,
    summary_evaluators: Sequence[Any] | None = None,
    *,
    client: Client | None = None,
    **options: Unpack[EvaluateArguments],
) -> ExperimentResults: ...


def evaluate(
    target: Any,
    /,
    data: Any = None,
    evaluators: Sequence[Any] | None = None,
    summary_evaluators: Sequence[Any] | None = None,
    *,
    client: Client | None = None,
    **options: Unpack[EvaluateArguments],
) -> Any:
    """Put a function to the test on the examples of a dataset, and have its answers judged.

    Args:
        target: What is tested: a function of `inputs` (and `attachments`, `metadata`, if it names them)
            or a Runnable. Or the name, id or project of an experiment, whose answers are judged again.
            Or a tuple of two and more experiments, which are judged side by side.
        data: A dataset's name, id or object, or examples, such as ``client.list_examples(..., splits=["test"])``.
        evaluators: What judges each answer: see `run_evaluator`; for several experiments,
            `comparison_evaluator`.
        summary_evaluators: Functions that judge all answers together. They may name any of `runs`,
            `examples`, `inputs`, `outputs`, `reference_outputs` and `evaluation_results`.
        client: Client to work with. Default: the one that traces.
        options: By name:
            `metadata` (facts about the experiment),
            `experiment_prefix` (what its name begins with), `description`,
            `max_concurrency` (rows at a time: 0 is one after the other, None is all),
            `target_concurrency` and `evaluator_concurrency` (of these rows, calls of the target, and of
            evaluators, at a time; None is all),
            `rate_limit` (calls of the target that begin each second, evenly apart),
            `num_repetitions` (answers to each example),
            `blocking` (False returns at once; iterate over the results to follow them),
            `experiment` (name, id or project of an experiment to add to),
            `upload_results` (False sends nothing),
            `error_handling` (``"log"``, or ``"ignore"`` to keep failed runs apart from their examples),
            `timeout` (seconds for each answer; one that takes longer is an error),
            `resume` (True goes on with `experiment`: no finished row is run again) and
            `retry_errors` (then, whether failed rows are),
            `executor` (where rows are done: a `concurrent.futures.Executor`, or a text such as
            ``dask://host:port``),
            `progress` (whether to show how far it is on standard error, and figures and a link at the end;
            by default if that is a terminal and rich is installed),
            `load_nested` (whether evaluators of experiments that are there want whole traces) and
            `randomize_order` (whether runs of a comparison come in an order by chance).

    Returns:
        `ExperimentResults`; `ComparativeExperimentResults` for several experiments. A target or evaluator
        that fails gives a row with its error.

    Raises:
        ValueError: An argument is missing, unknown or clashes with another; nothing has run.
        TypeError: An argument is of a wrong kind; nothing has run.
        LangSmithNotFoundError: There is no such dataset or experiment.

    Example:
        >>> from smithkit.evaluation import evaluate
        >>> def exact(outputs: dict, reference_outputs: dict) -> bool:
        ...     return outputs == reference_outputs
        >>> evaluate(target, data="capitals", evaluators=[exact])  # doctest: +SKIP

    ``GET /datasets``, ``GET /examples``, ``POST /sessions``, runs and ``POST /feedback``, ``PATCH /sessions/{id}``
    """
    from smithkit.evaluation._evaluate import evaluated

    lists = {"data": data, "evaluators": evaluators, "summary_evaluators": summary_evaluators}
    return evaluated(_client(client), target, {**lists, **options})


@overload
async def aevaluate(
    target: Several,
    /,
    data: Any = None,
    evaluators: Sequence[Any] | None = None,
    summary_evaluators: Sequence[Any] | None = None,
    *,
    client: Client | AsyncClient | None = None,
    **options: Unpack[EvaluateArguments],
) -> ComparativeExperimentResults: ...


@overload
async def aevaluate(
    target: Single,
    /,
    data: Any = None,
    evaluators: Sequence[Any] | None = None,
    summary_evaluators: Sequence[Any] | None = None,
    *,
    client: Client | AsyncClient | None = None,
    **options: Unpack[EvaluateArguments],
) -> AsyncExperimentResults: ...


async def aevaluate(
    target: Any,
    /,
    data: Any = None,
    evaluators: Sequence[Any] | None = None,
    summary_evaluators: Sequence[Any] | None = None,
    *,
    client: Client | AsyncClient | None = None,
    **options: Unpack[EvaluateArguments],
) -> Any:
    """`evaluate` on the event loop: the target is awaited, evaluators are where they are asynchronous.

    Args:
        target: An asynchronous function, a Runnable, an experiment, or a tuple of experiments.
        data: As of `evaluate`; also an asynchronous iterable of examples.
        evaluators: As of `evaluate`; functions that are not asynchronous run in threads.
        summary_evaluators: As of `evaluate`.
        client: Client to work with, of either kind. Default: the one that traces.
        options: As of `evaluate`, without `executor`.

    Returns:
        `AsyncExperimentResults`; `ComparativeExperimentResults` for several experiments.

    Raises:
        ValueError: An argument is missing, unknown or clashes with another; nothing has run.
        TypeError: An argument is of a wrong kind, such as a target that is not asynchronous.
        LangSmithNotFoundError: There is no such dataset or experiment.

    Example:
        >>> async def measure(target):
        ...     return await aevaluate(target, data="capitals", max_concurrency=8)
    """
    from smithkit.evaluation._evaluate import aevaluated

    lists = {"data": data, "evaluators": evaluators, "summary_evaluators": summary_evaluators}
    return await aevaluated(_client(client), target, {**lists, **options})


def evaluate_existing(
    experiment: Any,
    /,
    evaluators: Sequence[Any] | None = None,
    summary_evaluators: Sequence[Any] | None = None,
    *,
    client: Client | None = None,
    **options: Unpack[ExistingArguments],
) -> ExperimentResults:
    """Judge the answers of an experiment that is there.

    Args:
        experiment: Its name, id or project.
        evaluators: What judges each answer.
        summary_evaluators: What judges all of them.
        client: Client to work with. Default: the one that traces.
        options: `max_concurrency`, `evaluator_concurrency`, `load_nested`, `blocking`, `progress` and
            `metadata`, as of `evaluate`.

    Returns:
        The results.

    Raises:
        ValueError: It is no experiment, or has no runs.
        LangSmithNotFoundError: There is none.

    Example:
        >>> evaluate_existing("capitals-1a2b3c4d", [exact])  # doctest: +SKIP
    """
    from smithkit.evaluation._evaluate import evaluated

    lists = {"evaluators": evaluators, "summary_evaluators": summary_evaluators}
    results: ExperimentResults = evaluated(_client(client), _named(experiment), {**lists, **options})
    return results


async def aevaluate_existing(
    experiment: Any,
    /,
    evaluators: Sequence[Any] | None = None,
    summary_evaluators: Sequence[Any] | None = None,
    *,
    client: Client | AsyncClient | None = None,
    **options: Unpack[ExistingArguments],
) -> AsyncExperimentResults:
    """`evaluate_existing` on the event loop.

    Args:
        experiment: Its name, id or project.
        evaluators: What judges each answer.
        summary_evaluators: What judges all of them.
        client: Client to work with, of either kind. Default: the one that traces.
        options: `max_concurrency`, `evaluator_concurrency`, `load_nested`, `blocking`, `progress` and
            `metadata`, as of `evaluate`.

    Returns:
        The results.

    Raises:
        ValueError: It is no experiment, or has no runs.
        LangSmithNotFoundError: There is none.

    Example:
        >>> async def judge_again():
        ...     return await aevaluate_existing("capitals-1a2b3c4d", [exact])
    """
    from smithkit.evaluation._evaluate import aevaluated

    lists = {"evaluators": evaluators, "summary_evaluators": summary_evaluators}
    given = {**lists, **options}
    results: AsyncExperimentResults = await aevaluated(_client(client), _named(experiment), given)
    return results


def evaluate_comparative(  # noqa: PLR0917 - the API's known order
    experiments: Sequence[Any],
    /,
    evaluators: Sequence[Any],
    experiment_prefix: str | None = None,
    description: str | None = None,
    max_concurrency: int | None = 5,
    client: Client | None = None,
    metadata: Mapping[str, Any] | None = None,
    *,
    load_nested: bool = False,
    randomize_order: bool = False,
) -> ComparativeExperimentResults:
    """Judge the answers of several experiments to the same examples side by side.

    Args:
        experiments: Names, ids or projects of two or more experiments on one dataset.
        evaluators: What judges: see `comparison_evaluator`.
        experiment_prefix: What the comparison's name begins with.
        description: A text for people.
        max_concurrency: Examples at a time: 0 is one after the other, None is all.
        client: Client to work with. Default: the one that traces.
        metadata: Facts about the comparison.
        load_nested: Whether evaluators want whole traces.
        randomize_order: Whether runs come in an order by chance, against a bias for the first.

    Returns:
        The results, a row for each example that all experiments answered.

    Raises:
        ValueError: Fewer than two experiments, no evaluators, or different datasets.
        LangSmithNotFoundError: There is no such experiment.

    Example:
        >>> evaluate_comparative(("old-1a2b3c4d", "new-5e6f7a8b"), [prefer_shorter])  # doctest: +SKIP
    """
    from smithkit.evaluation._evaluate import evaluated

    given = {
        "evaluators": evaluators,
        "experiment_prefix": experiment_prefix,
        "description": description,
        "max_concurrency": max_concurrency,
        "metadata": metadata,
        "load_nested": load_nested,
        "randomize_order": randomize_order,
    }
    results: ComparativeExperimentResults = evaluated(_client(client), tuple(experiments), given)
    return results


def compare(
    experiment: Any, baseline: Any, *, client: Client | None = None, **options: Unpack[CompareArguments]
) -> ExperimentComparison:
    """Compare an experiment with a baseline: is it better, or may the difference be chance?

    Answers are paired by their examples, repetitions averaged. The interval of the mean difference is
    bootstrapped (BCa; percentile where BCa is not defined). The verdict is ``"better"`` or ``"worse"`` if the
    interval does not hold 0 and enough pairs differ, ``"too few rows"`` if so few pairs could not show anything.

    Args:
        experiment: Its results; or its name, id or project.
        baseline: The same of what it is compared with.
        client: Client to read experiments with. Default: the one that traces.
        options: By name:
            `confidence` (of the interval, 0.95),
            `resamples` (samples that the bootstrap draws, 9,999),
            `seed` (of the bootstrap, 0; None for another one each time) and
            `lower_is_better` (keys of feedback of which less is better).

    Returns:
        How each key of feedback, the latency and the share of errors differ.

    Raises:
        ValueError: One of the two still runs, or is no experiment, or they have no example in common.
        MissingPackageError: scipy is not installed.
        LangSmithNotFoundError: There is no such experiment.

    Example:
        >>> print(compare("new-5e6f7a8b", "old-1a2b3c4d"))  # doctest: +SKIP

    ``GET /sessions``, ``POST /runs/query``
    """
    from smithkit.evaluation._compare import CompareOptions, compared
    from smithkit.evaluation._measures import Measures
    from smithkit.evaluation._results import AsyncExperimentResults, ExperimentResults

    here = (ExperimentResults, AsyncExperimentResults)
    if isinstance(experiment, here) and isinstance(baseline, here):
        both = Measures.of_results(experiment), Measures.of_results(baseline)
        return compared(*both, CompareOptions(**options))
    reading = _client(client)
    if reading.asynchronous:
        raise TypeError("compare does not await: `await client.compare_experiments(...)` reads experiments.")
    found: ExperimentComparison = reading.compare_experiments(experiment, baseline, **options)
    return found


def _client(given: Any) -> Any:
    if given is not None:
        return given
    from smithkit.tracing import get_cached_client

    return get_cached_client()


def _named(experiment: Any) -> Any:
    """An experiment as such: whatever else it is, it is no function to be called."""
    if callable(experiment) or isinstance(experiment, (tuple, list)):
        raise TypeError("experiment must be the name, id or project of an experiment.")
    return experiment
