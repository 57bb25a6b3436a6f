"""How requests reach a LangSmith API: over HTTP, synchronously or asynchronously, or in-process."""

from __future__ import annotations

from smithkit.transport._aio import AsyncTransport
from smithkit.transport._base import TransmissionError, Transport, Wire
from smithkit.transport._sync import SyncTransport

__all__ = ["AsyncTransport", "SyncTransport", "TransmissionError", "Transport", "Wire"]
