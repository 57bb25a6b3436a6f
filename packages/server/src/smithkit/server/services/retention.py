"""Runs that are older than their project keeps them are deleted, a few at a time, behind everything else."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

import orjson

from smithkit.server.domain.times import now

if TYPE_CHECKING:
    from smithkit.server.domain.runs import Row
    from smithkit.server.store import Store

__all__ = ["RETENTION_KEY", "RetentionService", "days_kept"]

RETENTION_KEY = "retention_days"
"""Member of a project's `extra` that says for how many days its runs are kept."""

_log = logging.getLogger("smithkit.server")
_DAY = 86_400_000_000
_SHORT_DAYS = 14
_HOUR = 3600


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
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Go through all projects now and every hour."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop; what is half done is done the next time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def run_once(self) -> int:
        """Delete what is too old at present.

        Returns:
            Runs deleted.
        """
        deleted = 0
        for workspace in await self._store.directory.workspaces():
            own = self._store.in_workspace(workspace["id"])
            for row in await own.list_retentions():
                deleted += await self._expire(own, row)
        if deleted:
            await self._store.give_space_back()
            _log.info("deleted %d runs that were older than their projects keep them", deleted)
        return deleted

    async def _expire(self, store: Store, row: Row) -> int:
        days = days_kept(row["trace_tier"], row["extra"], self._default)
        if days is None:
            return 0
        before = now() - days * _DAY
        deleted = 0
        while True:
            began = time.monotonic()
            gone = await store.delete_expired(row["id"], before)
            if not gone:
                return deleted
            deleted += gone
            # At most half of the writer's time: requests come first.
            await asyncio.sleep(time.monotonic() - began)

    async def _run(self) -> None:
        while True:
            try:
                await self.run_once()
            except Exception:  # noqa: BLE001 - logged, and the server goes on
                _log.exception("runs that are too old could not be deleted; the next try is in an hour")
            await asyncio.sleep(_HOUR)
