"""Requests that come while others are being written wait, and are then written together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from smithkit.server.store.protocol import RunBatch

    _Write = Callable[[Sequence[RunBatch]], Awaitable[list[Exception | None]]]

__all__ = ["Gathering"]

_MOST_BATCHES = 256
_MOST_RUNS = 2000  # so that nobody waits long for the others


class Gathering:
    """Writes batches, many at a time when there are many: what every writing costs is then paid once for all.

    Batches wait in the event loop of whoever writes them; those of different loops are not joined.

    Args:
        write: Writes batches and tells why each was refused, or None.
    """

    def __init__(self, write: _Write) -> None:
        self._write = write
        self._queues: dict[asyncio.AbstractEventLoop, _Queue] = {}  # those at work

    @property
    def waiting(self) -> int:
        """Batches that nobody has begun to write."""
        return sum(len(queue.waiting) for queue in list(self._queues.values()))

    async def add(self, batch: RunBatch) -> None:
        """Write a batch; it is durable on return."""
        loop = asyncio.get_running_loop()
        queue = self._queues.get(loop)
        if queue is None:
            queue = self._queues[loop] = _Queue(self._write)
            queue.task = loop.create_task(self._drain(loop, queue))
        await queue.add(batch)

    async def _drain(self, loop: asyncio.AbstractEventLoop, queue: _Queue) -> None:
        try:
            await queue.drain()
        finally:
            del self._queues[loop]


class _Queue:
    """What waits in one event loop."""

    task: asyncio.Task[None]

    def __init__(self, write: _Write) -> None:
        self._write = write
        self.waiting: list[tuple[RunBatch, asyncio.Future[None]]] = []

    async def add(self, batch: RunBatch) -> None:
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((batch, written))
        await written

    async def drain(self) -> None:
        while group := self._take():
            await self._write_group(group)

    def _take(self) -> list[tuple[RunBatch, asyncio.Future[None]]]:
        """Take what is to be written next, without what nobody waits for any more."""
        waiting = [one for one in self.waiting if not one[1].done()]
        end = size = 0
        while end < min(len(waiting), _MOST_BATCHES) and (end == 0 or size < _MOST_RUNS):
            size += len(waiting[end][0].changes)
            end += 1
        self.waiting = waiting[end:]
        return waiting[:end]

    async def _write_group(self, group: list[tuple[RunBatch, asyncio.Future[None]]]) -> None:
        try:
            outcomes = await self._write([batch for batch, _ in group])
        except Exception as error:  # noqa: BLE001 - everybody hears of it
            outcomes = [error] * len(group)
        for (_, written), refusal in zip(group, outcomes, strict=True):
            if written.done():  # nobody waits for it any more
                continue
            if refusal is None:
                written.set_result(None)
            else:
                written.set_exception(refusal)
