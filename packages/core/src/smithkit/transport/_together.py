"""Running the flows of a `Together`: in threads or in tasks, never more of them than it says."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from smithkit.operations import adrive, drive

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from concurrent.futures import Future

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
    ended: SimpleQueue[Future[T]] = SimpleQueue()
    under_way = 0
    with ThreadPoolExecutor(together.most, thread_name_prefix="smithkit-together") as pool:
        try:
            for flow in together.flows:
                future = pool.submit(contextvars.copy_context().run, drive, flow, perform)
                future.add_done_callback(ended.put)
                under_way += 1
                if under_way == together.most:
                    under_way -= 1
                    together.finished(ended.get().result())
        finally:
            _settle((ended.get() for _ in range(under_way)), together.finished)


async def run_in_tasks(together: Together[T], perform: Callable[[Any], Awaitable[Any]]) -> None:
    """Run flows in tasks; who is cancelled cancels them.

    Args:
        together: The flows.
        perform: Awaited with what a flow asks for.
    """
    ended: asyncio.Queue[asyncio.Task[T]] = asyncio.Queue()
    running: set[asyncio.Task[T]] = set()

    async def next_ended() -> asyncio.Task[T]:
        task = await ended.get()
        running.discard(task)
        return task

    try:
        for flow in together.flows:
            task = asyncio.ensure_future(adrive(flow, perform))
            task.add_done_callback(ended.put_nowait)
            running.add(task)
            if len(running) == together.most:
                together.finished((await next_ended()).result())
        while running:
            together.finished((await next_ended()).result())
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
