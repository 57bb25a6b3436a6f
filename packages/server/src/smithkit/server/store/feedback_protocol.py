"""What the services ask of a store for feedback and annotation queues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from smithkit.server.domain.runs import Row

__all__ = [
    "FeedbackItem",
    "FeedbackRefusedError",
    "FeedbackSelection",
    "FeedbackStore",
    "QueueSelection",
    "QueueStore",
]


class FeedbackRefusedError(Exception):
    """Feedback that cannot be accepted; the argument says which field is wrong, and why.

    Args:
        problem: What is wrong.
        taken: Whether it is that the id belongs to another feedback.
    """

    def __init__(self, problem: str, *, taken: bool = False) -> None:
        super().__init__(problem)
        self.taken = taken


@dataclass(slots=True)
class FeedbackItem:
    """Feedback on its way in.

    Attributes:
        id: Its id.
        run_id: The run; None for feedback on a project.
        trace_id: The run's trace.
        session_id: The project.
        key: Its key.
        score: Its score, as a number.
        value: Its value.
        body: Its JSON as sent.
        source: Kind of its source.
        comparative_experiment_id: The comparison that it belongs to.
        config: What the scores of the key mean, as the sender says.
        created_at: When it was given, as the sender says.
        where: Place in the request, for messages.
    """

    id: UUID
    run_id: UUID | None
    trace_id: UUID | None
    session_id: UUID | None
    key: str
    score: float | None
    value: Any
    body: bytes
    source: str | None = None
    comparative_experiment_id: UUID | None = None
    config: dict[str, Any] | None = None
    created_at: int | None = None
    where: str = ""


@dataclass(slots=True)
class FeedbackSelection:
    """Which feedback, oldest first. What is None does not restrict."""

    runs: Collection[UUID] | None = None
    keys: Collection[str] | None = None
    sessions: Collection[UUID] | None = None
    traces: Collection[UUID] | None = None
    sources: Collection[str] | None = None
    comparisons: Collection[UUID] | None = None
    on_runs: bool | None = None
    has_score: bool | None = None
    created_from: int | None = None
    created_to: int | None = None
    limit: int = 100
    offset: int = 0


@dataclass(slots=True)
class QueueSelection:
    """Which annotation queues, oldest first. What is None does not restrict."""

    ids: Collection[UUID] | None = None
    name: str | None = None
    name_contains: str | None = None
    limit: int = 100
    offset: int = 0


class FeedbackStore(Protocol):
    """Durable storage of feedback, its configs, formulas and tokens.

    Rows are mappings of the column names in `store.tables.feedback` and `store.feedback_tables`.
    """

    async def put(self, items: Sequence[FeedbackItem]) -> list[Row]:
        """Store feedback, in place of what has the same id, and give the records.

        Raises:
            FeedbackRefusedError: One cannot be accepted; none is stored.
        """
        ...

    async def change(self, feedback_id: UUID, fields: Row) -> Row | None:
        """Change fields of a feedback's JSON; None if there is no such feedback.

        Raises:
            FeedbackRefusedError: It would not be acceptable.
        """
        ...

    async def delete(self, feedback_id: UUID) -> bool:
        """Remove a feedback; False if there is none."""
        ...

    async def find(self, selection: FeedbackSelection) -> list[Row]:
        """Read feedback."""
        ...

    async def read(self, feedback_id: UUID) -> Row | None:
        """Read a feedback; None if there is none."""
        ...

    async def comparison_stats(self, ids: Sequence[UUID]) -> dict[UUID, Row]:
        """Read the figures of comparative experiments' feedback, by key."""
        ...

    async def create_config(self, key: str, config: Row, *, is_lower_better: bool | None) -> Row | None:
        """Give a key a config; None if it has one that says something else."""
        ...

    async def update_config(self, key: str, changes: Row) -> Row | None:
        """Change a key's config; None if it has none."""
        ...

    async def delete_config(self, key: str) -> bool:
        """Remove a key's config; False if it has none."""
        ...

    async def find_configs(
        self, keys: Collection[str] | None, name_contains: str | None, limit: int, offset: int
    ) -> list[Row]:
        """Read configs, by key."""
        ...

    async def put_formula(self, values: Row) -> Row | None:
        """Store a formula and work it out for the runs that are there; None if `id` is given and unknown."""
        ...

    async def delete_formula(self, formula_id: UUID) -> bool:
        """Remove a formula and what it gave; False if there is none."""
        ...

    async def find_formulas(
        self,
        *,
        formula_id: UUID | None = None,
        dataset_id: UUID | None = None,
        session_id: UUID | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Row]:
        """Read formulas, oldest first."""
        ...

    async def add_tokens(self, rows: Sequence[Row]) -> None:
        """Store tokens' records; old ones that have expired go."""
        ...

    async def find_token(self, handle: bytes) -> Row | None:
        """Read the record of a token; None if there is none."""
        ...

    async def find_tokens(self, run_id: UUID, limit: int, offset: int) -> list[Row]:
        """Read the records of a run's tokens that have not expired, oldest first."""
        ...


class QueueStore(Protocol):
    """Durable storage of annotation queues. Rows are mappings of `store.feedback_tables`' columns."""

    async def create(self, values: Row) -> Row | None:
        """Make a queue; None if the id is taken."""
        ...

    async def update(self, queue_id: UUID, values: Row) -> Row | None:
        """Change a queue; None if there is none."""
        ...

    async def delete(self, queue_id: UUID) -> bool:
        """Remove a queue; False if there is none."""
        ...

    async def find(self, selection: QueueSelection) -> list[Row]:
        """Read queues."""
        ...

    async def add_runs(self, queue_id: UUID, run_ids: Sequence[UUID]) -> list[Row] | None:
        """Put runs into a queue and give their records in it; None if there is no such queue."""
        ...

    async def remove_run(self, queue_id: UUID, run_id: UUID) -> bool:
        """Take a run out of a queue; False if it is not in it."""
        ...

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
        """Read the records of a queue's runs that have arrived, in order.

        Args:
            queue_id: The queue.
            status: Only those of this status.
            reviewer: Without those that somebody else has reserved.
            open_only: Without those that are completed.
            limit: Records at most.
            offset: Records to pass over.
        """
        ...

    async def update_run(self, queue_id: UUID, run_id: UUID, change: Row) -> Row | None:
        """Change the record of a run in a queue; None if it is not in it.

        Raises:
            FeedbackRefusedError: Somebody else has reserved it (`taken`), or it lacks feedback that is required.
        """
        ...
