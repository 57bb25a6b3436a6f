"""The client methods for prompts and commits."""

from __future__ import annotations

from smithkit.prompts._methods._commits import AsyncCommitMethods
from smithkit.prompts._methods._pulling import PullMethods
from smithkit.prompts._methods._pushing import PushMethods
from smithkit.prompts._methods._repositories import AsyncRepositoryMethods

__all__ = ["AsyncPromptMethods", "PromptMethods"]


class PromptMethods(PushMethods, PullMethods):
    """What this package adds to `Client`."""


class AsyncPromptMethods(AsyncRepositoryMethods, AsyncCommitMethods, PushMethods, PullMethods):
    """What this package adds to `AsyncClient`."""
