"""Reading and writing from coroutines: reads in the thread pool, writes in the one thread that writes.

Every connection that is handed out speaks for one workspace (`workspace_of`). What is stored of others is not
there for it: statements ask for the workspace wherever they begin, at the tables of `store.ownership`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from sqlalchemy import Connection, Engine

    from smithkit.server.store.writer import Writer

__all__ = [
    "Access",
    "MustBeAloneError",
    "beside_others",
    "require_alone",
    "speak_for",
    "take_turns",
    "workspace_of",
    "writes_alone",
]

_P = ParamSpec("_P")
_T = TypeVar("_T")
_OPTION = "smithkit_workspace"
_BESIDE = "smithkit_beside"


class MustBeAloneError(Exception):
    """What is to be written needs a transaction beside which nobody writes."""


def workspace_of(connection: Connection) -> UUID:
    """Tell whose data a connection reads and writes."""
    return cast("UUID", connection.get_execution_options()[_OPTION])


def speak_for(connection: Connection, workspace_id: UUID) -> Connection:
    """Let a connection read and write a workspace's data from now on."""
    return connection.execution_options(**{_OPTION: workspace_id})


def beside_others(engine: Engine) -> Engine:
    """Say that others write while this engine's transactions do."""
    return engine.execution_options(**{_BESIDE: True})


def writes_alone(connection: Connection) -> bool:
    """Tell whether nobody else writes to the database during a transaction."""
    return not connection.get_execution_options().get(_BESIDE)


def require_alone(connection: Connection) -> None:
    """Insist that nobody else writes.

    Raises:
        MustBeAloneError: Others do.
    """
    if not writes_alone(connection):
        raise MustBeAloneError


def take_turns(connection: Connection, about: Iterable[UUID]) -> None:
    """Wait for others who are about to change the same, until the end of their transactions."""
    if writes_alone(connection):
        return
    keys = sorted({int.from_bytes(one.bytes[:8], signed=True) for one in about})
    for key in keys:
        connection.execute(select(func.pg_advisory_xact_lock(key)))


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
