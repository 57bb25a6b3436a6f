"""Reading and writing from coroutines: reads in the thread pool, writes in the one thread that writes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

from smithkit.server.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

__all__ = ["Access"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Access:
    """Runs functions on a database, each in a transaction of its own.

    Args:
        writing: The writing engine.
        reading: The reading engine.
    """

    def __init__(self, writing: Engine, reading: Engine) -> None:
        self.writer = Writer(writing)
        self._reading = reading

    async def write(self, job: Callable[[Connection], _T]) -> _T:
        """Run a job that may write; its result is durable on return."""
        return await asyncio.wrap_future(self.writer.submit(job))

    async def read(
        self, function: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run a function that only reads."""

        def read() -> _T:
            with self._reading.begin() as connection:
                return function(connection, *args, **kwargs)

        return await run_in_threadpool(read)
