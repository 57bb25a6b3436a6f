"""What a test tells of itself."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from smithkit.evaluation.testing._case import current_case, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smithkit.evaluation.testing._case import Case
    from smithkit.tracing import RunTree

__all__ = ["log_feedback", "log_inputs", "log_outputs", "log_reference_outputs", "trace_feedback"]

_judge: ContextVar[RunTree | None] = ContextVar("smithkit_test_judge", default=None)


def log_inputs(inputs: Mapping[str, Any], /) -> None:
    """Log what the running test works on, beside its arguments: the inputs of its run and its example.

    Args:
        inputs: Name → value; values of the same name are replaced.

    Raises:
        ValueError: No test with the mark is running.
        TypeError: They are no dictionary.

    Example:
        >>> import pytest
        >>> from smithkit.testing import log_inputs
        >>> @pytest.mark.langsmith
        ... def test_greets():
        ...     log_inputs({"name": "Ada"})
    """
    _case("log_inputs").inputs |= _mapping("log_inputs", inputs)


def log_outputs(outputs: Mapping[str, Any], /) -> None:
    """Log what the running test got: the outputs of its run.

    Args:
        outputs: Name → value; values of the same name are replaced.

    Raises:
        ValueError: No test with the mark is running.
        TypeError: They are no dictionary.

    Example:
        >>> import pytest
        >>> from smithkit.testing import log_outputs
        >>> @pytest.mark.langsmith
        ... def test_greets():
        ...     log_outputs({"greeting": "Hello, Ada"})
    """
    _case("log_outputs").outputs |= _mapping("log_outputs", outputs)


def log_reference_outputs(reference_outputs: Mapping[str, Any], /) -> None:
    """Log what the running test should have got: the outputs of its example.

    Args:
        reference_outputs: Name → value, in place of what was logged before.

    Raises:
        ValueError: No test with the mark is running.
        TypeError: They are no dictionary.

    Example:
        >>> import pytest
        >>> from smithkit.testing import log_reference_outputs
        >>> @pytest.mark.langsmith
        ... def test_greets():
        ...     log_reference_outputs({"greeting": "Hello, Ada"})
    """
    case = _case("log_reference_outputs")
    case.reference_outputs = _mapping("log_reference_outputs", reference_outputs)


def log_feedback(
    feedback: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    /,
    *,
    key: str | None = None,
    score: float | None = None,
    value: Any = None,
    **fields: Any,
) -> None:
    """Give feedback on the running test (``POST /feedback``).

    Args:
        feedback: One or several, as dictionaries of the arguments below.
        key: What is judged.
        score: A number or truth.
        value: What is said beside or in place of a score.
        fields: Further arguments of `Client.create_feedback`, such as `comment`.

    Raises:
        ValueError: No test with the mark is running; or there is no key; or feedback is given in both ways.
        TypeError: The feedback is no dictionary.

    Example:
        >>> import pytest
        >>> from smithkit.testing import log_feedback
        >>> @pytest.mark.langsmith
        ... def test_greets():
        ...     log_feedback(key="politeness", score=0.9, comment="said hello")
    """
    case = _case("log_feedback")
    given = {"key": key, "score": score, "value": value, **fields}
    for item in _several(feedback, {name: field for name, field in given.items() if field is not None}):
        _give(case, item)


@contextlib.contextmanager
def trace_feedback(*, name: str = "Feedback") -> Iterator[RunTree | None]:
    """Trace how the running test is judged, apart from what it tests.

    The block is a run in the project ``evaluators``. Feedback that is logged inside is given on the test's
    run, and names the block's run as its source.

    Args:
        name: What the block's run is called.

    Returns:
        A context manager that gives the run; None while tests are not tracked.

    Raises:
        ValueError: No test with the mark is running.

    Example:
        >>> import pytest
        >>> from smithkit.testing import log_feedback, trace_feedback
        >>> @pytest.mark.langsmith
        ... def test_greets():
        ...     with trace_feedback(name="judge"):
        ...         log_feedback(key="politeness", score=True)
    """
    case = _case("trace_feedback")
    if case.run is None:
        yield None
        return
    from smithkit.tracing import trace

    about = {
        "experiment": case.experiment,
        "reference_example_id": str(case.example_id) if case.example_id else None,
        "reference_run_id": str(case.run.id),
    }
    with trace(name, parent="ignore", project_name="evaluators", inputs=case.outputs, metadata=about) as run:
        token = _judge.set(run)
        try:
            yield run
        finally:
            _judge.reset(token)


def _case(caller: str) -> Case:
    case = current_case()
    if case is None:
        raise ValueError(
            f"{caller} works inside of a test that carries @pytest.mark.langsmith or @smithkit.test, with "
            "the pytest plugin `smithkit` (of smithkit-evaluation) on; no such test is running here."
        )
    return case


def _mapping(caller: str, values: Any) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise TypeError(f"{caller} takes a dictionary, not {values!r:.80}.")
    return snapshot(values)


def _several(feedback: Any, given: dict[str, Any]) -> list[dict[str, Any]]:
    if feedback is not None and given:
        raise ValueError("Give log_feedback a dictionary, or key, score and value; not both.")
    items = [given] if feedback is None else [feedback] if isinstance(feedback, Mapping) else list(feedback)
    for item in items:
        if not isinstance(item, Mapping):
            raise TypeError(f"Feedback is a dictionary with a key, not {item!r:.80}.")
        if not item.get("key"):
            raise ValueError("log_feedback needs a key: what the feedback is about.")
    return [dict(item) for item in items]


def _give(case: Case, item: dict[str, Any]) -> None:
    case.scores[item["key"]] = item.get("score", item.get("value"))
    if case.suite is None:
        return
    run = _judge.get()
    if run is not None:
        run.add_outputs({name: item[name] for name in ("key", "score", "value") if name in item})
        item = {"source_run_id": run.id, **item}
    case.suite.feedback(case, item)
