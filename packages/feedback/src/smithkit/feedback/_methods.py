"""The client methods of this package."""

from __future__ import annotations

from smithkit.operations import Methods

__all__ = ["AsyncFeedbackMethods", "FeedbackMethods"]


class FeedbackMethods(Methods):
    """Feedback on runs: the methods of `Client`."""


class AsyncFeedbackMethods(FeedbackMethods):
    """Feedback on runs: the methods of `AsyncClient`."""
