"""A thread pool whose workers see what is current where work is handed to them."""

from __future__ import annotations

import contextvars
import functools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

__all__ = ["ContextThreadPoolExecutor"]

P = ParamSpec("P")
T = TypeVar("T")


class ContextThreadPoolExecutor(ThreadPoolExecutor):
    """`concurrent.futures.ThreadPoolExecutor` that runs each call in a copy of the caller's context.

    Runs of traced functions that are called in the pool become children of the run that is current
    where `submit` or `map` is called. Other context variables are handed on too.

    Example:
        >>> from smithkit.tracing import ContextThreadPoolExecutor, traceable
        >>> @traceable
        ... def double(number: int) -> int:
        ...     return 2 * number
        >>> with ContextThreadPoolExecutor(max_workers=2) as pool:
        ...     list(pool.map(double, [1, 2]))
        [2, 4]
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Schedule a call in a copy of the current context.

        Args:
            fn: What to call.
            *args: Its positional arguments.
            **kwargs: Its keyword arguments.

        Returns:
            The call's future.
        """
        context = contextvars.copy_context()
        return super().submit(functools.partial(context.run, fn, *args, **kwargs))
