"""Messages of a chat, and what callers may give in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from smithkit.prompts.errors import PromptValueError

__all__ = ["Content", "Message", "as_message", "as_messages", "role_of"]

Content = str | list[dict[str, Any]]
"""Content of a message: text, or a list of blocks."""

_ROLES = {
    "ai": "assistant",
    "assistant": "assistant",
    "developer": "developer",
    "function": "function",
    "human": "user",
    "system": "system",
    "tool": "tool",
    "user": "user",
}
_LABELS = {
    "assistant": "AI",
    "developer": "System",
    "function": "Function",
    "system": "System",
    "tool": "Tool",
    "user": "Human",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a chat.

    Attributes:
        role: ``system``, ``user``, ``assistant``, ``tool``, or another that the model knows.
        content: Text, or a list of blocks such as ``{"type": "text", "text": "…"}``.
        name: Name of who speaks.
        tool_calls: Tools that the assistant calls: ``{"name": …, "args": {…}, "id": …}`` each.
        tool_call_id: Id of the call that a tool's message answers.

    Example:
        >>> from smithkit.prompts import Message
        >>> str(Message("user", "Hello"))
        'Human: Hello'
    """

    role: str
    content: Content
    name: str | None = None
    tool_calls: tuple[dict[str, Any], ...] = field(default=())
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """The text of the content, without other blocks."""
        if isinstance(self.content, str):
            return self.content
        return "".join(str(block.get("text", "")) for block in self.content if block.get("type") == "text")

    def __str__(self) -> str:
        """One line for people."""
        return f"{_LABELS.get(self.role, self.role)}: {self.text}"


def role_of(text: str) -> str:
    """The role that a name means: ``human`` is ``user``, ``ai`` is ``assistant``.

    Args:
        text: The name.
    """
    return _ROLES.get(text, text)


def as_messages(value: Any, name: str) -> list[Message]:
    """The messages of a placeholder's value.

    Args:
        value: A list of messages.
        name: The placeholder's name, for the error.

    Raises:
        PromptValueError: It is no list of messages.
    """
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
        raise PromptValueError(
            f"The placeholder {name!r} takes a list of messages, not {type(value).__name__}."
        )
    return [as_message(item) for item in value]


def as_message(value: Any) -> Message:
    """The message that a caller's value means.

    Args:
        value: A `Message`, a text of the user, ``(role, content)``, ``{"role": …, "content": …}`` as OpenAI's
            clients have it, or a message of LangChain.

    Raises:
        PromptValueError: It is none of them.
    """
    if isinstance(value, Message):
        return value
    if isinstance(value, str):
        return Message("user", value)
    if isinstance(value, Mapping):
        return _of_mapping(value)
    if isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[0], str):  # noqa: PLR2004
        return Message(role_of(value[0]), _content(value[1]))
    if isinstance(getattr(value, "type", None), str) and hasattr(value, "content"):
        return _of_langchain(value)
    raise PromptValueError(
        f"A message is a Message, a text, (role, content) or a dictionary with `role`, not {type(value).__name__}."
    )


def _of_mapping(value: Mapping[str, Any]) -> Message:
    role = value.get("role", value.get("type"))
    if not isinstance(role, str):
        raise PromptValueError("A message that is a dictionary needs a `role` and `content`.")
    calls = tuple(_call(call) for call in value.get("tool_calls") or ())
    return Message(
        role_of(role), _content(value.get("content")), value.get("name"), calls, value.get("tool_call_id")
    )


def _of_langchain(value: Any) -> Message:
    role = value.role if value.type == "chat" else role_of(value.type)
    if (getattr(value, "additional_kwargs", None) or {}).get("__openai_role__") == "developer":
        role = "developer"
    calls = tuple(_call(call) for call in getattr(value, "tool_calls", None) or ())
    return Message(
        str(role),
        _content(value.content),
        getattr(value, "name", None),
        calls,
        getattr(value, "tool_call_id", None),
    )


def _content(value: Any) -> Content:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [
            {"type": "text", "text": block} if isinstance(block, str) else _block(block) for block in value
        ]
    raise PromptValueError(
        f"The content of a message is a text or a list of blocks, not {type(value).__name__}."
    )


def _block(block: Any) -> dict[str, Any]:
    if not isinstance(block, Mapping):
        raise PromptValueError(f"A block of a message is a dictionary, not {type(block).__name__}.")
    return dict(block)


def _call(call: Any) -> dict[str, Any]:
    """A call of a tool, as LangChain or as OpenAI writes it."""
    if not isinstance(call, Mapping):
        raise PromptValueError(f"A call of a tool is a dictionary, not {type(call).__name__}.")
    function = call.get("function")
    if not isinstance(function, Mapping):
        return {"name": call.get("name"), "args": call.get("args") or {}, "id": call.get("id")}
    import json

    try:
        arguments = json.loads(function.get("arguments") or "{}")
    except (TypeError, ValueError):
        raise PromptValueError(
            f"The arguments of the call of {function.get('name')!r:.80} are no JSON."
        ) from None
    return {"name": function.get("name"), "args": arguments, "id": call.get("id")}
