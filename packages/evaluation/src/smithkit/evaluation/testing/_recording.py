"""Runs a test as a run of its suite's experiment."""

from __future__ import annotations

import contextlib
import functools
import inspect
from typing import TYPE_CHECKING, Any

from smithkit import environment
from smithkit.evaluation.testing._case import Case, snapshot
from smithkit.evaluation.testing._suite import suite_of
from smithkit.tracing import RunTree, get_cached_client, tracing_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from smithkit.evaluation.testing._options import Options
    from smithkit.evaluation.testing._suite import Suite

__all__ = ["recorded"]


def recorded(
    function: Callable[..., Any], options: Options, ended: Callable[[Case], None] | None = None
) -> Callable[..., Any]:
    """A test that records itself: a coroutine function where the test is one.

    Args:
        function: The test.
        options: How to record it.
        ended: Told of each test that has ended.

    Returns:
        The same test; it returns nothing, since pytest wants no result.
    """
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> None:
            with _case(function, args, kwargs, options, ended) as case:
                case.returns(await function(*args, **kwargs))

        return awaited

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> None:
        with _case(function, args, kwargs, options, ended) as case:
            case.returns(function(*args, **kwargs))

    return called


@contextlib.contextmanager
def _case(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    options: Options,
    ended: Callable[[Case], None] | None,
) -> Iterator[Case]:
    case = Case(function, _inputs(function, args, kwargs, options), options)
    suite = suite_of(case) if _tracked() else None
    try:
        with contextlib.ExitStack() as block:
            if suite is not None:
                block.enter_context(_run(case, suite))
            block.enter_context(case.running())
            if options.folder is not None:
                from smithkit.evaluation.testing._cassette import cassette

                clients = () if suite is None else (case.client(), get_cached_client())
                block.enter_context(cassette(options, function, clients))
            yield case
    finally:
        if ended is not None:
            ended(case)


def _tracked() -> bool:
    """Tests are recorded unless ``LANGSMITH_TEST_TRACKING`` is ``false``."""
    return (environment.get("TEST_TRACKING") or "true").strip().lower() not in {"false", "0"}


def _inputs(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], options: Options
) -> dict[str, Any]:
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    left_out = {"self", "cls", *options.output_keys}
    return {name: value for name, value in bound.arguments.items() if name not in left_out}


@contextlib.contextmanager
def _run(case: Case, suite: Suite) -> Iterator[None]:
    case.suite, case.experiment = suite, suite.experiment.name
    case.run = run = RunTree(
        name=case.function.__name__,
        inputs=case.inputs,
        project_name=case.experiment,
        extra={"metadata": {**_example_metadata(case), "experiment": case.experiment, "ls_method": "trace"}},
    )
    run.post()
    error: BaseException | None = None
    try:
        with tracing_context(parent=run, enabled=True):
            yield
    except BaseException as raised:
        error = raised
        raise
    finally:
        _end(case, run, error)
        suite.send(case)


def _example_metadata(case: Case) -> dict[str, Any]:
    return {f"ls_example_{key}": value for key, value in snapshot(case.options.metadata or {}).items()}


def _end(case: Case, run: RunTree, error: BaseException | None) -> None:
    run.inputs = case.inputs
    if case.status == "skipped":
        run.end(outputs={"skipped_reason": case.reason})
    elif error is None:
        run.end(outputs=case.outputs)
    else:
        from smithkit.tracing._failure import error_text

        run.end(outputs=case.outputs or None, error=error_text(error))
