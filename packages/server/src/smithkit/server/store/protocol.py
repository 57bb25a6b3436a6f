"""What the services ask of a store. A plugin's store (hook `create_store`) offers exactly this."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from uuid import UUID

    from smithkit.server.domain.filters import Node
    from smithkit.server.domain.runs import Row, RunChange
    from smithkit.server.store.blobs import Blob, BlobSink, StagedBlob
    from smithkit.server.store.dataset_protocol import DatasetStore
    from smithkit.server.store.feedback_protocol import FeedbackItem, FeedbackStore, QueueStore
    from smithkit.server.store.prompt_protocol import PromptStore

__all__ = [
    "Attachment",
    "Directory",
    "Duty",
    "NameTakenError",
    "Place",
    "RunBatch",
    "RunGrouping",
    "RunSelection",
    "SessionSelection",
    "Store",
    "StoreFigures",
    "Workspace",
]


class Duty(IntEnum):
    """What one of several servers on a database does at a time."""

    INDEX = 1
    RETENTION = 2


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """How a store is.

    Attributes:
        size: Bytes of the database, without attachments.
        queued_writes: Writes that wait for their transaction.
    """

    size: int
    queued_writes: int


@dataclass(frozen=True, slots=True)
class Workspace:
    """Whose data it is.

    Attributes:
        id: Its id, the API's tenant id.
        secret: Key of the signatures of URLs.
    """

    id: UUID
    secret: bytes


@dataclass(slots=True)
class Attachment:
    """A file of a run, received with it."""

    run_id: UUID
    name: str
    mime_type: str
    blob: StagedBlob


@dataclass(slots=True)
class RunBatch:
    """Everything that one request brings, stored whole or not at all."""

    changes: list[RunChange] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    feedback: list[FeedbackItem] = field(default_factory=list)

    @classmethod
    def joined(cls, batches: Iterable[RunBatch]) -> RunBatch:
        """Put what several requests bring together, in their order."""
        whole = cls()
        for one in batches:
            whole.changes += one.changes
            whole.attachments += one.attachments
            whole.feedback += one.feedback
        return whole


@dataclass(frozen=True, slots=True)
class Place:
    """A run's place: its trace and its dotted order."""

    trace_id: UUID
    dotted_order: str


@dataclass(slots=True)
class RunSelection:
    """Which runs, in which order. What is None does not restrict.

    Attributes:
        sessions: Projects.
        ids: Runs.
        traces: Traces.
        parent: Direct parent.
        below: The run at this place, and everything below it.
        run_type: Run type.
        is_root: Roots alone, or others alone.
        error: Failed runs alone, or others alone.
        started_from: Earliest start time, inclusive.
        started_to: Latest start time, inclusive.
        examples: Dataset rows.
        filter: What runs must be like, a checked tree (`domain.filters`).
        trace_filter: The same of the roots of their traces.
        tree_filter: The same of any run of their traces.
        after: Start time and id of the last run of the page before.
        ascending: Oldest first; by default newest first.
        limit: Runs at most.
    """

    sessions: Collection[UUID] | None = None
    ids: Collection[UUID] | None = None
    traces: Collection[UUID] | None = None
    parent: UUID | None = None
    below: Place | None = None
    run_type: str | None = None
    is_root: bool | None = None
    error: bool | None = None
    started_from: int | None = None
    started_to: int | None = None
    examples: Collection[UUID] | None = None
    filter: Node | None = None
    trace_filter: Node | None = None
    tree_filter: Node | None = None
    after: tuple[int, UUID] | None = None
    ascending: bool = False
    limit: int = 100


@dataclass(frozen=True, slots=True)
class RunGrouping:
    """By what runs are grouped, and which of the groups are wanted.

    Attributes:
        attribute: What the runs of a group have in common.
        path: Of metadata, the key.
        offset: Groups to leave out.
        limit: Groups at most.
    """

    attribute: Literal["name", "run_type", "tag", "metadata", "thread"]
    path: str = ""
    offset: int = 0
    limit: int = 20


