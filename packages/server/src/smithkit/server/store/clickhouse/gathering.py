"""Requests that come while others are being written wait, and are then written together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from smithkit.server.store.protocol import RunBatch

__all__ = ["Gathering"]

_MOST = 256


class Gathering:
    """Writes batches, many at a time when there are many: ClickHouse likes few and large insertions.

    Args:
        write: Writes batches and tells why each was refused, or None.
    """

    def __init__(self, write: Callable[[Sequence[RunBatch]], Awaitable[list[Exception | None]]]) -> None:
        self._write = write
        self._waiting: list[tuple[RunBatch, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, batch: RunBatch) -> None:
        """Write a batch; it is durable on return."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((batch, written))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        await written

    async def _drain(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
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
