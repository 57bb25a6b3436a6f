"""Messages of a model's inputs and outputs, in the form of OpenTelemetry's conventions: role and parts.

Read are the forms of OpenAI's, Anthropic's and LangChain's messages.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["finish_reasons", "input_messages", "output_messages"]

_ROLES = {
    "human": "user", "ai": "assistant", "aimessagechunk": "assistant", "humanmessage": "user",
    "aimessage": "assistant", "systemmessage": "system", "toolmessage": "tool", "model": "assistant",
    "developer": "system", "function": "tool",
}  # fmt: skip
_TEXT_KINDS = ("text", "input_text", "output_text")


def input_messages(inputs: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The system's instructions, as parts, and the messages of a model's inputs.

    Args:
        inputs: The run's.

    Example:
        >>> input_messages({"messages": [{"role": "user", "content": "hi"}]})[1]
        [{'role': 'user', 'parts': [{'type': 'text', 'content': 'hi'}]}]
    """
    if not isinstance(inputs, dict):
        return [], []
    system = _parts(inputs.get("system")) if isinstance(inputs.get("system"), str | list) else []
    for key in ("messages", "input", "prompt", "prompts"):
        value = inputs.get(key)
        if isinstance(value, str):
            return system, [_message({"role": "user", "content": value})]
        if isinstance(value, list) and value and isinstance(value[0], list):  # LangChain's, one a prompt
            value = value[0]
        found = [_message(item) for item in value if _is_message(item)] if isinstance(value, list) else []
        if found:
            return system, found
    return system, []


def output_messages(outputs: Any) -> list[dict[str, Any]]:
    """The messages of a model's outputs.

    Args:
        outputs: The run's.

    Example:
        >>> output_messages({"choices": [{"message": {"role": "assistant", "content": "ho"}, "finish_reason": "stop"}]})
        [{'role': 'assistant', 'parts': [{'type': 'text', 'content': 'ho'}], 'finish_reason': 'stop'}]
    """
    return [
        _message(message) | ({"finish_reason": reason} if reason else {})
        for message, reason in _answers(outputs)
    ]


def finish_reasons(outputs: Any) -> list[str]:
    """Why each of a model's answers ended, where it is said.

    Args:
        outputs: The run's.
    """
    return [reason for _, reason in _answers(outputs) if reason]


def _answers(outputs: Any) -> list[tuple[dict[str, Any], str]]:
    if not isinstance(outputs, dict):
        return []
    choices = outputs.get("choices")
    if isinstance(choices, list):
        return [
            (choice["message"], _text(choice.get("finish_reason")))
            for choice in choices
            if isinstance(choice, dict) and _is_message(choice.get("message"))
        ]
    generations = outputs.get("generations")
    if isinstance(generations, list):
        return [
            (generation["message"], _reason(generation))
            for batch in generations
            for generation in (batch if isinstance(batch, list) else [batch])
            if isinstance(generation, dict) and _is_message(generation.get("message"))
        ]
    for value in (outputs.get("messages"), outputs.get("message"), outputs.get("output"), outputs):
        items: list[Any] = value if isinstance(value, list) else [value]
        found = [item for item in items if _is_message(item)]
        if found:
            return [
                (item, _text(item.get("finish_reason")) or _text(item.get("stop_reason"))) for item in found
            ]
    text = outputs.get("output")
    return [({"role": "assistant", "content": text}, "")] if isinstance(text, str) else []


def _reason(generation: dict[str, Any]) -> str:
    info = generation.get("generation_info")
    return _text(info.get("finish_reason")) if isinstance(info, dict) else ""


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and (
        "role" in value
        or ("content" in value and "type" in value)
        or (value.get("lc") == 1 and "kwargs" in value)
    )


def _message(message: dict[str, Any]) -> dict[str, Any]:
    kind = message.get("role") or message.get("type")
    if message.get("lc") == 1 and isinstance(message.get("kwargs"), dict):
        path = message.get("id")
        message = message["kwargs"]
        kind = message.get("type") or (path[-1] if isinstance(path, list) and path else None)
    role = _text(kind) or "user"
    role = _ROLES.get(role.lower(), role)
    calls = message.get("tool_calls")
    parts = _parts(message.get("content"))
    if role == "tool":
        parts = [
            {
                "type": "tool_call_response",
                "id": message.get("tool_call_id"),
                "response": message.get("content"),
            }
        ]
    if isinstance(calls, list):
        parts += [_call(call) for call in calls if isinstance(call, dict)]
    return {"role": role, "parts": parts}


def _call(call: dict[str, Any]) -> dict[str, Any]:
    """A call of a tool, as OpenAI or LangChain has it."""
    function = call.get("function")
    holder = function if isinstance(function, dict) else call
    arguments = holder.get("arguments", holder.get("args"))
    return {
        "type": "tool_call",
        "id": call.get("id"),
        "name": holder.get("name"),
        "arguments": _decoded(arguments),
    }


def _parts(content: Any) -> list[dict[str, Any]]:
    if content is None or content == "":
        return []
    blocks = content if isinstance(content, list) else [content]
    return [_part(block) for block in blocks]


def _part(block: Any) -> dict[str, Any]:
    if not isinstance(block, dict):
        return {"type": "text", "content": block if isinstance(block, str) else json.dumps(block)}
    kind = block.get("type")
    if kind in _TEXT_KINDS:
        return {"type": "text", "content": block.get("text", "")}
    if kind == "tool_use":
        return {
            "type": "tool_call",
            "id": block.get("id"),
            "name": block.get("name"),
            "arguments": block.get("input"),
        }
    if kind == "tool_result":
        return {
            "type": "tool_call_response",
            "id": block.get("tool_use_id"),
            "response": block.get("content"),
        }
    if kind in {"thinking", "reasoning"}:
        return {"type": "reasoning", "content": block.get("thinking") or block.get("text") or ""}
    return block if kind else {"type": "unknown", **block}


def _decoded(arguments: Any) -> Any:
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
