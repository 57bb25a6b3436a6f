"""Judging one run."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any
from uuid import UUID

from smithkit.evaluation._evaluators import as_evaluators
from smithkit.evaluation._outcomes import results_of
from smithkit.evaluation._rows import about, send_feedback
from smithkit.evaluation._steps import Call
from smithkit.tracing import uuid7

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smithkit.evaluation.schemas import EvaluationResult
    from smithkit.operations import Flow

__all__ = ["judge_run"]


def judge_run(
    client: Any,
    run: Any,
    evaluator: Any,
    *,
    source_info: Mapping[str, Any] | None,
    reference_example: Any,
    load_child_runs: bool,
    asynchronous: bool,
) -> Flow[EvaluationResult]:
    """Judge a run, and send what the evaluator says as feedback; the first result is returned."""
    [judge] = as_evaluators([evaluator])
    if isinstance(run, (str, UUID)):
        run = yield from type(client).read_run(client, run, load_child_runs=load_child_runs)
    example = yield from _example(client, run, reference_example)
    method: Any = judge.aevaluate_run if asynchronous else judge.evaluate_run
    given = (
        {"evaluator_run_id": uuid7()} if "evaluator_run_id" in inspect.signature(method).parameters else {}
    )
    returned = yield Call(lambda: method(run, example, **given), asynchronous)
    name = getattr(judge, "name", type(judge).__name__)
    results = results_of(returned, name)["results"]
    for result in results:
        result.evaluator_info = {**(source_info or {}), **result.evaluator_info}
        yield from send_feedback(client, result, **about(run, result), feedback_source_type="model")
    return results[0]


def _example(client: Any, run: Any, given: Any) -> Flow[Any]:
    if isinstance(given, dict):
        from smithkit.datasets.schemas import Example

        return Example.model_validate(given)
    if given is None:
        given = run.reference_example_id
    if isinstance(given, (str, UUID)):
        given = yield from type(client).read_example(client, given)
    return given
