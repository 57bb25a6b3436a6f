"""Ask some fifty questions of the standard library's documentation, read the traces back, compare two rankers.

Runs on this machine alone, into a file, unless the environment names an endpoint or a key.
"""

from __future__ import annotations

import csv
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

import corpus
import experiment
import retrieval
from rich.console import Console
from rich.table import Table
from rich.tree import Tree

from smithkit import Client, tracing_context
from smithkit.errors import MissingPackageError

if TYPE_CHECKING:
    from smithkit.evaluation import ExperimentComparison, ExperimentResults
    from smithkit.schemas import Run

PROJECT = "quickstart"
QUESTIONS = Path(__file__).with_name("questions.csv")


def main() -> None:
    """Ask, read back, compare, show."""
    console = Console()
    with Client() as client:
        questions = read_questions()
        index = retrieval.Index(corpus.load())
        console.print(f"Asking {len(questions)} questions of {len(index.documents)} documents …")
        started = time.time()
        answers = ask_all(client, retrieval.Assistant(index), list(questions))
        client.flush()
        traces = newest_traces(client, len(questions))
        console.print(trace_tree(client.read_run(traces[0].id, load_child_runs=True)))
        console.print(totals(traces, answers, questions, time.time() - started))
        compare_rankers(console, client, index)
        console.print(f"All of it lies in {client.api_url}: the traces in project {PROJECT!r}.")


def read_questions() -> dict[str, str]:
    """Question → name of the function or class that answers it."""
    with QUESTIONS.open(encoding="utf-8", newline="") as file:
        return {row["question"]: row["expected"] for row in csv.DictReader(file)}


def ask_all(client: Client, assistant: retrieval.Assistant, questions: list[str]) -> dict[str, list[str]]:
    """Ask every question, traced; gives the sources of each answer."""
    with tracing_context(enabled=True, client=client, project_name=PROJECT):
        return {question: assistant.ask(question)["sources"] for question in questions}


def newest_traces(client: Client, count: int) -> list[Run]:
    """The root runs of the last `count` traces."""
    return list(client.list_runs(project_name=PROJECT, is_root=True, limit=count))


def milliseconds(run: Run) -> float:
    """How long a run took."""
    return (run.latency or 0.0) * 1000


def trace_tree(run: Run) -> Tree:
    """A run and the runs below it, with their timings."""
    tree = Tree(f"[bold]{run.name}[/] [dim]{run.run_type}[/] {milliseconds(run):.2f} ms  {run.status}")
    for child in run.child_runs or []:
        tree.children.append(trace_tree(child))
    return tree


def totals(
    traces: list[Run], answers: dict[str, list[str]], questions: dict[str, str], seconds: float
) -> Table:
    """What was measured, over all questions."""
    first = sum(answers[question][:1] == [expected] for question, expected in questions.items())
    among = sum(expected in answers[question] for question, expected in questions.items())
    table = Table(show_header=False, box=None)
    table.add_row("questions", f"{len(questions)}")
    table.add_row("expected source first", f"{first / len(questions):.0%}")
    table.add_row("expected source in the first five", f"{among / len(questions):.0%}")
    table.add_row("median of a trace", f"{statistics.median(milliseconds(run) for run in traces):.2f} ms")
    table.add_row("errors", f"{sum(run.error is not None for run in traces)}")
    table.add_row("asked, stored and read back in", f"{seconds:.2f} s")
    return table


def compare_rankers(console: Console, client: Client, index: retrieval.Index) -> None:
    """Put two rankers to the test on a dataset of the questions, and show which finds better sources."""
    dataset = experiment.dataset_of(client, QUESTIONS)
    console.print(f"Evaluating two rankers on the dataset {dataset.name!r} …")
    overlap = experiment.measure(client, dataset, retrieval.Assistant(index, index.overlap), "overlap")
    bm25 = experiment.measure(client, dataset, retrieval.Assistant(index), "bm25")
    console.print(means(overlap, bm25))
    try:
        comparison = bm25.compare(overlap)
    except MissingPackageError as missing:
        console.print(str(missing), markup=False)
    else:
        console.print(verdicts(comparison))


def means(*experiments: ExperimentResults) -> Table:
    """What the evaluators said of each experiment, on average."""
    table = Table("experiment", "feedback", "mean", box=None)
    for results in experiments:
        for key, figures in results.summary()["feedback"].items():
            table.add_row(results.experiment_name, key, f"{figures['mean']:.0%}")
    return table


def verdicts(comparison: ExperimentComparison) -> Table:
    """How one experiment differs from the other, and whether that may be chance."""
    title = f"{comparison.experiment_name} against {comparison.baseline_name}"
    interval = f"{comparison.confidence:.0%} interval"
    table = Table("feedback", "difference", interval, "won/tied/lost", "verdict", title=title, box=None)
    for key, one in comparison.feedback.items():
        pairs = f"{one.wins}/{one.ties}/{one.losses}"
        table.add_row(key, f"{one.difference:+.2f}", f"{one.low:+.2f} to {one.high:+.2f}", pairs, one.verdict)
    return table


if __name__ == "__main__":
    main()
