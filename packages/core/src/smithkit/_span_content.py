"""Inputs and outputs in the attributes and events of a span.

Models speak in messages, which some conventions write as one JSON text and others spread over attributes
or events; all become role and content. See `smithkit._conventions`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["first", "inputs_of", "is_message_event", "nested", "outputs_of", "parsed", "text"]

_INPUTS = (
    "gen_ai.prompt", "traceloop.entity.input", "input.value", "ai.prompt", "ai.prompt.messages",
    "ai.toolCall.args", "ai.value", "gen_ai.tool.call.arguments", "gen_ai.retrieval.query.text",
)  # fmt: skip
_OUTPUTS = (
    "gen_ai.completion", "traceloop.entity.output", "output.value", "ai.response.text", "ai.response.object",
    "ai.toolCall.result", "gen_ai.tool.call.result", "gen_ai.retrieval.documents",
)  # fmt: skip
_INPUT_LISTS = ("gen_ai.prompt.", "llm.input_messages.", "llm.prompts.")
_OUTPUT_LISTS = ("gen_ai.completion.", "llm.output_messages.", "llm.completions.")
_DOCUMENTS = "retrieval.documents."


_MESSAGE_EVENT = re.compile(r"gen_ai\.(system|user|assistant|tool)\.message")
_CHOICE_EVENT = "gen_ai.choice"


def inputs_of(
    given: Mapping[str, Any], events: Iterable[tuple[str, str, Mapping[str, Any]]]
) -> dict[str, Any]:
    """The inputs that a span tells of.

    Args:
        given: Its attributes.
        events: Name, time and attributes of its events.
    """
    whole = parsed(given.get("gen_ai.prompt"))
    if isinstance(whole, dict) and "langsmith.span.kind" in given:  # the very inputs of a run
        return whole
    messages = _messages(given.get("gen_ai.input.messages")) or _listed(given, _INPUT_LISTS)
    messages = messages or [
        {"role": match[1], **_plain(attributes)}
        for name, _, attributes in events
        if (match := _MESSAGE_EVENT.fullmatch(name))
    ]
    if messages:
        return {"messages": [*_instructions(given.get("gen_ai.system_instructions")), *messages]}
    value = first(given, _INPUTS)
    return {} if value is None else _as_object(value, "input")


def outputs_of(
    given: Mapping[str, Any], events: Iterable[tuple[str, str, Mapping[str, Any]]]
) -> dict[str, Any] | None:
    """The outputs that a span tells of; None if it tells of none.

    Args:
        given: Its attributes.
        events: Name, time and attributes of its events.
    """
    whole = parsed(given.get("gen_ai.completion"))
    if isinstance(whole, dict) and "langsmith.span.kind" in given:
        return whole
    messages = _messages(given.get("gen_ai.output.messages")) or _listed(given, _OUTPUT_LISTS)
    messages = messages or [_choice(attributes) for name, _, attributes in events if name == _CHOICE_EVENT]
    if messages:
        return {"messages": messages}
    documents = _listed(given, (_DOCUMENTS,))
    if documents:
        return {"documents": [_document(document) for document in documents]}
    value = first(given, _OUTPUTS)
    return None if value is None else _as_object(value, "output")


def _messages(value: Any) -> list[Any]:
    found = parsed(value)
    return [_message(message) for message in found] if isinstance(found, list) else []


def _message(message: Any) -> Any:
    """A message of OpenTelemetry's form, role and parts, as role and content."""
    if not isinstance(message, dict) or not isinstance(message.get("parts"), list):
        return message
    made = {key: value for key, value in message.items() if key != "parts"}
    texts, calls, others = [], [], []
    for part in message["parts"]:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text":
            texts.append(text(part.get("content")))
        elif kind == "tool_call":
            function = {"name": part.get("name"), "arguments": _as_text(part.get("arguments"))}
            calls.append({"id": part.get("id"), "type": "function", "function": function})
        elif kind == "tool_call_response":
            made["tool_call_id"] = part.get("id")
            texts.append(_as_text(part.get("response", part.get("result"))))
        else:
            others.append(part)
    blocks = [{"type": "text", "text": text} for text in texts] if others else []
    made["content"] = [*blocks, *others] if others else "\n".join(texts)
    if calls:
        made["tool_calls"] = calls
    return made


def _instructions(value: Any) -> list[dict[str, Any]]:
    parts = parsed(value)
    if isinstance(parts, list):
        parts = _message({"parts": parts})["content"]
    return [] if parts is None else [{"role": "system", "content": parts}]


def _listed(given: Mapping[str, Any], prefixes: Sequence[str]) -> list[dict[str, Any]]:
    """Messages that are spread over attributes: ``<prefix>0.role``, ``<prefix>0.content``, …."""
    for prefix in prefixes:
        found: dict[int, dict[str, Any]] = defaultdict(dict)
        for name, value in given.items():
            if name.startswith(prefix):
                place, _, field = name[len(prefix) :].partition(".")
                if place.isdecimal() and place.isascii() and field and len(place) <= 6:  # noqa: PLR2004
                    found[int(place)][field.removeprefix("message.").removeprefix("document.")] = value
        if found:
            return [_with_calls(found[place]) for place in sorted(found)]
    return []


def _with_calls(fields: Mapping[str, Any]) -> dict[str, Any]:
    calls: dict[str, dict[str, Any]] = defaultdict(dict)
    made: dict[str, Any] = {}
    for name, value in fields.items():
        head, _, rest = name.partition(".")
        if head == "tool_calls" and rest:
            place, _, field = rest.partition(".")
            calls[place][field.removeprefix("tool_call.").removeprefix("function.")] = value
        else:
            made[name] = value
    if calls:
        made["tool_calls"] = [
            {
                "id": call.get("id"),
                "type": "function",
                "function": {"name": call.get("name"), "arguments": call.get("arguments")},
            }
            for _, call in sorted(calls.items())
        ]
    return made


def _document(fields: Mapping[str, Any]) -> dict[str, Any]:
    known = {"content", "metadata"}
    return {
        "page_content": fields.get("content", ""),
        "metadata": _as_object(fields.get("metadata", {}), "metadata"),
        **{name: value for name, value in fields.items() if name not in known},
    }


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parsed(value) for name, value in attributes.items() if not name.startswith("gen_ai.")}


def _choice(attributes: Mapping[str, Any]) -> dict[str, Any]:
    made = _plain(attributes)
    message = made.pop("message", None)
    return {"role": "assistant", **made, **(message if isinstance(message, dict) else {"content": message})}


def first(given: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The value of the first attribute that has one.

    Args:
        given: The attributes.
        names: Where to look.
    """
    return next((value for name in names if (value := given.get(name)) is not None and value != ""), None)


def text(value: Any) -> str:
    """A value if it is a text, else the empty one."""
    return value if isinstance(value, str) else ""


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)


def parsed(value: Any) -> Any:
    """What a text holds if it is JSON, else the text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return value


def nested(value: Any) -> Any:
    """A value that could not be an attribute travels as JSON; a text that merely looks like a number stays one."""
    return parsed(value) if isinstance(value, str) and value[:1] in {"{", "["} else value


def _as_object(value: Any, key: str) -> dict[str, Any]:
    found = parsed(value)
    return found if isinstance(found, dict) else {key: found}


def is_message_event(name: str) -> bool:
    """Whether an event is a message, and so part of inputs or outputs.

    Args:
        name: The event's name.
    """
    return name == _CHOICE_EVENT or bool(_MESSAGE_EVENT.fullmatch(name))
