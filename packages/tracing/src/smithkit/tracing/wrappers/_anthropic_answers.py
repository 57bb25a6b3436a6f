"""Answers of Anthropic's API as outputs of runs; a streamed answer looks like one that was not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from smithkit.tracing.wrappers._usage import anthropic_usage
from smithkit.tracing.wrappers._values import answer_of, as_dict, merge_delta

if TYPE_CHECKING:
    from smithkit.tracing.wrappers._values import Json

__all__ = ["completion_outputs", "merge_completion", "merge_message", "message_outputs"]

_PARTIAL = "partial_json"


def message_outputs(answer: Any) -> Json:
    """Outputs of a `Message`: all its blocks, with thoughts, signatures and citations."""
    outputs = dict(as_dict(answer_of(answer)))
    usage = outputs.pop("usage", None)
    tokens = anthropic_usage(usage)
    if tokens is not None:
        outputs["usage_metadata"] = tokens
    if usage and usage.get("server_tool_use"):
        outputs["server_tool_use"] = usage["server_tool_use"]
    return outputs


def completion_outputs(answer: Any) -> Json:
    """Outputs of a legacy `Completion`."""
    return as_dict(answer_of(answer))


def merge_message(events: list[Any]) -> Json:
    """One message of its events."""
    message: Json = {}
    blocks: dict[int, Json] = {}
    for event in map(as_dict, events):
        kind = event.get("type")
        if kind == "message_start":
            message = dict(event["message"])
        elif kind == "content_block_start":
            blocks[event["index"]] = dict(event["content_block"])
        elif kind == "content_block_delta":
            _grow(blocks.setdefault(event["index"], {}), event["delta"])
        elif kind == "message_delta":
            message |= event["delta"]
            message["usage"] = {**message.get("usage", {}), **event.get("usage", {})}
    message["content"] = [_finished(blocks[index]) for index in sorted(blocks)]
    return message


def merge_completion(chunks: list[Any]) -> Json:
    """One legacy completion of its chunks."""
    dumped = [as_dict(chunk) for chunk in chunks]
    text = "".join(chunk.get("completion", "") for chunk in dumped)
    return {**dumped[-1], "completion": text}


def _grow(block: Json, delta: Json) -> None:
    """Add a piece to a block: text, thought, signature, part of a tool's input, citation."""
    piece = {key: value for key, value in delta.items() if key != "type"}
    citation = piece.pop("citation", None)
    if citation is not None:
        block["citations"] = [*(block.get("citations") or ()), citation]
    merge_delta(block, piece)


def _finished(block: Json) -> Json:
    """A block whose input is no longer text; that of a stream which broke off stays as it is."""
    text = block.pop(_PARTIAL, None)
    if text:
        try:
            block["input"] = json.loads(text)
        except ValueError:
            block["input"] = text
    return block
