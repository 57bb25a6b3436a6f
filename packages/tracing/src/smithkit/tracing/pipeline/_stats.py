"""What became of the runs that were handed over."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["TracingStats"]


@dataclass(slots=True)
class TracingStats:
    """Counts of operations; a run's beginning and its end are one operation each.

    Every operation that was handed over is in one place:
    ``submitted == queued + spooled + sent + dropped + failed``. With several write endpoints each has its own copy.

    Attributes:
        submitted: Handed over to be sent in the background.
        queued: Waiting in memory, or on their way from there.
        spooled: On disk, and not delivered yet.
        sent: Accepted by the server, or there already.
        dropped: Left out because the queue was full or the client was closed.
        failed: Refused by the server, or not accepted within the time for retries.
        truncated: Sent without their largest fields, which the server or the queue could not take; part of `sent`
            once they are.
        recovered: Taken over from the disk, where another process has left them; part of `submitted`.
        sampled_out: Left out by the sampling rate; not part of `submitted`.
        queued_bytes: Bytes of `queued`.
        sent_bytes: Bytes of accepted request bodies, as sent.
        requests: Requests made.
        retries: Requests that were made again.
    """

    submitted: int = 0
    queued: int = 0
    spooled: int = 0
    sent: int = 0
    dropped: int = 0
    failed: int = 0
    truncated: int = 0
    recovered: int = 0
    sampled_out: int = 0
    queued_bytes: int = 0
    sent_bytes: int = 0
    requests: int = 0
    retries: int = 0

    def add(self, other: TracingStats) -> None:
        """Add another's counts.

        Args:
            other: What to add.
        """
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))
