"""Jobs that find out what a project's conversations are about."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson
from starlette.concurrency import run_in_threadpool

from smithkit.server.domain.conversations import conversation
from smithkit.server.domain.jsons import dump, load
from smithkit.server.domain.times import format_time, now
from smithkit.server.errors import ApiError, not_found
from smithkit.server.services.clustering import cluster, is_available
from smithkit.server.store import RunSelection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smithkit.server.domain.runs import Row
    from smithkit.server.services.clustering import Cluster
    from smithkit.server.store import Store

__all__ = ["InsightsService"]

_log = logging.getLogger("smithkit.server")
_MOST_RUNS = 1000
_STEP = 100
_HOUR = 3_600_000_000
_UNFINISHED = frozenset({"queued", "running"})
_STOPPED = "The server was stopped before the report was finished; ask for it again"
_MISSING = "Insights need scikit-learn on the server: pip install 'smithkit-server[insights]'"


class InsightsService:
    """Starts jobs, works on them in the background, and shows what they found.

    Args:
        store: Where jobs and runs lie.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._working: dict[UUID, asyncio.Task[None]] = {}

    async def start(self, session_id: UUID, request: dict[str, Any]) -> dict[str, Any]:
        """Begin a job.

        Args:
            session_id: The project whose conversations are looked at: its newest 1000 traces at most.
            request: What was asked: `name`, `last_n_hours` and more.

        Returns:
            The job as the API shows it, still queued.

        Raises:
            ApiError: 404; 501, scikit-learn is not installed.
        """
        if not is_available():
            raise ApiError(501, _MISSING)
        moment = now()
        job: Row = {
            "id": uuid4(),
            "session_id": session_id,
            "name": request.get("name") or f"Insights {format_time(moment)[:19]}",
            "status": "queued",
            "error": None,
            "request": dump(request).decode(),
            "clusters": None,
            "created_at": moment,
            "start_time": None,
            "end_time": None,
        }
        if not await self._store.create_insights_job(job):
            raise not_found("Session")
        hours = request.get("last_n_hours")
        since = None if hours is None else moment - hours * _HOUR
        task = asyncio.create_task(self._work(job["id"], session_id, since))
        self._working[job["id"]] = task
        task.add_done_callback(lambda _: self._working.pop(job["id"], None))
        return self._render(job)

    async def read(self, session_id: UUID, job_id: UUID) -> dict[str, Any]:
        """Read a job.

        Raises:
            ApiError: 404.
        """
        found = await self._store.find_insights_jobs(session_id, job_id)
        if not found:
            raise not_found("Insights job")
        return self._render(found[0])

    async def find(self, session_id: UUID) -> list[dict[str, Any]]:
        """Read a project's jobs, newest first."""
        return [self._render(job) for job in await self._store.find_insights_jobs(session_id)]

    async def close(self) -> None:
        """Give up what is not finished; those jobs say so."""
        working = list(self._working.values())
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    async def _work(self, job_id: UUID, session_id: UUID, since: int | None) -> None:
        try:
            await self._store.update_insights_job(job_id, {"status": "running", "start_time": now()})
            clusters = await self._clusters(session_id, since)
            outcome = {"status": "success", "clusters": dump(clusters)}
        except asyncio.CancelledError:
            await self._finish(job_id, {"status": "error", "error": _STOPPED})
            raise
        except Exception:  # noqa: BLE001 - told to whoever waits for the job
            _log.exception("insights job %s failed", job_id)
            outcome = {"status": "error", "error": "The job failed; the server's log tells more"}
        await self._finish(job_id, outcome)

    async def _finish(self, job_id: UUID, outcome: Row) -> None:
        await self._store.update_insights_job(job_id, {**outcome, "end_time": now()})

    async def _clusters(self, session_id: UUID, since: int | None) -> list[dict[str, Any]]:
        roots = RunSelection(sessions=[session_id], is_root=True, started_from=since, limit=_MOST_RUNS)
        ids = [row["id"] for row in await self._store.find_runs(roots)]
        texts = [text for at in range(0, len(ids), _STEP) for text in await self._texts(ids[at : at + _STEP])]
        groups = await run_in_threadpool(cluster, texts) if texts else []
        return [_show(group, ids) for group in groups]

    async def _texts(self, ids: Sequence[UUID]) -> list[str]:
        payloads = await self._store.read_payloads(ids, ["inputs", "outputs"])
        own = ({name: load(value) for name, value in payloads.get(run_id, {}).items()} for run_id in ids)
        return [conversation(run.get("inputs"), run.get("outputs")) for run in own]

    def _render(self, job: Row) -> dict[str, Any]:
        status, error = job["status"], job["error"]
        if status in _UNFINISHED and job["id"] not in self._working and job["created_at"] < now() - _HOUR:
            status, error = "error", _STOPPED  # its process did not live to say so
        clusters = load(job["clusters"]) if job["clusters"] else []
        shape: Counter[str] = Counter()
        for group in clusters:
            shape[group["name"]] += group["num_runs"]
        return {
            "id": job["id"],
            "session_id": job["session_id"],
            "name": job["name"],
            "status": status,
            "error": error,
            "config": orjson.Fragment(job["request"]),
            "created_at": format_time(job["created_at"]),
            "start_time": None if job["start_time"] is None else format_time(job["start_time"]),
            "end_time": None if job["end_time"] is None else format_time(job["end_time"]),
            "shape": dict(shape),
            "clusters": clusters,
        }


def _show(group: Cluster, ids: Sequence[UUID]) -> dict[str, Any]:
    about = f" with the words {', '.join(group.terms)}" if group.terms else " without telling words"
    return {
        "id": uuid4(),
        "parent_id": None,
        "level": 0,
        "name": group.name,
        "description": f"{len(group.members)} conversations{about}",
        "num_runs": len(group.members),
        "run_ids": [ids[place] for place in group.members],
    }
