"""Chat messages: the forms that programs store them in, and OpenAI's."""

from __future__ import annotations

from typing import Any

__all__ = ["openai_message", "openai_messages"]

_ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant"}
_KEPT = ("name", "tool_calls", "tool_call_id", "function_call")
_NAMES = ("messages", "message", "input", "output", "generations")


def openai_messages(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Find the messages in an example's inputs or outputs.

    Example:
        >>> openai_messages({"input": [{"type": "human", "data": {"content": "hi"}}]})
        [{'role': 'user', 'content': 'hi'}]
    """
    for name in _NAMES:
        value = payload.get(name)
        found = [openai_message(item) for item in (value if isinstance(value, list) else [value])]
        messages = [message for message in found if message is not None]
        if messages:
            return messages
    own = openai_message(payload)
    return [] if own is None else [own]


def openai_message(value: Any) -> dict[str, Any] | None:
    """Turn a message into OpenAI's form; None if it is no message.

    Args:
        value: A message of OpenAI or of LangChain, in either of its two forms.

    Example:
        >>> openai_message({"type": "ai", "data": {"content": "hi", "additional_kwargs": {}}})
        {'role': 'assistant', 'content': 'hi'}
    """
    if not isinstance(value, dict):
        return None
    data = value["data"] if isinstance(value.get("data"), dict) else value
    role = value.get("role") or value.get("type") or data.get("type")
    if not isinstance(role, str) or "content" not in data:
        return None
    extra = data.get("additional_kwargs")
    source = {**extra, **data} if isinstance(extra, dict) else data
    kept = {name: source[name] for name in _KEPT if source.get(name)}
    return {"role": _ROLES.get(role, role), "content": data["content"], **kept}
