"""What the SQL database holds and ClickHouse has a part in: datasets, queues and the directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from smithkit.server.domain.times import now
from smithkit.server.store import queues
from smithkit.server.store.clickhouse.feedback_rows import feedback_of_runs
from smithkit.server.store.clickhouse.filters import names_projects
from smithkit.server.store.clickhouse.shares import owner_of_share
from smithkit.server.store.dataset_protocol import MissingError
from smithkit.server.store.directory import SqlDirectory
from smithkit.server.store.experiment_rows import select_answered
from smithkit.server.store.protocol import RunSelection
from smithkit.server.store.read_sessions import select_names
from smithkit.server.store.sql_datasets import SqlDatasets
from smithkit.server.store.sql_queues import SqlQueues

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.access import Access
    from smithkit.server.store.blobs import Blobs
    from smithkit.server.store.clickhouse.client import Clickhouse
    from smithkit.server.store.clickhouse.read_runs import RunReader
    from smithkit.server.store.dataset_protocol import ExampleChange, ExperimentSelection

__all__ = ["ClickhouseDatasets", "ClickhouseDirectory", "ClickhouseQueues"]

_STEP = 1000  # records of a queue that are looked at at a time
_BEGIN = -1


class ClickhouseDirectory(SqlDirectory):
    """Fulfils `Directory`.

    Args:
        access: The open SQL database.
        clickhouse: Where tokens of runs are.
    """

    def __init__(self, access: Access, clickhouse: Clickhouse) -> None:
        super().__init__(access)
        self._clickhouse = clickhouse

    async def owner_of_link(self, token: UUID) -> UUID | None:
        """Give the workspace whose run or dataset has a token."""
        owner = await run_in_threadpool(owner_of_share, self._clickhouse, token)
        return owner or await super().owner_of_link(token)


class ClickhouseDatasets(SqlDatasets):
    """Fulfils `DatasetStore`.

    Args:
        access: The open SQL database, for one workspace.
        blobs: Where files lie.
        clickhouse: Where feedback is.
        runs: Reads the workspace's runs.
    """

    def __init__(self, access: Access, blobs: Blobs, clickhouse: Clickhouse, runs: RunReader) -> None:
        super().__init__(access, blobs)
        self._clickhouse = clickhouse
        self._runs = runs

    async def _prepare(self, changes: Sequence[ExampleChange]) -> None:
        """Refuse another workspace's runs too, which the SQL database does not know."""
        await super()._prepare(changes)
        named = {change.source_run_id for change in changes if change.run_files and change.source_run_id}
        foreign = await run_in_threadpool(self._runs.foreign, named)
        if foreign:
            raise MissingError(f"Run {min(foreign)}")

    async def experiment_rows(self, selection: ExperimentSelection) -> list[Row]:
        """Read the examples that experiments answered."""
        named = any(names_projects(node) for _, node in selection.filters)
        projects = await self._read(select_names) if named else {}
        answered = await run_in_threadpool(self._answered, selection, projects)
        return await self._read(select_answered, selection, answered)

    def _answered(self, selection: ExperimentSelection, projects: Mapping[UUID, str]) -> set[UUID]:
        """The examples that an experiment answered, and every one that is filtered with a run that is wanted."""
        given = self._runs.answered(RunSelection(sessions=selection.sessions, is_root=True), projects)
        for session, node in selection.filters:
            wanted = RunSelection(sessions=[session], is_root=True, filter=node)
            given &= self._runs.answered(wanted, projects)
        return given


class ClickhouseQueues(SqlQueues):
    """Fulfils `QueueStore`.

    Args:
        access: The open SQL database, for one workspace.
        clickhouse: Where feedback is.
        runs: Reads the workspace's runs.
    """

    def __init__(self, access: Access, clickhouse: Clickhouse, runs: RunReader) -> None:
        super().__init__(access)
        self._clickhouse = clickhouse
        self._runs = runs

    async def find_runs(
        self,
        queue_id: UUID,
        *,
        status: str | None = None,
        reviewer: str | None = None,
        open_only: bool = False,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Row]:
        """Read the records of a queue's runs that have arrived, in order."""
        moment = now()
        found: list[Row] = []
        rows: list[Row] = []
        while len(found) < limit:
            rows = await self._read(
                queues.select_queued,
                queue_id,
                moment=moment,
                status=status,
                reviewer=reviewer,
                open_only=open_only,
                after=rows[-1]["position"] if rows else _BEGIN,
                limit=_STEP,
            )
            there = await run_in_threadpool(self._runs.existing, [row["run_id"] for row in rows])
            arrived = [row for row in rows if row["run_id"] in there]
            found += arrived[offset:]
            offset = max(offset - len(arrived), 0)
            if len(rows) < _STEP:
                break
        return found[:limit]

    async def update_run(self, queue_id: UUID, run_id: UUID, change: Row) -> Row | None:
        """Change the record of a run in a queue."""

        def given() -> set[str]:
            return {row["key"] for row in feedback_of_runs(self._clickhouse, self._workspace_id, [run_id])}

        return await self._write(
            lambda db: queues.update_queue_run(db, queue_id, run_id, change, now(), given=given)
        )
