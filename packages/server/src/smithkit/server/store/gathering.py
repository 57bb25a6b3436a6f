"""Requests that come while others are being written wait, and are then written together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from smithkit.server.store.protocol import RunBatch

__all__ = ["Gathering"]

_MOST_BATCHES = 256
_MOST_RUNS = 2000  # so that nobody waits long for the others


class Gathering:
    """Writes batches, many at a time when there are many: what every writing costs is then paid once for all.

    Args:
        write: Writes batches and tells why each was refused, or None.
    """

    def __init__(self, write: Callable[[Sequence[RunBatch]], Awaitable[list[Exception | None]]]) -> None:
        self._write = write
        self._waiting: list[tuple[RunBatch, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Batches that nobody has begun to write."""
        return len(self._waiting)

    async def add(self, batch: RunBatch) -> None:
        """Write a batch; it is durable on return."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((batch, written))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        await written

    def _take(self) -> list[tuple[RunBatch, asyncio.Future[None]]]:
        """Take what is to be written next, without what nobody waits for any more."""
        waiting = [one for one in self._waiting if not one[1].done()]
        end = size = 0
        while end < min(len(waiting), _MOST_BATCHES) and (end == 0 or size < _MOST_RUNS):
            size += len(waiting[end][0].changes)
            end += 1
        self._waiting = waiting[end:]
        return waiting[:end]

    async def _drain(self) -> None:
        while group := self._take():
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
