"""Wrapped clients; see `checkers.py` for what the comments mean."""

from __future__ import annotations

from typing import assert_type

from smithkit.tracing.wrappers import wrap_anthropic, wrap_gemini, wrap_openai


class Client:
    """Stands for a provider's client, of whichever version."""

    chat: object
    messages: object
    models: object


assert_type(wrap_openai(Client(), tracing_extra={"tags": ["t"]}), Client)
assert_type(wrap_anthropic(Client()), Client)
assert_type(wrap_gemini(Client(), chat_name="Gemini"), Client)
wrap_openai(Client(), name="x")  # wrong: call-arg reportCallIssue
wrap_gemini(Client(), chat_name=3)  # wrong: arg-type reportArgumentType
