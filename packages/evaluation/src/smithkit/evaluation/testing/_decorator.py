"""The decorator form of the mark."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, overload

from smithkit.evaluation.testing._options import Options

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["test", "unit"]


@overload
def test(function: Callable[..., Any], /) -> Callable[..., Any]: ...
@overload
def test(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...
def test(*functions: Any, **options: Any) -> Any:
    """Record a test, as `@pytest.mark.langsmith` does, wherever it runs.

    Args:
        functions: The test, where the decorator has no arguments.
        options: The arguments of the mark: id, output_keys, client, test_suite_name, metadata, repetitions,
            split, cached_hosts, cache.

    Returns:
        The test, or a decorator for it. The test returns nothing; what the function returns is logged as
        its outputs.

    Raises:
        LangSmithUserError: An option is unknown, or of a wrong kind.

    Example:
        >>> from smithkit import test
        >>> @test(test_suite_name="arithmetic", split="easy")
        ... def test_addition(a: int = 1, b: int = 2) -> dict[str, int]:
        ...     return {"sum": a + b}

    ``POST /datasets``, ``/sessions``, ``/runs``, ``/examples`` and ``/feedback``
    """
    if len(functions) == 1 and callable(functions[0]) and not options:
        return _decorated(functions[0], Options())
    checked = Options.of(*functions, **options)
    return lambda function: _decorated(function, checked)


test.__test__ = False  # type: ignore[attr-defined]  # pytest collects what is called like this
unit = test


def _decorated(function: Callable[..., Any], options: Options) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> None:
            for _ in range(options.repetitions):
                await _recorded(function, options)(*args, **kwargs)

        return awaited

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> None:
        for _ in range(options.repetitions):
            _recorded(function, options)(*args, **kwargs)

    return called


def _recorded(function: Callable[..., Any], options: Options) -> Callable[..., Any]:
    from smithkit.evaluation.testing._recording import recorded

    return recorded(function, options)
