"""Running the rows of an experiment: in threads or in tasks, never more at a time than allowed."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smithkit.errors import LangSmithError
from smithkit.evaluation._progress import Progress
from smithkit.evaluation._results import AsyncExperimentResults, ExperimentResults
from smithkit.evaluation._rows import _log
from smithkit.evaluation._steps import Call, aperformer, performer
from smithkit.operations import Flow, Together, adrive, drive
from smithkit.transport._together import run_in_tasks, run_in_threads

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from smithkit.evaluation._results import ExperimentResultRow
    from smithkit.evaluation._rows import Judge
    from smithkit.evaluation._workplace import Workplace

__all__ = ["Work", "arun", "run"]

_FLUSH_SECONDS = 60.0


@dataclass(slots=True)
class Work:
    """The rows of an experiment that are to be done.

    Attributes:
        judge: The evaluators.
        rows: A flow for each row.
        update: Whether the project is told about the examples at the end.
        display: Whether the user wants to see how far it is.
        workplace: Where the rows are done; None for the threads or tasks of this process.
    """

    judge: Judge
    rows: Sequence[Generator[Any, Any, ExperimentResultRow]]
    update: bool = True
    display: bool = False
    workplace: Workplace | None = None

    def finish(self, rows: Sequence[ExperimentResultRow]) -> Flow[list[Any]]:
        """After the last row: tell the project what it is about, sum up, deliver what is on its way."""
        judge, experiment = self.judge, self.judge.experiment
        client = judge.client
        if self.update and judge.upload and experiment.project is not None:
            try:
                project_id = experiment.project.id
                yield from type(client).update_project(client, project_id, metadata=experiment.facts())
            except LangSmithError as error:
                _log.warning("The experiment %s was not updated: %s", experiment.name, error)
        summary = yield from judge.summary(rows)
        if judge.upload:
            yield Call(lambda: client.flush(_FLUSH_SECONDS), asynchronous=client.asynchronous)
        return summary

    def place(self) -> str | None:
        """Where to look at the experiment: a page, or the database of an embedded backend."""
        client, project = self.judge.client, self.judge.experiment.project
        if project is None:
            return None
        return str(project.url if client.api_url.startswith("http") else client.api_url)

    def together(self, most: int | None, progress: Progress) -> Together[Any]:
        """The rows as flows that run at once."""
        examples = len(self.rows) // self.judge.experiment.repetitions or 1
        flows = (_numbered(number % examples, row) for number, row in enumerate(self.rows))
        return Together(flows, most or max(len(self.rows), 1), progress.row_ended)

    def progress(self, results: ExperimentResults | AsyncExperimentResults) -> Progress:
        """What hands the rows on to the results."""
        return Progress(self.judge.client, results, len(self.rows), display=self.display)


def run(work: Work, most: int | None, *, blocking: bool) -> ExperimentResults:
    """Run rows in threads.

    Args:
        work: The rows.
        most: How many at a time; None for all.
        blocking: Whether to wait for the end; else a thread does the work.
    """
    results = ExperimentResults(work.judge.experiment.name, work.place())
    progress = work.progress(results)
    perform = performer(work.judge.client)

    def do() -> None:
        progress.started()
        try:
            with work.workplace or contextlib.nullcontext():
                run_in_threads(work.together(most, progress), perform)
            results.finish(drive(work.finish(results.ordered()), perform))
        except BaseException as error:  # noqa: BLE001 - raised by whoever waits
            results.finish(error=error)
        finally:
            progress.ended()

    if blocking:
        do()
        results.wait()
    else:
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(do,), name="smithkit-evaluation").start()
    return results


async def arun(work: Work, most: int | None, *, blocking: bool) -> AsyncExperimentResults:
    """Run rows in tasks.

    Args:
        work: The rows.
        most: How many at a time; None for all.
        blocking: Whether to wait for the end; else a task does the work.
    """
    results = AsyncExperimentResults(work.judge.experiment.name, work.place())
    progress = work.progress(results)
    perform = aperformer(work.judge.client)

    async def do() -> None:
        progress.started()
        try:
            await run_in_tasks(work.together(most, progress), perform)
            results.finish(await adrive(work.finish(results.ordered()), perform))
        except BaseException as error:
            results.finish(error=error)
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            progress.ended()

    if blocking:
        await do()
        await results.wait()
    else:
        results._task = asyncio.create_task(do())  # noqa: SLF001 - the loop itself would not keep it
    return results


def _numbered(
    number: int, row: Generator[Any, Any, ExperimentResultRow]
) -> Flow[tuple[int, ExperimentResultRow]]:
    return number, (yield from row)
