"""Experiments as they stand on the server."""

from __future__ import annotations

import warnings
from datetime import datetime
from typing import TYPE_CHECKING, Any

from smithkit.answers import parse, rows
from smithkit.arguments import as_uuid
from smithkit.evaluation import _tables
from smithkit.evaluation._experiment import required_dataset
from smithkit.evaluation._steps import everything
from smithkit.operations import Flow, Page, PageFlow, Request
from smithkit.tracing._methods._query import query_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    import pandas as pd

    from smithkit.evaluation.schemas import ExampleWithRuns

__all__ = ["experiment_pages", "run_stats", "test_results"]

_PAGE = 100
_BATCH = 50
_STATS = (
    "run_count latency_p50 latency_p99 total_tokens prompt_tokens completion_tokens last_run_start_time "
    "run_facets total_cost prompt_cost completion_cost first_token_p50 first_token_p99 error_rate"
).split()
_SELECT = [
    "id",
    "reference_example_id",
    "inputs",
    "outputs",
    "error",
    "feedback_stats",
    "start_time",
    "end_time",
]


def experiment_pages(
    project: Any,
    *,
    preview: bool,
    comparative_experiment_id: UUID | None,
    filters: Mapping[UUID, Sequence[str]] | None,
    limit: int | None,
) -> PageFlow[ExampleWithRuns]:
    """Examples of an experiment with their runs (``POST /datasets/{id}/runs``)."""
    from smithkit.evaluation.schemas import ExampleWithRuns

    path = f"/datasets/{required_dataset(project)}/runs"
    offset = 0
    while limit is None or offset < limit:
        size = _PAGE if limit is None else min(_PAGE, limit - offset)
        body = {
            "session_ids": [project.id],
            "offset": offset,
            "limit": size,
            "preview": preview,
            "comparative_experiment_id": comparative_experiment_id,
            "filters": None if filters is None else {str(one): list(said) for one, said in filters.items()},
        }
        found = rows((yield Request("POST", path, json=body)))[:size]
        yield Page([parse(ExampleWithRuns, row) for row in found])
        if len(found) < size:
            return
        offset += len(found)


def run_stats(project: Any) -> dict[str, Any]:
    """Figures of an experiment's runs."""
    return {name: getattr(project, name, None) for name in _STATS}


def test_results(client: Any, project_id: Any, project_name: str | None) -> Flow[pd.DataFrame]:
    """An experiment's runs beside their examples, as a table."""
    warnings.warn("get_test_results may change.", UserWarning, stacklevel=4)
    pandas = _tables.pandas()
    if project_id is None:
        project_id = (yield from type(client).read_project(client, project_name=project_name)).id
    query = {"session": [as_uuid(project_id, "project_id")], "is_root": True, "select": _SELECT}
    runs = yield from query_all("/runs/query", query)
    runs = [run for run in runs if run.get("reference_example_id")]
    ids = list(dict.fromkeys(str(run["reference_example_id"]) for run in runs))
    examples: dict[Any, Any] = {}
    for start in range(0, len(ids), _BATCH):
        found = type(client).list_examples(client, example_ids=ids[start : start + _BATCH])
        examples |= {str(example.id): example for example in (yield from everything(found))}
    known = [run for run in runs if str(run["reference_example_id"]) in examples]
    lines = [_line(run, examples[str(run["reference_example_id"])]) for run in known]
    table: pd.DataFrame = pandas.DataFrame(lines, columns=_columns(lines))
    return table


def _line(run: Mapping[str, Any], example: Any) -> dict[str, Any]:
    feedback = run.get("feedback_stats") or {}
    line = {
        **{f"reference.{name}": value for name, value in (example.outputs or {}).items()},
        **{f"input.{name}": value for name, value in (run.get("inputs") or {}).items()},
        **{f"outputs.{name}": value for name, value in (run.get("outputs") or {}).items()},
        "execution_time": _seconds(run),
        "error": run.get("error"),
        "id": as_uuid(run["id"], "id"),
        **{f"feedback.{key}": said.get("avg") for key, said in feedback.items() if key != "note"},
    }
    if "note" in feedback:
        line["notes"] = feedback["note"].get("comments")
    return line


def _seconds(run: Mapping[str, Any]) -> float | None:
    start, end = run.get("start_time"), run.get("end_time")
    if not start or not end:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _columns(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """All columns: references, inputs and outputs before what every line has, feedback and notes last."""
    order = ("reference.", "input.", "outputs.", "execution_time", "error", "id", "feedback.", "notes")
    found = dict.fromkeys(column for line in lines for column in line)
    return sorted(
        found, key=lambda column: max(at for at, group in enumerate(order) if column.startswith(group))
    )
