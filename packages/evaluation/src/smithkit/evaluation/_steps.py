"""What the flows of an evaluation ask for beside requests: a call of the user's code.

The logic of an evaluation is written once, as flows. `evaluate` drives them in threads, `aevaluate` in
tasks: what differs between the two is here.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smithkit.evaluation._limits import OPEN, Gate
from smithkit.operations import Flow, until_page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator

__all__ = ["Call", "aperformer", "blocking", "everything", "performer"]


@dataclass(slots=True, frozen=True)
class Call:
    """A call of the user's code, yielded by a flow, which gets its result or its exception.

    Attributes:
        function: What to call, without arguments.
        asynchronous: Whether it gives an awaitable.
        timeout: Seconds that it may take; None for no limit.
        gate: What it has to pass first; its timeout begins after that.
    """

    function: Callable[[], Any]
    asynchronous: bool = False
    timeout: float | None = None
    gate: Gate = OPEN


def performer(client: Any) -> Callable[[Any], Any]:
    """What does the steps of flows in the thread that drives them.

    Args:
        client: A `Client`.
    """

    def perform(step: Any) -> Any:
        if not isinstance(step, Call):
            return client.perform(step)
        with step.gate.passed():
            if step.asynchronous:
                return blocking(_limited(step))
            return step.function() if step.timeout is None else _within(step.timeout, step.function)

    return perform


def aperformer(client: Any) -> Callable[[Any], Awaitable[Any]]:
    """What does the steps of flows in a task; whatever would block the event loop runs in a thread.

    Args:
        client: A `Client` or an `AsyncClient`.
    """

    async def perform(step: Any) -> Any:
        if isinstance(step, Call):
            async with step.gate.apassed():
                return await _limited(step)
        if client.asynchronous:
            return await client.perform(step)
        return await asyncio.to_thread(client.perform, step)

    return perform


def blocking(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Wait for a coroutine in a thread that may have a running event loop of its own, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    return _in_thread(lambda: asyncio.run(coroutine)).result()


def everything(pages: Generator[Any, Any, Any]) -> Flow[list[Any]]:
    """All items of a `paginated` flow."""
    items: list[Any] = []
    while (page := (yield from until_page(pages))) is not None:
        items.extend(page.items)
    return items


async def _limited(step: Call) -> Any:
    async with asyncio.timeout(step.timeout):
        return await (step.function() if step.asynchronous else asyncio.to_thread(step.function))


def _within(seconds: float, function: Callable[[], Any]) -> Any:
    """Call a function in a thread of its own; one that takes too long is left to itself."""
    try:
        return _in_thread(function).result(seconds)
    except concurrent.futures.TimeoutError:
        raise TimeoutError(f"no answer within {seconds:g} seconds") from None


def _in_thread(function: Callable[[], Any]) -> concurrent.futures.Future[Any]:
    """Start a daemon thread, which does not keep the process from ending."""
    import threading

    future: concurrent.futures.Future[Any] = concurrent.futures.Future()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            future.set_result(context.run(function))
        except BaseException as error:  # noqa: BLE001 - raised by who waits
            future.set_exception(error)

    threading.Thread(target=work, name="smithkit-evaluation", daemon=True).start()
    return future
