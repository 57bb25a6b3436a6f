"""Prompts and their commits: client methods, the cache, and prompts that are formatted without LangChain."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smithkit.prompts._methods import AsyncPromptMethods, PromptMethods
    from smithkit.prompts.cache import (
        AsyncCache,
        AsyncPromptCache,
        Cache,
        DiskCache,
        PromptCache,
        configure_global_async_prompt_cache,
        configure_global_prompt_cache,
    )
    from smithkit.prompts.errors import (
        ManifestError,
        MissingVariablesError,
        PromptError,
        PromptValueError,
        StaleParentError,
        TemplateError,
    )
    from smithkit.prompts.identifiers import PromptIdentifier, parse_identifier
    from smithkit.prompts.templates import (
        ChatPrompt,
        Message,
        ModelBinding,
        Placeholder,
        Prompt,
        PromptOrigin,
        TextPrompt,
    )
else:
    from smithkit._lazy import lazy_names

    __getattr__, __dir__ = lazy_names(
        globals(),
        {
            "_methods": ("AsyncPromptMethods", "PromptMethods"),
            "cache": (
                "AsyncCache",
                "AsyncPromptCache",
                "Cache",
                "DiskCache",
                "PromptCache",
                "configure_global_async_prompt_cache",
                "configure_global_prompt_cache",
            ),
            "errors": (
                "ManifestError",
                "MissingVariablesError",
                "PromptError",
                "PromptValueError",
                "StaleParentError",
                "TemplateError",
            ),
            "identifiers": ("PromptIdentifier", "parse_identifier"),
            "templates": (
                "ChatPrompt",
                "Message",
                "ModelBinding",
                "Placeholder",
                "Prompt",
                "PromptOrigin",
                "TextPrompt",
            ),
        },
    )

__all__ = [
    "AsyncCache",
    "AsyncPromptCache",
    "AsyncPromptMethods",
    "Cache",
    "ChatPrompt",
    "DiskCache",
    "ManifestError",
    "Message",
    "MissingVariablesError",
    "ModelBinding",
    "Placeholder",
    "Prompt",
    "PromptCache",
    "PromptError",
    "PromptIdentifier",
    "PromptMethods",
    "PromptOrigin",
    "PromptValueError",
    "StaleParentError",
    "TemplateError",
    "TextPrompt",
    "configure_global_async_prompt_cache",
    "configure_global_prompt_cache",
    "parse_identifier",
]
