"""Asking a provider's model for a verdict: what is sent, and what comes back, for OpenAI and Anthropic."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Provider", "provider_of"]

_NAME = "verdict"
_TOKENS = 1024


class Provider(Protocol):
    """How a provider's client is asked."""

    @staticmethod
    def create(client: Any) -> Any:
        """The client's method."""

    @staticmethod
    def request(messages: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments of the method, so that the answer is JSON of a schema."""
        ...

    @staticmethod
    def verdict(answer: Any) -> Any:
        """The JSON in an answer.

        Raises:
            ValueError: There is none, because the model refused or its answer was cut.
        """


class _OpenAI:
    @staticmethod
    def create(client: Any) -> Any:
        return client.chat.completions.create

    @staticmethod
    def request(messages: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> dict[str, Any]:
        wanted = {"name": _NAME, "strict": True, "schema": schema}
        return {
            "messages": list(messages),
            "response_format": {"type": "json_schema", "json_schema": wanted},
        }

    @staticmethod
    def verdict(answer: Any) -> Any:
        if not answer.choices:
            raise ValueError("there is no answer")
        [choice, *_] = answer.choices
        if choice.message.refusal:
            raise ValueError(f"the model refused: {choice.message.refusal}")
        if choice.finish_reason in {"length", "content_filter"}:
            raise ValueError(f"the answer was cut ({choice.finish_reason})")
        return json.loads(choice.message.content or "")


class _Anthropic:
    @staticmethod
    def create(client: Any) -> Any:
        return client.messages.create

    @staticmethod
    def request(messages: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> dict[str, Any]:
        system = "\n\n".join(message["content"] for message in messages if message["role"] == "system")
        return {
            "max_tokens": _TOKENS,
            **({"system": system} if system else {}),
            "messages": [message for message in messages if message["role"] != "system"],
            "tools": [{"name": _NAME, "description": "Give the verdict.", "input_schema": schema}],
            "tool_choice": {"type": "tool", "name": _NAME},
        }

    @staticmethod
    def verdict(answer: Any) -> Any:
        for block in answer.content:
            if block.type == "tool_use" and answer.stop_reason != "max_tokens":
                return block.input
        raise ValueError(f"the model gave none ({answer.stop_reason})")


_PROVIDERS: dict[str, Provider] = {"openai": _OpenAI(), "anthropic": _Anthropic()}


def provider_of(client: Any) -> Provider:
    """How to ask a client.

    Args:
        client: A client of openai or anthropic, of either kind, also of a cloud's.

    Raises:
        TypeError: It is another one.
    """
    for kind in type(client).__mro__:
        found = _PROVIDERS.get(kind.__module__.partition(".")[0])
        if found is not None:
            return found
    raise TypeError(f"A judge needs a client of openai or anthropic, not {type(client).__name__}.")
