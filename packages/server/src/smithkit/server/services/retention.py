"""Runs that are older than their project keeps them are deleted, a few at a time, behind everything else."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import orjson

from smithkit.server.domain.times import now
from smithkit.server.store import Duty

if TYPE_CHECKING:
    from uuid import UUID

    from smithkit.server.store import Store

__all__ = ["RETENTION_KEY", "RetentionService", "days_kept"]

RETENTION_KEY = "retention_days"
"""Member of a project's `extra` that says for how many days its runs are kept."""

_log = logging.getLogger("smithkit.server")
_DAY = 86_400_000_000
_SHORT_DAYS = 14
_HOUR = 3600
_CLAIM = 10  # seconds after which a server that was killed no longer counts


def days_kept(tier: str | None, extra: str | None, default: int | None) -> int | None:
    """Tell for how long a project keeps its runs.

    Args:
        tier: The project's trace tier: ``shortlived`` is 14 days, ``longlived`` the server's default.
        extra: Its `extra`, JSON; ``retention_days`` in it comes before the tier.
        default: Days of the server; None keeps for ever.

    Returns:
        Days; None for ever.

    Example:
        >>> days_kept("shortlived", None, 400), days_kept("longlived", '{"retention_days": 3}', 400)
        (14, 3)
    """
    own = orjson.loads(extra).get(RETENTION_KEY) if extra else None
    if isinstance(own, int) and own > 0:
        return own
    return _SHORT_DAYS if tier == "shortlived" else default


class RetentionService:
    """Deletes what is too old: whole traces, by when they began and came in, whichever was later.

    Args:
        store: Where the runs lie; all of its workspaces are looked through.
        default_days: For projects that say nothing; None keeps for ever.
    """

    def __init__(self, store: Store, default_days: int | None = None) -> None:
        self._store = store
        self._default = default_days
        self._owner = uuid4()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Go through all projects now and every hour."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop; what is half done is done the next time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def run_once(self) -> int | None:
        """Delete what is too old at present.

        Returns:
            Runs deleted; None if another server on the database is at it.
        """
        limited = await self._limited()
        if not limited:
            return 0
        if not await self._claim():
            return None
        try:
            deleted = sum([await self._expire(*one) for one in limited])
        finally:
            await self._store.release(Duty.RETENTION, self._owner)
        if deleted:
            await self._store.give_space_back()
            _log.info("deleted %d runs that were older than their projects keep them", deleted)
        return deleted

    async def _limited(self) -> list[tuple[Store, UUID, int]]:
        """The projects that do not keep their runs for ever: each with its workspace's store, and its days."""
        found = []
        for workspace in await self._store.directory.workspaces():
            own = self._store.in_workspace(workspace["id"])
            for row in await own.list_retentions():
                days = days_kept(row["trace_tier"], row["extra"], self._default)
                if days is not None:
                    found.append((own, row["id"], days))
        return found

    async def _claim(self) -> bool:
        return await self._store.claim(Duty.RETENTION, self._owner, _CLAIM)

    async def _expire(self, store: Store, session_id: UUID, days: int) -> int:
        before = now() - days * _DAY
        deleted = 0
        while await self._claim():
            began = time.monotonic()
            gone = await store.delete_expired(session_id, before)
            if not gone:
                break
            deleted += gone
            # At most half of the writer's time: requests come first.
            await asyncio.sleep(time.monotonic() - began)
        return deleted

    async def _run(self) -> None:
        while True:
            pause = _HOUR
            try:
                if await self.run_once() is None:
                    pause = _CLAIM
            except Exception:  # noqa: BLE001 - logged, and the server goes on
                _log.exception("runs that are too old could not be deleted; the next try is in an hour")
            await asyncio.sleep(pause)
