"""Gemini's contents and responses as messages; a streamed response looks like one that was not."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from smithkit.tracing.wrappers._usage import gemini_usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smithkit.tracing.wrappers._values import Json

__all__ = ["described_tool", "merge_responses", "messages_of", "plain", "response_outputs"]

_ROLES = {"model": "assistant"}


def messages_of(contents: Any) -> list[Json]:
    """What is said to the model, as messages.

    Args:
        contents: Text, a part, a content, or a list of them, in each form that the SDK takes. Parts that
            stand side by side are one message of the user's.

    Example:
        >>> messages_of(["Say hi", {"role": "model", "parts": [{"text": "hi"}]}])
        [{'role': 'user', 'content': 'Say hi'}, {'role': 'assistant', 'content': 'hi'}]
    """
    messages: list[Json] = []
    loose: list[Json] = []
    for item in contents if isinstance(contents, list | tuple) else [contents]:
        content = plain(item)
        if "parts" in content:
            messages += _flush(loose)
            messages += _messages(content)
        elif isinstance(item, list | tuple):
            loose += [_part(part) for part in item]
        else:
            loose.append(_part(item))
    return messages + _flush(loose)


def response_outputs(answer: Any) -> Json:
    """Outputs of a `GenerateContentResponse`: the message of its first candidate, and of all if there are more."""
    response = plain(answer)
    found = [_answer(candidate) for candidate in response.get("candidates") or ()]
    outputs: Json = dict(found[0]) if found else {"role": "assistant", "content": ""}
    if len(found) > 1:
        outputs["candidates"] = found
    for key in ("model_version", "response_id", "prompt_feedback"):
        if response.get(key):
            outputs[key] = response[key]
    usage = gemini_usage(response.get("usage_metadata"))
    return outputs if usage is None else {**outputs, "usage_metadata": usage}


def merge_responses(chunks: list[Any]) -> Json:
    """One response of its chunks."""
    whole: Json = {}
    candidates: dict[int, Json] = {}
    for chunk in map(plain, chunks):
        for piece in chunk.get("candidates") or ():
            candidate = candidates.setdefault(piece.get("index") or 0, {"content": {"parts": []}})
            content = piece.get("content") or {}
            _append(candidate["content"]["parts"], content.get("parts") or ())
            candidate |= {key: value for key, value in piece.items() if key != "content"}
        whole |= {key: value for key, value in chunk.items() if key != "candidates"}
    return {**whole, "candidates": [candidates[index] for index in sorted(candidates)]}


def plain(value: Any) -> Json:
    """One of the SDK's objects, or a dictionary in its place, with the SDK's names; bytes stay bytes."""
    if isinstance(value, dict):
        return {_snake(key): item for key, item in value.items()}
    if not hasattr(type(value), "model_dump"):
        return {}
    dumped: Json = value.model_dump(exclude_none=True, warnings=False)
    return dumped


def described_tool(tool: Any) -> Any:
    """A tool as it is recorded: a function by its name, MCP servers without the headers they are called with."""
    if callable(tool):
        return {"function": getattr(tool, "__name__", type(tool).__name__)}
    if not isinstance(tool, dict):
        return plain(tool) or tool
    return {key: value for key, value in plain(tool).items() if key != "mcp_servers"}


def _flush(loose: list[Json]) -> list[Json]:
    """The message of parts that stand alone, if there are any."""
    parts = [part for part in loose if part]
    loose.clear()
    return _messages({"role": "user", "parts": parts}) if parts else []


def _part(value: Any) -> Json:
    return {"text": value} if isinstance(value, str) else plain(value)


def _messages(content: Mapping[str, Any]) -> list[Json]:
    """A content as a message; each result of a function is a message of its own."""
    parts = [plain(part) if not isinstance(part, str) else {"text": part} for part in content["parts"] or ()]
    results = [plain(part["function_response"]) for part in parts if part.get("function_response")]
    rest = [part for part in parts if not part.get("function_response")]
    role = content.get("role") or "user"
    messages = [_message(_ROLES.get(role, role), rest)] if rest else []
    return messages + [
        {
            "role": "tool",
            "name": result.get("name"),
            **({"tool_call_id": result["id"]} if result.get("id") else {}),
            "content": result.get("response"),
        }
        for result in results
    ]


def _answer(candidate: Any) -> Json:
    candidate = plain(candidate)
    content = plain(candidate.get("content"))
    message = _message("assistant", [plain(part) for part in content.get("parts") or ()])
    reason = candidate.get("finish_reason")
    if reason is not None:
        message["finish_reason"] = getattr(reason, "value", reason)
    for key in ("citation_metadata", "grounding_metadata", "safety_ratings"):
        if candidate.get(key):
            message[key] = candidate[key]
    return message


def _message(role: str, parts: list[Json]) -> Json:
    calls = [plain(part["function_call"]) for part in parts if part.get("function_call")]
    blocks = [_block(part) for part in parts if not part.get("function_call")]
    only_text = all(block.keys() == {"type", "text"} for block in blocks)
    content: Any = "".join(block["text"] for block in blocks) if only_text else blocks
    message: Json = {"role": role, "content": content}
    if calls:
        message["tool_calls"] = [_tool_call(index, call) for index, call in enumerate(calls)]
    return message


def _tool_call(index: int, call: Json) -> Json:
    arguments = json.dumps(call.get("args") or {}, default=str)
    function = {"name": call.get("name"), "arguments": arguments}
    return {"id": call.get("id") or f"call_{index}", "type": "function", "function": function}


def _block(part: Json) -> Json:
    """A part of a content as a block of a message."""
    if "text" in part:
        kind = "thinking" if part.get("thought") else "text"
        return {"type": kind, kind: part["text"], **_signature(part)}
    if part.get("inline_data"):
        return _inline(plain(part["inline_data"]))
    if part.get("file_data"):
        return {"type": "media", **plain(part["file_data"])}
    if "uri" in part and "mime_type" in part:  # an uploaded file
        return {"type": "media", "file_uri": part["uri"], "mime_type": part["mime_type"]}
    known = [key for key in part if key not in {"thought", "thought_signature"}]
    return {"type": known[0] if known else "unknown", **part}


def _signature(part: Json) -> Json:
    signature = part.get("thought_signature")
    return {"signature": _base64(signature)} if signature else {}


def _inline(blob: Json) -> Json:
    kind, data = blob.get("mime_type") or "application/octet-stream", _base64(blob.get("data"))
    if kind.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}}
    return {"type": "media", "mime_type": kind, "data": data}


def _base64(data: Any) -> str:
    return base64.b64encode(data).decode() if isinstance(data, bytes | bytearray) else str(data or "")


def _append(parts: list[Json], pieces: Iterable[Any]) -> None:
    """Add pieces of a stream to parts: text goes on where the same kind of text ended."""
    for piece in map(plain, pieces):
        last = parts[-1] if parts else {}
        if "text" in last and "text" in piece and last.get("thought") == piece.get("thought"):
            parts[-1] = {**last, **piece, "text": last["text"] + piece["text"]}
        else:
            parts.append(piece)


def _snake(name: Any) -> str:
    """The SDK takes dictionaries with the names of the API (`inlineData`) too."""
    text = str(name)
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in text)
