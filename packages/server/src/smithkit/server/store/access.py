"""Reading and writing from coroutines: reads in the thread pool, writes in the one thread that writes.

Every connection that is handed out speaks for one workspace (`workspace_of`). What is stored of others is not
there for it: statements ask for the workspace wherever they begin, at the tables of `store.ownership`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar, cast

from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from sqlalchemy import Connection, Engine

    from smithkit.server.store.writer import Writer

__all__ = ["Access", "speak_for", "workspace_of"]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_OPTION = "smithkit_workspace"


def workspace_of(connection: Connection) -> UUID:
    """Tell whose data a connection reads and writes."""
    return cast("UUID", connection.get_execution_options()[_OPTION])


def speak_for(connection: Connection, workspace_id: UUID) -> Connection:
    """Let a connection read and write a workspace's data from now on."""
    return connection.execution_options(**{_OPTION: workspace_id})


class Access:
    """Runs functions on a database for one workspace, each in a transaction of its own.

    Args:
        writer: The writing thread.
        reading: The reading engine.
        workspace_id: Whose data.
    """

    def __init__(self, writer: Writer, reading: Engine, workspace_id: UUID) -> None:
        self.writer = writer
        self.workspace_id = workspace_id
        self._reading = reading

    def of(self, workspace_id: UUID) -> Access:
        """The same database, for another workspace."""
        return Access(self.writer, self._reading, workspace_id)

    async def write(self, job: Callable[[Connection], _T]) -> _T:
        """Run a job that may write; its result is durable on return."""

        def write(connection: Connection) -> _T:
            return job(speak_for(connection, self.workspace_id))

        return await asyncio.wrap_future(self.writer.submit(write))

    async def read(
        self, function: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run a function that only reads."""

        def read() -> _T:
            with self._reading.begin() as connection:
                return function(speak_for(connection, self.workspace_id), *args, **kwargs)

        return await run_in_threadpool(read)
