"""Results of experiments: rows as they arrive, and all of them when it is over."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from smithkit.evaluation import _tables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    import pandas as pd

    from smithkit.datasets.schemas import Example
    from smithkit.evaluation._compare import ExperimentComparison
    from smithkit.evaluation._functions import CompareArguments
    from smithkit.evaluation.schemas import EvaluationResults

__all__ = ["AsyncExperimentResults", "ExperimentResultRow", "ExperimentResults"]


class ExperimentResultRow(TypedDict):
    """One answer of an experiment.

    Attributes:
        run: The run; its `error` says whether and why it failed.
        example: The example that it answers.
        evaluation_results: What the evaluators said.
    """

    run: Any
    example: Example
    evaluation_results: EvaluationResults


class _Results:
    """What the results of `evaluate` and `aevaluate` share."""

    def __init__(self, experiment_name: str, url: str | None = None) -> None:
        self._name = experiment_name
        self._url = url
        self._results: list[ExperimentResultRow] = []
        self._numbers: list[int] = []
        self._summary_results: EvaluationResults = {"results": []}
        self._done = False
        self._error: BaseException | None = None

    @property
    def experiment_name(self) -> str:
        """Name of the experiment."""
        return self._name

    @property
    def url(self) -> str | None:
        """Where it is: its page, or the database of an embedded backend; None if nothing is uploaded."""
        return self._url

    @property
    def summary_results(self) -> EvaluationResults:
        """What the summary evaluators said."""
        return self._summary_results

    @property
    def done(self) -> bool:
        """Whether the experiment is over."""
        return self._done

    def __len__(self) -> int:
        """How many rows there are by now."""
        return len(self._results)

    def __repr__(self) -> str:
        state = "" if self._done else ", running"
        return f"<{type(self).__name__} {self._name}: {len(self)} rows{state}>"

    def to_pandas(self, start: int = 0, end: int | None = None) -> pd.DataFrame:
        """The rows as a table, one line each.

        Args:
            start: First row.
            end: Row to stop before; None for all.

        Returns:
            Columns ``inputs.*``, ``outputs.*``, ``error``, ``reference.*``, ``feedback.*``,
            ``execution_time`` (seconds), ``example_id`` and ``id``.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        return _tables.frame(self._results[start:end])

    def to_markdown(self) -> str:
        """The rows as a table in Markdown."""
        return _tables.markdown(self._results)

    def summary(self) -> dict[str, Any]:
        """Figures of the experiment.

        Returns:
            ``rows``, ``errors`` (runs that failed), ``evaluator_errors``, ``execution_time`` (mean, in
            seconds), and under ``feedback``, for each key, ``n``, and ``mean``, ``min`` and ``max`` of its
            scores or the count of each of its values.
        """
        return {"experiment_name": self._name, **_tables.figures(self._results, self._summary_results)}

    def compare(self, baseline: Any, **options: Unpack[CompareArguments]) -> ExperimentComparison:
        """Compare with a baseline, example by example: see `smithkit.evaluation.compare`.

        Args:
            baseline: Results of another experiment on the same examples; or its name, id or project.
            options: As of `compare`.

        Returns:
            How each metric differs, with its interval and a verdict.

        Raises:
            ValueError: One of the two still runs, or they have no example in common.
            MissingPackageError: scipy is not installed.

        Example:
            >>> print(results.compare(baseline))  # doctest: +SKIP
        """
        from smithkit.evaluation._functions import compare

        return compare(self, baseline, **options)

    def _repr_html_(self) -> str:
        return _tables.html(self._name, self._results)

    def ordered(self) -> list[ExperimentResultRow]:
        """The rows that there are by now, in the order of the examples."""
        order = sorted(range(len(self._numbers)), key=self._numbers.__getitem__)
        return [self._results[at] for at in order]

    def _put(self, number: int, row: ExperimentResultRow) -> None:
        self._results.append(row)
        self._numbers.append(number)

    def _end(self, summary: Sequence[Any], error: BaseException | None) -> None:
        """Note the end; from now on the rows stand in the order of the examples."""
        self._results = self.ordered()
        self._numbers.sort()
        self._summary_results = {"results": list(summary)}
        self._error, self._done = error, True


class ExperimentResults(_Results):
    """Results of `evaluate`: iterate over them, also while the experiment runs.

    Rows come as they are done; once all are, in the order of the examples.

    Example:
        >>> from smithkit import Client  # doctest: +SKIP
        >>> results = client.evaluate(target, data="capitals", blocking=False)  # doctest: +SKIP
        >>> for row in results:  # doctest: +SKIP
        ...     print(row["run"].outputs)
    """

    def __init__(self, experiment_name: str, url: str | None = None) -> None:
        super().__init__(experiment_name, url)
        self._changed = threading.Condition()

    def __iter__(self) -> Iterator[ExperimentResultRow]:
        """Every row, waiting for those that are not there yet."""
        with self._changed:
            rows, position = self._results, 0
        while True:
            with self._changed:
                while not self._done and len(rows) <= position:
                    self._changed.wait()
                if position == len(rows):
                    break
            yield rows[position]
            position += 1
        self.wait()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the end of the experiment.

        Args:
            timeout: Seconds to wait at most; None for no limit.

        Raises:
            TimeoutError: It is not over by then.
            Exception: What ended it early.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._done, timeout):
                raise TimeoutError(f"The experiment {self._name!r} is not over after {timeout:g} seconds.")
        if self._error is not None:
            raise self._error

    def arrive(self, numbered: tuple[int, ExperimentResultRow]) -> None:
        """Take a row and its place among the examples."""
        with self._changed:
            self._put(*numbered)
            self._changed.notify_all()

    def finish(self, summary: Sequence[Any] = (), error: BaseException | None = None) -> None:
        """Note the end."""
        with self._changed:
            self._end(summary, error)
            self._changed.notify_all()


class AsyncExperimentResults(_Results):
    """Results of `aevaluate`: iterate with ``async for``, also while the experiment runs.

    Rows come as they are done; once all are, in the order of the examples.

    Example:
        >>> async def show(client, target):
        ...     async for row in await client.aevaluate(target, data="capitals", blocking=False):
        ...         print(row["run"].outputs)
    """

    def __init__(self, experiment_name: str, url: str | None = None) -> None:
        super().__init__(experiment_name, url)
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aiter__(self) -> AsyncIterator[ExperimentResultRow]:
        """Every row, waiting for those that are not there yet."""
        rows, position = self._results, 0
        while not self._done or position < len(rows):
            changed = self._changed
            if position < len(rows):
                yield rows[position]
                position += 1
            else:
                await changed.wait()
        await self.wait()

    def __iter__(self) -> Iterator[ExperimentResultRow]:
        """The rows that are there by now."""
        return iter(list(self._results))

    async def wait(self) -> None:
        """Wait for the end of the experiment.

        Raises:
            Exception: What ended it early.
        """
        await self._ended.wait()
        if self._error is not None:
            raise self._error

    def arrive(self, numbered: tuple[int, ExperimentResultRow]) -> None:
        """Take a row and its place among the examples."""
        self._put(*numbered)
        self._tell()

    def finish(self, summary: Sequence[Any] = (), error: BaseException | None = None) -> None:
        """Note the end."""
        self._end(summary, error)
        self._tell()
        self._ended.set()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
