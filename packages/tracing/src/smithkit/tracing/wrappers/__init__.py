"""Clients of model providers whose calls are traced: OpenAI, Anthropic, Gemini.

No provider's SDK is imported from here: what there is to know of a client is asked of the client.
Names are loaded when they are first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smithkit.tracing.wrappers._anthropic import wrap_anthropic
    from smithkit.tracing.wrappers._gemini import wrap_gemini
    from smithkit.tracing.wrappers._methods import TracingExtra
    from smithkit.tracing.wrappers._openai import wrap_openai
else:
    from smithkit._lazy import lazy_names

    __getattr__, __dir__ = lazy_names(
        globals(),
        {
            "_anthropic": ("wrap_anthropic",),
            "_gemini": ("wrap_gemini",),
            "_methods": ("TracingExtra",),
            "_openai": ("wrap_openai",),
        },
    )

__all__ = ["TracingExtra", "wrap_anthropic", "wrap_gemini", "wrap_openai"]
