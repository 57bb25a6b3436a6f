"""The client methods of feedback and annotation queues."""

from __future__ import annotations

from smithkit.feedback._methods._configs import ConfigMethods
from smithkit.feedback._methods._create import AsyncCreateMethods, CreateMethods
from smithkit.feedback._methods._feedback import RecordMethods
from smithkit.feedback._methods._formulas import FormulaMethods
from smithkit.feedback._methods._queue_runs import QueueRunMethods
from smithkit.feedback._methods._queues import AsyncQueueMethods, QueueMethods
from smithkit.feedback._methods._tokens import TokenMethods

__all__ = ["AsyncFeedbackMethods", "FeedbackMethods"]


class FeedbackMethods(
    CreateMethods, RecordMethods, TokenMethods, ConfigMethods, FormulaMethods, QueueMethods, QueueRunMethods
):
    """What this package adds to `Client`."""


class AsyncFeedbackMethods(
    AsyncCreateMethods,
    RecordMethods,
    TokenMethods,
    ConfigMethods,
    FormulaMethods,
    AsyncQueueMethods,
    QueueRunMethods,
):
    """What this package adds to `AsyncClient`."""