@dataclass(slots=True)
class SessionSelection:
    """Which projects, newest first. What is None does not restrict."""

    name: str | None = None
    name_contains: str | None = None
    ids: Collection[UUID] | None = None
    reference_free: bool | None = None
    reference_datasets: Collection[UUID] | None = None
    metadata: dict[str, Any] | None = None
    limit: int = 100
    offset: int = 0


class Directory(Protocol):
    """Who may use a database: its workspaces, their API keys, and whose a link is."""

    async def workspaces(self) -> list[Row]:
        """Read the workspaces, oldest first: id, display name, handle, when it was made."""
        ...

    async def create_workspace(self, name: str, handle: str, secret: bytes) -> Row:
        """Make a workspace, with its default project.

        Raises:
            NameTakenError: Another workspace has this handle.
        """
        ...

    async def add_key(self, row: Row) -> None:
        """Store a key's record."""
        ...

    async def find_key(self, digest: bytes) -> Row | None:
        """Read the record of the key that has a SHA-256 digest; None if there is none."""
        ...

    async def keys(self) -> list[Row]:
        """Read the records of keys, oldest first."""
        ...

    async def has_keys(self) -> bool:
        """Tell whether there ever was a key."""
        ...

    async def revoke_key(self, key_id: UUID) -> bool:
        """Make a key worthless; False if there is none, or it is so already."""
        ...

    async def owner_of_link(self, token: UUID) -> UUID | None:
        """Give the workspace whose run or dataset has a token; None if nobody has it."""
        ...

    async def owner_of_feedback_token(self, handle: bytes) -> UUID | None:
        """Give the workspace that made a feedback token; None if nobody did."""
        ...


