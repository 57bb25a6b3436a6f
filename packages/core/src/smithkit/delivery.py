"""What became of what a client sends in the background."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["DeliveryReport"]


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What `flush` and `close` answer with.

    `delivered`, `dropped` and `failed` count what happened since the report before, so that every
    operation stands in one report; a run's beginning and its end are one operation each. `spooled`
    and `queued` are what is there now.

    A report is true if nothing was lost and nothing is left in memory alone: what is delivered or
    stands on disk is safe.

    Attributes:
        delivered: Accepted by the server, or there already.
        spooled: On disk, to be delivered later, by this process or by the next one.
        dropped: Left out: there was no room, or the client was closed too early.
        failed: Refused by the server, or not accepted within the time for retries.
        queued: Still in memory when the time was up; after `close` they are lost with the process.
        seconds: How long it took.

    Example:
        >>> bool(DeliveryReport(delivered=2)), bool(DeliveryReport(delivered=1, failed=1))
        (True, False)
    """

    delivered: int = 0
    spooled: int = 0
    dropped: int = 0
    failed: int = 0
    queued: int = 0
    seconds: float = 0.0

    @property
    def lost(self) -> int:
        """How many will never be delivered."""
        return self.dropped + self.failed

    def __bool__(self) -> bool:
        return not (self.dropped or self.failed or self.queued)

    def __add__(self, other: DeliveryReport) -> DeliveryReport:
        """Both together."""
        return DeliveryReport(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(self))
        )
