"""Client methods of evaluation."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any, Unpack, cast, overload

from smithkit.answers import parse
from smithkit.arguments import as_uuid, exactly_one
from smithkit.operations import Flow, Methods, PageFlow, Request, adrive, drive, operation, paginated
from smithkit.paging import check_limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    import pandas as pd

    from smithkit.evaluation._comparative import ComparativeExperimentResults
    from smithkit.evaluation._compare import ExperimentComparison
    from smithkit.evaluation._functions import CompareArguments, EvaluateArguments, ExistingArguments
    from smithkit.evaluation._given import Several, Single
    from smithkit.evaluation._results import AsyncExperimentResults
    from smithkit.evaluation._results import ExperimentResults as Results
    from smithkit.evaluation.schemas import (
        ComparativeExperiment,
        EvaluationResult,
        ExampleWithRuns,
        ExperimentResults,
    )

__all__ = ["AsyncEvaluationMethods", "EvaluationMethods"]


class _SharedMethods(Methods):
    """Methods of both clients."""

    @operation
    def create_comparative_experiment(
        self,
        name: str,
        experiments: Sequence[UUID | str],
        *,
        reference_dataset: UUID | str | None = None,
        description: str | None = None,
        created_at: dt.datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
        id: UUID | str | None = None,  # noqa: A002 - the API's own name
    ) -> Flow[ComparativeExperiment]:
        """Create a comparison of experiments on one dataset; feedback of comparisons belongs to it.

        Args:
            name: Its name.
            experiments: Ids of the experiments, at least one.
            reference_dataset: Id of the dataset. Default: that of the first experiment.
            description: A text for people.
            created_at: When it was made. Default: now.
            metadata: Free-form facts about it.
            id: Its id. Default: a new one.

        Returns:
            The comparison.

        Raises:
            ValueError: There are no experiments, or the first has no dataset.
            LangSmithUserError: An id is not a UUID.
            LangSmithNotFoundError: There is no such experiment.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.create_comparative_experiment("old or new", [old.id, new.id])  # doctest: +SKIP

        ``GET /sessions/{id}`` without `reference_dataset`, ``POST /datasets/comparative``
        """
        from smithkit.evaluation.schemas import ComparativeExperiment

        if not experiments:
            raise ValueError("experiments is empty: a comparison needs at least one.")
        experiment_ids = [as_uuid(experiment, "experiments") for experiment in experiments]
        body = {
            "id": uuid.uuid4() if id is None else as_uuid(id, "id"),
            "name": name,
            "experiment_ids": experiment_ids,
            "reference_dataset_id": (
                (yield from _dataset_of(experiment_ids[0]))
                if reference_dataset is None
                else as_uuid(reference_dataset, "reference_dataset")
            ),
            "description": description,
            "created_at": created_at or dt.datetime.now(dt.UTC),
            "extra": {} if metadata is None else {"metadata": metadata},
        }
        response = yield Request("POST", "/datasets/comparative", json=body)
        return parse(ComparativeExperiment, response.json())

    @operation
    def compare_experiments(
        self, experiment: Any, baseline: Any, **options: Unpack[CompareArguments]
    ) -> Flow[ExperimentComparison]:
        """Compare an experiment with a baseline, example by example: see `smithkit.evaluation.compare`.

        Args:
            experiment: Its name, id or project; or results.
            baseline: The same of what it is compared with.
            options: As of `compare`.

        Returns:
            How each key of feedback, the latency and the share of errors differ, with intervals and verdicts.

        Raises:
            ValueError: One is no experiment or still runs here, or they have no example in common.
            MissingPackageError: scipy is not installed.
            LangSmithNotFoundError: There is no such experiment.

        Example:
            >>> print(client.compare_experiments("new-5e6f7a8b", "old-1a2b3c4d"))  # doctest: +SKIP

        ``GET /sessions``, ``POST /runs/query``
        """
        from smithkit.evaluation._compare import CompareOptions, compared
        from smithkit.evaluation._measures import measured

        how = CompareOptions(**options)
        measures = yield from measured(self, experiment)
        before = yield from measured(self, baseline)
        return compared(measures, before, how)

    @operation
    def get_experiment_results(  # noqa: PLR0917 - the API's known order
        self,
        name: str | None = None,
        project_id: UUID | str | None = None,
        preview: bool = False,  # noqa: FBT001, FBT002 - the API's known order
        comparative_experiment_id: UUID | str | None = None,
        filters: Mapping[UUID, Sequence[str]] | None = None,
        limit: int | None = None,
    ) -> Flow[ExperimentResults]:
        """Read an experiment: its figures, and its examples with their runs.

        Args:
            name: Its name; excludes `project_id`.
            project_id: Its id; excludes `name`.
            preview: Whether inputs and outputs may be cut.
            comparative_experiment_id: Of runs in this comparison.
            filters: Filter expressions for runs, by experiment.
            limit: Most examples to give; None for all.

        Returns:
            A dict of ``feedback_stats``, ``run_stats`` and ``examples_with_runs``, an iterator that fetches
            a page of at most 100 when it is needed; an asynchronous one on `AsyncClient`.

        Raises:
            ValueError: Not exactly one of name and id is given, or the project is no experiment.
            LangSmithUserError: `limit` is negative.
            LangSmithNotFoundError: There is no such experiment.

        Example:
            >>> client.get_experiment_results("capitals-1a2b3c4d")["run_stats"]["run_count"]  # doctest: +SKIP
            3

        ``GET /sessions``, ``POST /datasets/{id}/runs``
        """
        from smithkit.evaluation._experiment import required_dataset
        from smithkit.evaluation._reading import run_stats

        check_limit(limit)
        project = yield from _project_with_stats(self, name, project_id)
        required_dataset(project)
        feedback = {**(project.feedback_stats or {}), **(project.session_feedback_stats or {})}
        examples = self._examples_with_runs(
            project,
            preview=preview,
            comparative_experiment_id=comparative_experiment_id,
            filters=filters,
            limit=limit,
        )
        found: Any = {
            "feedback_stats": feedback,
            "run_stats": run_stats(project),
            "examples_with_runs": examples,
        }
        results: ExperimentResults = found
        return results

    @paginated
    def _examples_with_runs(self, project: Any, /, **query: Any) -> PageFlow[ExampleWithRuns]:
        from smithkit.evaluation._reading import experiment_pages

        yield from experiment_pages(project, **query)

    @operation
    def get_test_results(
        self, *, project_id: UUID | str | None = None, project_name: str | None = None
    ) -> Flow[pd.DataFrame]:
        """Read the runs of an experiment beside their examples, as a table; this method may change.

        Args:
            project_id: The experiment's id; excludes `project_name`.
            project_name: Its name; excludes `project_id`.

        Returns:
            A line for each run: ``reference.*``, ``input.*``, ``outputs.*``, ``execution_time`` in seconds,
            ``error``, ``id``, ``feedback.*`` (the mean of each key) and ``notes``.

        Raises:
            ValueError: Not exactly one of id and name is given.
            MissingPackageError: pandas is not installed.
            LangSmithNotFoundError: There is no such experiment.

        Example:
            >>> client.get_test_results(project_name="capitals-1a2b3c4d").mean()  # doctest: +SKIP

        ``POST /runs/query``, ``GET /examples``
        """
        from smithkit.evaluation._reading import test_results

        exactly_one(project_id=project_id, project_name=project_name)
        return (yield from test_results(self, project_id, project_name))

    @overload
    async def aevaluate(
        self,
        target: Several,
        /,
        data: Any = None,
        evaluators: Sequence[Any] | None = None,
        summary_evaluators: Sequence[Any] | None = None,
        **options: Unpack[EvaluateArguments],
    ) -> ComparativeExperimentResults: ...

    @overload
    async def aevaluate(
        self,
        target: Single,
        /,
        data: Any = None,
        evaluators: Sequence[Any] | None = None,
        summary_evaluators: Sequence[Any] | None = None,
        **options: Unpack[EvaluateArguments],
    ) -> AsyncExperimentResults: ...

    async def aevaluate(
        self,
        target: Any,
        /,
        data: Any = None,
        evaluators: Sequence[Any] | None = None,
        summary_evaluators: Sequence[Any] | None = None,
        **options: Unpack[EvaluateArguments],
    ) -> Any:
        """Evaluate on the event loop: see `smithkit.evaluation.aevaluate`.

        Args:
            target: An asynchronous function, a Runnable, an experiment, or a tuple of experiments.
            data: A dataset's name, id or object, or examples.
            evaluators: What judges each answer.
            summary_evaluators: What judges all of them.
            options: As of `smithkit.evaluation.evaluate`.

        Returns:
            `AsyncExperimentResults`; `ComparativeExperimentResults` for several experiments.

        Raises:
            ValueError: An argument is missing, unknown or clashes with another.
            TypeError: An argument is of a wrong kind.

        Example:
            >>> await client.aevaluate(target, data="capitals", max_concurrency=8)  # doctest: +SKIP
        """
        from smithkit.evaluation import _functions

        return await _functions.aevaluate(
            target, data, evaluators, summary_evaluators, client=cast("Any", self), **options
        )

    async def aevaluate_existing(
        self,
        experiment: Any,
        /,
        evaluators: Sequence[Any] | None = None,
        summary_evaluators: Sequence[Any] | None = None,
        **options: Unpack[ExistingArguments],
    ) -> AsyncExperimentResults:
        """Judge an experiment that is there: see `smithkit.evaluation.aevaluate_existing`.

        Args:
            experiment: Its name, id or project.
            evaluators: What judges each answer.
            summary_evaluators: What judges all of them.
            options: As of `smithkit.evaluation.evaluate_existing`.

        Returns:
            The results.

        Raises:
            ValueError: It is no experiment, or has no runs.
            LangSmithNotFoundError: There is none.

        Example:
            >>> await client.aevaluate_existing("capitals-1a2b3c4d", [exact])  # doctest: +SKIP
        """
        from smithkit.evaluation import _functions

        return await _functions.aevaluate_existing(
            experiment, evaluators, summary_evaluators, client=cast("Any", self), **options
        )

    async def aevaluate_run(
        self,
        run: Any,
        evaluator: Any,
        *,
        source_info: Mapping[str, Any] | None = None,
        reference_example: Any = None,
        load_child_runs: bool = False,
    ) -> EvaluationResult:
        """Judge one run without blocking the event loop, and send the results as feedback.

        Args:
            run: The run, or its id (``GET /runs/{id}``).
            evaluator: A `RunEvaluator`, or a function that could become one.
            source_info: Facts about where the feedback comes from.
            reference_example: The example, its id or its fields. Default: the run's.
            load_child_runs: Whether the evaluator wants the whole trace.

        Returns:
            The first result.

        Raises:
            ValueError: The evaluator returned what is no result.
            LangSmithNotFoundError: There is no such run or example.

        Example:
            >>> await client.aevaluate_run(run_id, exact)  # doctest: +SKIP

        ``POST /feedback``
        """
        from smithkit.evaluation._one_run import judge_run
        from smithkit.evaluation._steps import aperformer

        flow = judge_run(
            self,
            run,
            evaluator,
            source_info=source_info,
            reference_example=reference_example,
            load_child_runs=load_child_runs,
            asynchronous=True,
        )
        return await adrive(flow, aperformer(self))


class EvaluationMethods(_SharedMethods):
    """Evaluation of datasets: the methods of `Client`."""

    @overload
    def evaluate(
        self,
        target: Several,
        /,
        data: Any = None,
        evaluators: Sequence[Any] | None = None,
        summary_evaluators: Sequence[Any] | None = None,
        **options: Unpack[EvaluateArguments],
    ) -> ComparativeExperimentResults: ...

    @overload
    def evaluate(
        self,
        target: Single,
        /,
        data: Any = None,
        evaluators: Sequence[Any] | None = None,
        summary_evaluators: Sequence[Any] | None = None,
        **options: Unpack[EvaluateArguments],
    ) -> Results: ...

    def evaluate(
        self,
        target: Any,
        /,
        data: Any = None,
        evaluators: Sequence[Any] | None = None,
        summary_evaluators: Sequence[Any] | None = None,
        **options: Unpack[EvaluateArguments],
    ) -> Any:
        """Put a function to the test on the examples of a dataset: see `smithkit.evaluation.evaluate`.

        Args:
            target: A function, a Runnable, an experiment, or a tuple of experiments.
            data: A dataset's name, id or object, or examples.
            evaluators: What judges each answer.
            summary_evaluators: What judges all of them.
            options: As of `smithkit.evaluation.evaluate`.

        Returns:
            `ExperimentResults`; `ComparativeExperimentResults` for several experiments.

        Raises:
            ValueError: An argument is missing, unknown or clashes with another.
            TypeError: An argument is of a wrong kind.

        Example:
            >>> client.evaluate(target, data="capitals", evaluators=[exact])  # doctest: +SKIP
        """
        from smithkit.evaluation import _functions

        return _functions.evaluate(
            target, data, evaluators, summary_evaluators, client=cast("Any", self), **options
        )

    def evaluate_existing(
        self,
        experiment: Any,
        /,
        evaluators: Sequence[Any] | None = None,
        summary_evaluators: Sequence[Any] | None = None,
        **options: Unpack[ExistingArguments],
    ) -> Results:
        """Judge an experiment that is there: see `smithkit.evaluation.evaluate_existing`.

        Args:
            experiment: Its name, id or project.
            evaluators: What judges each answer.
            summary_evaluators: What judges all of them.
            options: As of `smithkit.evaluation.evaluate_existing`.

        Returns:
            The results.

        Raises:
            ValueError: It is no experiment, or has no runs.
            LangSmithNotFoundError: There is none.

        Example:
            >>> client.evaluate_existing("capitals-1a2b3c4d", [exact])  # doctest: +SKIP
        """
        from smithkit.evaluation import _functions

        return _functions.evaluate_existing(
            experiment, evaluators, summary_evaluators, client=cast("Any", self), **options
        )

    def evaluate_comparative(
        self, experiments: Sequence[Any], /, evaluators: Sequence[Any], **options: Any
    ) -> ComparativeExperimentResults:
        """Judge experiments side by side: see `smithkit.evaluation.evaluate_comparative`.

        Args:
            experiments: Names, ids or projects of two or more experiments on one dataset.
            evaluators: What judges.
            options: As of `smithkit.evaluation.evaluate_comparative`.

        Returns:
            The results.

        Raises:
            ValueError: Fewer than two experiments, no evaluators, or different datasets.

        Example:
            >>> client.evaluate_comparative(("old", "new"), [prefer_shorter])  # doctest: +SKIP
        """
        from smithkit.evaluation import _functions

        return _functions.evaluate_comparative(experiments, evaluators, client=cast("Any", self), **options)

    def evaluate_run(
        self,
        run: Any,
        evaluator: Any,
        *,
        source_info: Mapping[str, Any] | None = None,
        reference_example: Any = None,
        load_child_runs: bool = False,
    ) -> EvaluationResult:
        """Judge one run, and send the results as feedback.

        Args:
            run: The run, or its id (``GET /runs/{id}``).
            evaluator: A `RunEvaluator`, or a function that could become one.
            source_info: Facts about where the feedback comes from.
            reference_example: The example, its id or its fields. Default: the run's.
            load_child_runs: Whether the evaluator wants the whole trace.

        Returns:
            The first result.

        Raises:
            ValueError: The evaluator returned what is no result.
            LangSmithNotFoundError: There is no such run or example.

        Example:
            >>> client.evaluate_run(run_id, exact)  # doctest: +SKIP

        ``POST /feedback``
        """
        from smithkit.evaluation._one_run import judge_run
        from smithkit.evaluation._steps import performer

        flow = judge_run(
            self,
            run,
            evaluator,
            source_info=source_info,
            reference_example=reference_example,
            load_child_runs=load_child_runs,
            asynchronous=False,
        )
        return drive(flow, performer(self))


class AsyncEvaluationMethods(_SharedMethods):
    """Evaluation of datasets: the methods of `AsyncClient`."""

    evaluate = _SharedMethods.aevaluate
    evaluate_existing = _SharedMethods.aevaluate_existing
    evaluate_run = _SharedMethods.aevaluate_run
    evaluate_comparative = _SharedMethods.aevaluate


def _dataset_of(experiment_id: UUID) -> Flow[UUID]:
    """The dataset that an experiment ran on."""
    params = {"limit": 1, "include_stats": False}
    response = yield Request("GET", f"/sessions/{experiment_id}", params=params)
    experiment = response.json()
    dataset_id = experiment.get("reference_dataset_id") if isinstance(experiment, dict) else None
    if dataset_id is None:
        raise ValueError(
            f"The project {experiment_id} has no dataset, so it is no experiment. Give reference_dataset."
        )
    return as_uuid(dataset_id, "reference_dataset_id")


def _project_with_stats(client: Any, name: str | None, project_id: UUID | str | None) -> Flow[Any]:
    exactly_one(name=name, project_id=project_id)
    query = {"project_id": project_id, "project_name": name, "include_stats": True}
    return (yield from type(client).read_project(client, **query))