class Store(Protocol):
    """Durable storage, as one workspace sees it: what others have is not there.

    Rows are mappings of the column names in `store.tables`. A write has happened when its coroutine
    returns: later reads, from any process, see it, and it survives the end of this process.
    """

    @property
    def workspace(self) -> Workspace:
        """The workspace; known once the store is open."""
        ...

    @property
    def datasets(self) -> DatasetStore:
        """Its datasets; usable once the store is open."""
        ...

    @property
    def prompts(self) -> PromptStore:
        """Its prompts; usable once the store is open."""
        ...

    @property
    def feedback(self) -> FeedbackStore:
        """Its feedback; usable once the store is open."""
        ...

    @property
    def queues(self) -> QueueStore:
        """Its annotation queues; usable once the store is open."""
        ...

    @property
    def directory(self) -> Directory:
        """Workspaces and keys of the whole database; usable once the store is open."""
        ...

    def in_workspace(self, workspace_id: UUID) -> Store:
        """The same open storage, as another workspace sees it; it ends with this one."""
        ...

    def open(self) -> None:
        """Get ready: bring the schema up to date, start what works in the background."""
        ...

    def close(self) -> None:
        """Finish what was begun and let go of files and threads."""
        ...

    def sink(self, spill: int) -> BlobSink:
        """Begin to receive an attachment."""
        ...

    def find_blob(self, digest: bytes) -> Blob | None:
        """Give the attachment with this SHA-256 digest; None if it is not there."""
        ...

    async def write(self, batch: RunBatch) -> None:
        """Merge a request's runs (`domain.runs.merge`) and store what comes with them.

        Raises:
            FeedbackRefusedError: A feedback cannot be accepted; nothing is stored.
        """
        ...

    async def find_runs(self, selection: RunSelection) -> list[Row]:
        """Read the records of runs, without payloads."""
        ...

    async def read_answers(self, sessions: Sequence[UUID], examples: Sequence[UUID]) -> list[Row]:
        """Read the records of the roots with which experiments answered examples, in any order."""
        ...

    async def read_payloads(self, ids: Sequence[UUID], names: Sequence[str]) -> dict[UUID, dict[str, bytes]]:
        """Read payloads of runs, as JSON; null ones are left out."""
        ...

    async def read_children(self, ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
        """Read the ids of direct children, oldest first."""
        ...

    async def read_attachments(self, ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
        """Read names, types and digests of runs' files, in the order in which they came."""
        ...

    async def read_feedback(self, ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
        """Read feedback of runs."""
        ...

    async def figures(self) -> StoreFigures:
        """Tell how large the database is and what it has to do."""
        ...

    async def count_unindexed(self) -> int:
        """Count the runs that were written and that searches cannot yet look up: they read them one by one."""
        ...

    async def run_stats(self, selection: RunSelection) -> Row:
        """Work out the figures of runs."""
        ...

    async def group_runs(self, selection: RunSelection, grouping: RunGrouping) -> tuple[list[str], int]:
        """Find groups of runs, the largest first, or threads, the one that was active last first.

        Returns:
            What is common to the runs of each, and the number of all groups.
        """
        ...

    async def share_run(self, run_id: UUID, token: UUID) -> UUID | None:
        """Store a run's token, and give the one that it has: the first. None if there is no such run.

        Raises:
            NameTakenError: Another run has this token.
        """
        ...

    async def read_share(self, run_id: UUID) -> UUID | None:
        """Read a run's token; None if it has none."""
        ...

    async def delete_share(self, run_id: UUID) -> None:
        """Forget a run's token."""
        ...

    async def find_shared(self, token: UUID) -> Row | None:
        """Read the record of the run that has a token."""
        ...

    async def create_insights_job(self, values: Row) -> bool:
        """Store a job; False if its project is not there."""
        ...

    async def update_insights_job(self, job_id: UUID, values: Row) -> None:
        """Change a job, if it is still there."""
        ...

    async def find_insights_jobs(self, session_id: UUID, job_id: UUID | None = None) -> list[Row]:
        """Read a project's jobs, or one of them, newest first."""
        ...

    async def read_settings(self) -> Row:
        """Read the workspace's record."""
        ...

    async def set_handle(self, handle: str) -> Row:
        """Give the workspace a handle, in place of the one that it has; answers like `read_settings`.

        Raises:
            NameTakenError: Another workspace has this handle.
        """
        ...

    async def list_secrets(self) -> list[str]:
        """Read the names of the workspace's secrets."""
        ...

    async def change_secrets(self, added: Collection[str], removed: Collection[str]) -> None:
        """Remember names of secrets, and forget others."""
        ...

    async def create_session(self, values: Row, *, upsert: bool) -> Row | None:
        """Make a project; None if its name or id is taken. With `upsert`, update and return the present one."""
        ...

    async def update_session(self, session_id: UUID, values: Row) -> Row | None:
        """Change a project; None if there is none.

        Raises:
            NameTakenError: Another project has the new name.
        """
        ...

    async def delete_session(self, session_id: UUID) -> bool:
        """Remove a project and its runs; False if there is none."""
        ...

    async def list_retentions(self) -> list[Row]:
        """Read id, `trace_tier` and `extra` of the projects of all workspaces."""
        ...

    async def delete_expired(self, session_id: UUID, before: int) -> int:
        """Remove some of a project's traces that began and came in before a time; the number of runs that are gone.

        Few enough not to keep writers waiting; 0 when nothing is left to remove.
        """
        ...

    async def claim(self, duty: Duty, owner: UUID, seconds: float) -> bool:
        """Become the one, of all servers on the database, that does a duty, or stay it.

        Args:
            duty: What is to be done.
            owner: Who wants to.
            seconds: For how long the claim counts, unless it is made again.

        Returns:
            Whether that is so; another one's claim counts until it ends.
        """
        ...

    async def release(self, duty: Duty, owner: UUID) -> None:
        """Let others do a duty."""
        ...

    async def give_space_back(self) -> None:
        """Return what deleted data took to the file system, where the database does not do so by itself."""
        ...

    async def find_sessions(self, selection: SessionSelection) -> list[Row]:
        """Read projects."""
        ...

    async def session_stats(self, ids: Sequence[UUID]) -> dict[UUID, Row]:
        """Work out the figures of projects."""
        ...


class NameTakenError(Exception):
    """A name, or a token, that must be unique is in use."""
