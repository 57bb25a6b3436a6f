"""Rows of experiments as tables and figures."""

from __future__ import annotations

import html as escaping
import statistics
from collections import Counter
from typing import TYPE_CHECKING, Any

from smithkit.errors import MissingPackageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from smithkit.evaluation._results import ExperimentResultRow
    from smithkit.evaluation.schemas import EvaluationResults

__all__ = [
    "figures",
    "frame",
    "html",
    "html_table",
    "in_markdown",
    "markdown",
    "markdown_table",
    "pandas",
    "seconds",
]

_SHOWN_ROWS = 100
_SHOWN_CHARACTERS = 200


def pandas() -> Any:
    """The pandas package.

    Raises:
        MissingPackageError: It is not installed.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError:
        raise MissingPackageError("This needs pandas: pip install pandas") from None
    return pd


def frame(rows: Sequence[ExperimentResultRow]) -> pd.DataFrame:
    """Rows as a data frame."""
    table: pd.DataFrame = pandas().DataFrame(_lines(rows))
    return table


def markdown(rows: Sequence[ExperimentResultRow]) -> str:
    """Rows as a table in Markdown."""
    lines = _lines(rows)
    columns = _columns(lines)
    return markdown_table(columns, [[line.get(column) for column in columns] for line in lines])


def html(name: str, rows: Sequence[ExperimentResultRow]) -> str:
    """The first rows as a table for notebooks."""
    lines = _lines(rows[:_SHOWN_ROWS])
    columns = _columns(lines)
    more = len(rows) - len(lines)
    cells = [[line.get(column) for column in columns] for line in lines]
    return html_table(name, columns, cells, [f"and {more} more rows"] if more else [])


def markdown_table(columns: Sequence[str], lines: Iterable[Iterable[Any]]) -> str:
    """A table in Markdown; what cells hold is text, whatever it looks like."""
    table = [[in_markdown(column) for column in columns], ["---"] * len(columns)]
    table += [[in_markdown(cell) for cell in cells] for cells in lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in table)


def html_table(
    title: str, columns: Sequence[str], lines: Iterable[Iterable[Any]], notes: Sequence[str] = ()
) -> str:
    """A table for notebooks; whatever it holds is escaped."""
    head = "".join(f"<th>{escaping.escape(column)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escaping.escape(_short(cell))}</td>' for cell in cells)}</tr>"
        for cells in lines
    )
    below = "".join(f"<p>{escaping.escape(note)}</p>" for note in notes)
    above = f"<p><b>{escaping.escape(title)}</b></p>"
    return f"<div>{above}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}</div>"


def figures(rows: Sequence[ExperimentResultRow], summary: EvaluationResults) -> dict[str, Any]:
    """Counts and means of rows."""
    given: dict[str, list[Any]] = {}
    evaluator_errors = 0
    for row in rows:
        for result in row["evaluation_results"]["results"]:
            evaluator_errors += bool((result.extra or {}).get("error"))
            given.setdefault(result.key, []).append(_said(result))
    for result in summary["results"]:
        given.setdefault(result.key, []).append(_said(result))
    times = [time for time in (seconds(row["run"]) for row in rows) if time is not None]
    return {
        "rows": len(rows),
        "errors": sum(bool(row["run"].error) for row in rows),
        "evaluator_errors": evaluator_errors,
        "execution_time": statistics.fmean(times) if times else None,
        "feedback": {key: _figures_of(values) for key, values in given.items()},
    }


def _figures_of(values: Iterable[Any]) -> dict[str, Any]:
    said = [value for value in values if value is not None]
    scores = [float(value) for value in said if isinstance(value, (bool, int, float))]
    if scores:
        return {"n": len(said), "mean": statistics.fmean(scores), "min": min(scores), "max": max(scores)}
    return {"n": len(said), "values": dict(Counter(str(value) for value in said))}


def _lines(rows: Iterable[ExperimentResultRow]) -> list[dict[str, Any]]:
    return [_line(row) for row in rows]


def _line(row: ExperimentResultRow) -> dict[str, Any]:
    run, example = row["run"], row["example"]
    return {
        **_prefixed("inputs", example.inputs),
        **_prefixed("outputs", run.outputs),
        "error": run.error,
        **_prefixed("reference", example.outputs),
        **{f"feedback.{result.key}": _said(result) for result in row["evaluation_results"]["results"]},
        "execution_time": seconds(run),
        "example_id": str(example.id),
        "id": str(run.id),
    }


def _prefixed(prefix: str, values: Mapping[str, Any] | None) -> dict[str, Any]:
    return {f"{prefix}.{name}": value for name, value in (values or {}).items()}


def _said(result: Any) -> Any:
    if result.score is not None:
        return result.score
    return result.value if result.value is not None else None


def seconds(run: Any) -> float | None:
    """How long a run took, if it has ended."""
    return (run.end_time - run.start_time).total_seconds() if run.end_time and run.start_time else None


def _columns(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    found = dict.fromkeys(column for line in lines for column in line)
    groups = ("inputs.", "outputs.", "error", "reference.", "feedback.", "execution_time", "example_id", "id")
    return sorted(
        found, key=lambda column: next(at for at, group in enumerate(groups) if column.startswith(group))
    )


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def in_markdown(value: Any) -> str:
    """A value as text within Markdown."""
    return " ".join(_short(value).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())
