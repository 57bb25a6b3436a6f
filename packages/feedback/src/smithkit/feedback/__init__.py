"""Feedback on runs of the LangSmith API."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smithkit.feedback._methods import AsyncFeedbackMethods, FeedbackMethods
else:
    from smithkit._lazy import lazy_names

    __getattr__, __dir__ = lazy_names(globals(), {"_methods": ("AsyncFeedbackMethods", "FeedbackMethods")})

__all__ = ["AsyncFeedbackMethods", "FeedbackMethods"]
