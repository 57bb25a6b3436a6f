"""One thread that writes, many requests a transaction."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError

from smithkit.server.store.storage import is_locked

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

__all__ = ["Writer", "WriterClosedError"]

_log = logging.getLogger("smithkit.server")
_T = TypeVar("_T")
_GROUP = 256
_ATTEMPTS = 3

_Job = tuple["Callable[[Connection], Any]", "Future[Any]"]


class WriterClosedError(RuntimeError):
    """The store was closed before the job was taken."""


class Writer:
    """Runs jobs in order, in grouped transactions; a job's future is done once its group is committed.

    A job that raises is rolled back alone. It may run again when its group could not be committed, so it
    must not keep state of its own.

    Attributes:
        submitted: Jobs that were queued so far.

    Args:
        engine: The writing engine; this thread is its only user.

    Example:
        >>> writer = Writer(engine)  # doctest: +SKIP
        >>> writer.submit(lambda connection: 1).result()  # doctest: +SKIP
        1
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self.submitted = 0
        self._thread = threading.Thread(target=self._run, name="smithkit-writer", daemon=True)
        self._thread.start()

    @property
    def queued(self) -> int:
        """Jobs that no transaction has taken yet."""
        return self._jobs.qsize()

    def submit(self, job: Callable[[Connection], _T]) -> Future[_T]:
        """Queue a job.

        Args:
            job: Called with the connection, inside a transaction.

        Returns:
            A future of its result; it is done when the result is durable.

        Raises:
            WriterClosedError: The writer is closed.
        """
        future: Future[_T] = Future()
        with self._lock:
            if self._closed:
                raise WriterClosedError("the store is closed")
            self.submitted += 1
            self._jobs.put((job, future))
        return future

    def close(self) -> None:
        """Write what is queued, then stop."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            group = [job]
            last = False
            while len(group) < _GROUP and not self._jobs.empty():
                following = self._jobs.get()
                if following is None:
                    last = True
                    break
                group.append(following)
            self._write(group)
            if last:
                return

    def _write(self, group: list[_Job]) -> None:
        group = [job for job in group if job[1].set_running_or_notify_cancel()]
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                results = self._transact(group)
            except OperationalError as error:
                # Another process held the lock for longer than the busy timeout.
                if attempt < _ATTEMPTS and is_locked(error):
                    _log.warning("database is locked; trying again")
                    continue
                return _fail(group, error)
            except BaseException as error:  # noqa: BLE001 - the thread must outlive any job
                return _fail(group, error)
            for (_, future), (result, failure) in zip(group, results, strict=True):
                if failure is None:
                    future.set_result(result)
                else:
                    future.set_exception(failure)
            return None
        return None

    def _transact(self, group: list[_Job]) -> list[tuple[Any, Exception | None]]:
        with self._engine.connect() as connection, connection.begin():
            if len(group) == 1:
                # Nobody to be protected from: the transaction itself is the savepoint.
                return [(group[0][0](connection), None)]
            return [_attempt(job, connection) for job, _ in group]


def _attempt(job: Callable[[Connection], Any], connection: Connection) -> tuple[Any, Exception | None]:
    savepoint = connection.begin_nested()
    try:
        result = job(connection)
    except Exception as error:
        # A full disk ends the whole transaction, and with it what earlier jobs of the group wrote.
        if not _in_transaction(connection) or (isinstance(error, DBAPIError) and _is_fatal(error)):
            raise
        savepoint.rollback()
        return None, error
    savepoint.commit()
    return result, None


def _is_fatal(error: DBAPIError) -> bool:
    return error.connection_invalidated or is_locked(error)


def _in_transaction(connection: Connection) -> bool:
    return bool(getattr(connection.connection.driver_connection, "in_transaction", True))


def _fail(group: list[_Job], error: BaseException) -> None:
    for _, future in group:
        future.set_exception(error)
