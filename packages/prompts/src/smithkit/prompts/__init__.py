"""Prompts and their commits: the methods that the clients get from this package, and its schemas."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smithkit.prompts._methods import AsyncPromptMethods, PromptMethods
    from smithkit.prompts.identifiers import PromptIdentifier, parse_identifier
else:
    from smithkit._lazy import lazy_names

    __getattr__, __dir__ = lazy_names(
        globals(),
        {
            "_methods": ("AsyncPromptMethods", "PromptMethods"),
            "identifiers": ("PromptIdentifier", "parse_identifier"),
        },
    )

__all__ = ["AsyncPromptMethods", "PromptIdentifier", "PromptMethods", "parse_identifier"]
