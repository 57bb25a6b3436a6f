"""Prompts as arguments of Anthropic's client."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from smithkit.prompts._templates._tools import as_tool, schema_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smithkit.prompts._templates._messages import Content, Message
    from smithkit.prompts.templates import Prompt

__all__ = ["arguments"]

_DEFAULT_MAX_TOKENS = 4096  # the API wants a number
_SETTINGS = ("max_tokens", "thinking")
_BODY_SETTINGS = ("temperature", "top_k", "top_p")  # the newest clients have no arguments for them
_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+);base64,(?P<data>.*)", re.DOTALL)


def arguments(prompt: Prompt, messages: Sequence[Message]) -> dict[str, Any]:
    """The arguments of ``messages.create``.

    Args:
        prompt: The prompt.
        messages: Its messages.
    """
    settings = {} if prompt.model is None else prompt.model.parameters
    made: dict[str, Any] = {"max_tokens": _DEFAULT_MAX_TOKENS}
    if prompt.model is not None and prompt.model.provider == "anthropic" and prompt.model.name:
        made["model"] = prompt.model.name
    made |= {name: settings[name] for name in _SETTINGS if settings.get(name) is not None}
    body = {name: settings[name] for name in _BODY_SETTINGS if settings.get(name) is not None}
    if body:
        made["extra_body"] = body
    stop = settings.get("stop_sequences", settings.get("stop"))
    if stop is not None:
        made["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    system = "\n\n".join(message.text for message in messages if message.role in ("developer", "system"))
    if system:
        made["system"] = system
    made["messages"] = _turns(messages)
    return made | _tools(prompt, settings)


def _turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages of user and assistant; results of tools stand together in one message of the user."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role in ("developer", "system"):
            continue
        if message.role not in ("function", "tool"):
            role = "assistant" if message.role == "assistant" else "user"
            turns.append({"role": role, "content": _content(message)})
            continue
        result = {
            "type": "tool_result",
            "tool_use_id": message.tool_call_id,
            "content": _blocks(message.content),
        }
        if turns and turns[-1].get("role") == "user" and _is_results(turns[-1]["content"]):
            turns[-1]["content"].append(result)
        else:
            turns.append({"role": "user", "content": [result]})
    return turns


def _is_results(content: Any) -> bool:
    return isinstance(content, list) and all(block.get("type") == "tool_result" for block in content)


def _content(message: Message) -> Content:
    if not message.tool_calls:
        return _blocks(message.content)
    content = _blocks(message.content)
    blocks = ([{"type": "text", "text": content}] if content else []) if isinstance(content, str) else content
    calls = [
        {"type": "tool_use", "id": call["id"], "name": call["name"], "input": call["args"]}
        for call in message.tool_calls
    ]
    return [*(block for block in blocks if block.get("type") != "tool_use"), *calls]


def _blocks(content: Content) -> Content:
    return content if isinstance(content, str) else [_block(block) for block in content]


def _block(block: dict[str, Any]) -> dict[str, Any]:
    if block.get("type") != "image_url":
        return block
    image = block.get("image_url")
    url = str(image.get("url", "") if isinstance(image, dict) else image)
    data = _DATA_URL.fullmatch(url)
    if data is None:
        return {"type": "image", "source": {"type": "url", "url": url}}
    source = {"type": "base64", "media_type": data["type"], "data": data["data"]}
    return {"type": "image", "source": source}


def _tools(prompt: Prompt, settings: Mapping[str, Any]) -> dict[str, Any]:
    tools = [_tool(tool) for tool in prompt.tools]
    choice = _tool_choice(settings.get("tool_choice"))
    if prompt.output_schema is not None:
        name = schema_name(prompt.output_schema)
        tools.append({"name": name, "input_schema": {"type": "object", **prompt.output_schema}})
        choice = {"type": "tool", "name": name}
    if not tools:
        return {}
    return {"tools": tools} if choice is None else {"tools": tools, "tool_choice": choice}


def _tool(given: Mapping[str, Any]) -> dict[str, Any]:
    tool = as_tool(given)
    if tool is None:
        return dict(given)
    made: dict[str, Any] = {"name": tool.name, "input_schema": dict(tool.parameters)}
    if tool.description is not None:
        made["description"] = tool.description
    return made


def _tool_choice(given: Any) -> dict[str, Any] | None:
    if given is None:
        return None
    if isinstance(given, dict):
        function = given.get("function")
        return {"type": "tool", "name": function.get("name")} if isinstance(function, dict) else given
    kinds = {"any": "any", "auto": "auto", "none": "none", "required": "any"}
    return {"type": kinds[given]} if given in kinds else {"type": "tool", "name": given}
