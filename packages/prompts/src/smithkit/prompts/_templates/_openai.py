"""Prompts as arguments of OpenAI's client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from smithkit.prompts._templates._tools import as_tool, schema_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smithkit.prompts._templates._messages import Message
    from smithkit.prompts.templates import Prompt

__all__ = ["arguments"]

_SETTINGS = (
    "frequency_penalty logit_bias logprobs max_completion_tokens max_tokens n parallel_tool_calls "
    "presence_penalty reasoning_effort response_format seed stop temperature top_logprobs top_p verbosity"
).split()


def arguments(prompt: Prompt, messages: Sequence[Message]) -> dict[str, Any]:
    """The arguments of ``chat.completions.create``.

    Args:
        prompt: The prompt.
        messages: Its messages.
    """
    made: dict[str, Any] = {"messages": [_message(message) for message in messages]}
    settings = {} if prompt.model is None else prompt.model.parameters
    if prompt.model is not None and prompt.model.provider != "anthropic" and prompt.model.name:
        made["model"] = prompt.model.name
    made |= {name: settings[name] for name in _SETTINGS if settings.get(name) is not None}
    if prompt.tools:
        made["tools"] = [_tool(tool) for tool in prompt.tools]
        if settings.get("tool_choice") is not None:
            made["tool_choice"] = _tool_choice(settings["tool_choice"])
    if prompt.output_schema is not None:
        made["response_format"] = _response_format(prompt.output_schema)
    return made


def _message(message: Message) -> dict[str, Any]:
    made: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.name is not None:
        made["name"] = message.name
    if message.tool_call_id is not None:
        made["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        made["tool_calls"] = [
            {
                "type": "function",
                "id": call["id"],
                "function": {"name": call["name"], "arguments": json.dumps(call["args"])},
            }
            for call in message.tool_calls
        ]
        made["content"] = message.content or None
    return made


def _tool(given: Mapping[str, Any]) -> dict[str, Any]:
    tool = as_tool(given)
    if tool is None:
        return dict(given)
    function: dict[str, Any] = {"name": tool.name, "parameters": dict(tool.parameters)}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _tool_choice(given: Any) -> Any:
    """The choice of a tool; ``any`` is Anthropic's and LangChain's word for ``required``."""
    kind = given.get("type") if isinstance(given, dict) else given
    if kind == "any":
        return "required"
    if kind in ("auto", "none", "required"):
        return kind
    if kind == "tool":
        return {"type": "function", "function": {"name": given.get("name")}}
    if isinstance(given, str):
        return {"type": "function", "function": {"name": given}}
    return given


def _response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"name": schema_name(schema), "schema": dict(schema)}
    if "description" in schema:
        described["description"] = schema["description"]
    return {"type": "json_schema", "json_schema": described}
