"""The client methods of this package."""

from __future__ import annotations

from smithkit.operations import Methods

__all__ = ["AsyncPromptMethods", "PromptMethods"]


class PromptMethods(Methods):
    """Prompts and their commits: the methods of `Client`."""


class AsyncPromptMethods(PromptMethods):
    """Prompts and their commits: the methods of `AsyncClient`."""
