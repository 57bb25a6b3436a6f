"""One thread that brings the full-text index up to date, behind the writes."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from smithkit.server.store import leases, text_index
from smithkit.server.store.protocol import Duty
from smithkit.server.store.writer import WriterClosedError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from smithkit.server.store.text_index import Entries
    from smithkit.server.store.writer import Writer

__all__ = ["Indexer"]

_log = logging.getLogger("smithkit.server")
_CHUNK = 200  # runs a step
_SMALL_CHUNK = 50  # while others write: as long as they wait for the lock
_OWN_JOBS = 2  # a step's claim, and what it stores
_REST = 4
_GATHER = 0.2  # seconds in which a run's post and patch may come together
_CLAIM = 10.0  # seconds after which a process that was killed no longer counts


class Indexer:
    """Indexes what is queued, of several processes on one file one at a time.

    It works a fifth of the time at most while others write, so that they hardly notice.

    Args:
        writer: Writes the index.
        reading: The reading engine.
    """

    def __init__(self, writer: Writer, reading: Engine) -> None:
        self._writer = writer
        self._reading = reading
        self._owner = uuid4()
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        with reading.begin() as connection:
            if text_index.count_queued(connection, most=1):
                self.wake()

    def wake(self) -> None:
        """Say that there is something to index."""
        self._wanted.set()
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._stopped.is_set():
                    self._thread = threading.Thread(target=self._run, name="smithkit-indexer", daemon=True)
                    self._thread.start()

    def close(self) -> None:
        """Stop after the step at hand; what is left is indexed when the file is opened again."""
        with self._lock:
            self._stopped.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._stopped.wait(_GATHER):
                return
            try:
                self._catch_up()
            except WriterClosedError:
                return
            except SQLAlchemyError:
                _log.exception("the full-text index stays behind; trying again")
                self._wanted.set()
                self._stopped.wait(_CLAIM)

    def _catch_up(self) -> None:
        chunk = _SMALL_CHUNK
        while not self._stopped.is_set():
            began, jobs = time.monotonic(), self._writer.submitted
            if not self._writer.submit(self._claim).result():
                # Somebody else is at it, or was killed.
                self._stopped.wait(_CLAIM / 2)
                with self._reading.begin() as connection:
                    if not text_index.count_queued(connection, most=1):
                        return
                continue
            with self._reading.begin() as connection:
                entries = text_index.prepare(connection, chunk)
            if entries is None:
                self._writer.submit(self._release).result()
                return
            self._store(entries)
            others_write = self._writer.submitted > jobs + _OWN_JOBS
            chunk = _SMALL_CHUNK if others_write else _CHUNK
            if others_write:
                self._stopped.wait(_REST * (time.monotonic() - began))

    def _claim(self, connection: Connection) -> bool:
        return leases.claim(connection, Duty.INDEX, self._owner, _CLAIM)

    def _release(self, connection: Connection) -> None:
        leases.release(connection, Duty.INDEX, self._owner)

    def _store(self, entries: Entries) -> None:
        def job(connection: Connection) -> None:
            if self._claim(connection):
                text_index.store(connection, entries)

        self._writer.submit(job).result()
