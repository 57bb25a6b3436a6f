"""What evaluations give; see `checkers.py` for what the comments mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from smithkit.evaluation import (
    AsyncExperimentResults,
    ComparativeExperimentResults,
    ExperimentComparison,
    ExperimentResults,
    aevaluate,
    compare,
    evaluate,
)

if TYPE_CHECKING:
    from uuid import UUID

    from smithkit import AsyncClient, Client


def target(inputs: dict[str, Any]) -> dict[str, Any]:
    return inputs


async def atarget(inputs: dict[str, Any]) -> dict[str, Any]:
    return inputs


def synchronous(client: Client, experiment: UUID) -> None:
    """A function or an experiment gives results, several experiments a comparison."""
    results = client.evaluate(target, data="names", max_concurrency=4, rate_limit=2.5, progress=False)
    assert_type(results, ExperimentResults)
    assert_type(client.evaluate("names-1", evaluators=[]), ExperimentResults)
    assert_type(client.evaluate(experiment), ExperimentResults)
    assert_type(client.evaluate(("names-1", "names-2"), evaluators=[]), ComparativeExperimentResults)
    assert_type(evaluate(target, data="names", client=client), ExperimentResults)
    assert_type(results.compare("names-1", confidence=0.9), ExperimentComparison)
    assert_type(compare("names-2", "names-1", lower_is_better=["length"]), ExperimentComparison)
    assert_type(client.compare_experiments("names-2", "names-1").latency.low, float | None)
    client.evaluate(target, data="names", max_concurency=4)  # wrong: call-overload reportCallIssue
    results.compare("names-1", confidnce=0.9)  # wrong: call-arg reportCallIssue


async def asynchronous(client: AsyncClient, other: Client) -> None:
    """The same, awaited."""
    assert_type(await client.evaluate(atarget, data="names"), AsyncExperimentResults)
    assert_type(await other.aevaluate(atarget, data="names"), AsyncExperimentResults)
    assert_type(await aevaluate(atarget, data="names", client=client), AsyncExperimentResults)
    assert_type(await client.evaluate(["names-1", "names-2"]), ComparativeExperimentResults)
    assert_type(await client.compare_experiments("names-2", "names-1"), ExperimentComparison)
