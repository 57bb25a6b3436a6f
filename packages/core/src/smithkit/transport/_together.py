"""Running the flows of a `Together`: in threads or in tasks, never more of them than it says."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, TypeVar

from smithkit.operations import adrive, drive

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from smithkit.operations import Together

T = TypeVar("T")

__all__ = ["run_in_tasks", "run_in_threads"]


def run_in_threads(together: Together[T], perform: Callable[[Any], Any]) -> None:
    """Run flows in threads; with room for one alone, in the caller's.

    Args:
        together: The flows.
        perform: Does what a flow asks for.
    """
    if together.most == 1:
        for flow in together.flows:
            together.finished(drive(flow, perform))
        return
    with ThreadPoolExecutor(together.most, thread_name_prefix="smithkit-together") as pool:
        running: set[Future[T]] = set()
        try:
            for flow in together.flows:
                running.add(pool.submit(contextvars.copy_context().run, drive, flow, perform))
                if len(running) >= together.most:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    _settle(done, together.finished)
        finally:
            _settle(wait(running).done, together.finished)


async def run_in_tasks(together: Together[T], perform: Callable[[Any], Awaitable[Any]]) -> None:
    """Run flows in tasks; who is cancelled cancels them.

    Args:
        together: The flows.
        perform: Awaited with what a flow asks for.
    """
    running: set[asyncio.Task[T]] = set()
    try:
        for flow in together.flows:
            running.add(asyncio.ensure_future(adrive(flow, perform)))
            if len(running) >= together.most:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                _settle(done, together.finished)
    except asyncio.CancelledError:
        for task in running:
            task.cancel()
        raise
    finally:
        if running:
            done, _ = await asyncio.wait(running)
            _settle((task for task in done if not task.cancelled()), together.finished)


def _settle(done: Iterable[Future[T] | asyncio.Task[T]], finished: Callable[[T], None]) -> None:
    """Hand over what succeeded before the first failure is raised: what is done must be counted."""
    failures = []
    for one in done:
        error = one.exception()
        if error is None:
            finished(one.result())
        else:
            failures.append(error)
    if failures:
        raise failures[0]
