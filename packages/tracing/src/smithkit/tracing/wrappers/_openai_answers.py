"""Answers of OpenAI's APIs as outputs of runs; a streamed answer looks like one that was not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.tracing.wrappers._usage import openai_usage
from smithkit.tracing.wrappers._values import answer_of, as_dict, merge_delta

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smithkit.tracing.wrappers._values import Json

__all__ = [
    "chat_outputs",
    "completion_outputs",
    "merge_chat",
    "merge_completion",
    "merge_response",
    "response_outputs",
]


def chat_outputs(answer: Any) -> Json:
    """Outputs of a `ChatCompletion`."""
    return _with_usage(as_dict(answer_of(answer), with_none=True))


def completion_outputs(answer: Any) -> Json:
    """Outputs of a `Completion`."""
    return _with_usage(as_dict(answer_of(answer)))


def response_outputs(answer: Any) -> Json:
    """Outputs of a `Response`."""
    return _with_usage(as_dict(answer_of(answer)))


def merge_chat(chunks: list[Any]) -> Json:
    """One chat completion of its chunks."""
    whole, choices = _merged(chunks)
    for choice in choices:
        message = choice["message"] = choice.pop("delta", {})
        for call in message.get("tool_calls", ()):
            call.pop("index", None)
    return {**whole, "object": "chat.completion"}


def merge_completion(chunks: list[Any]) -> Json:
    """One completion of its chunks."""
    return _merged(chunks)[0]


def merge_response(events: list[Any]) -> Json:
    """One response of its events; of a stream that did not end, what came of its items."""
    dumped = [as_dict(event) for event in events]
    responses = [event["response"] for event in dumped if event.get("response")]
    whole: Json = dict(responses[-1]) if responses else {}
    if whole.get("status") in {None, "in_progress", "queued"}:
        whole["output"] = _items(dumped)
    return whole


def _with_usage(answer: Json) -> Json:
    outputs = {key: value for key, value in answer.items() if key != "usage"}
    usage = openai_usage(answer.get("usage"), answer.get("service_tier"))
    return outputs if usage is None else {**outputs, "usage_metadata": usage}


def _merged(chunks: Iterable[Any]) -> tuple[Json, list[Json]]:
    """Chunks with choices as one object, and its choices; what chunks repeat, the last one says."""
    whole: Json = {}
    choices: dict[int, Json] = {}
    for chunk in map(as_dict, chunks):
        for delta in chunk.get("choices") or ():
            choice = choices.setdefault(delta.get("index", 0), {})
            finish = delta.get("finish_reason") or choice.get("finish_reason")
            merge_delta(choice, {key: value for key, value in delta.items() if key != "finish_reason"})
            choice["finish_reason"] = finish
        whole |= {key: value for key, value in chunk.items() if key != "choices"}
    whole["choices"] = [choices[index] for index in sorted(choices)]
    return whole, whole["choices"]


def _items(events: Iterable[Json]) -> list[Json]:
    """A response's output items, of the events that tell of them."""
    items: dict[int, Json] = {}
    for event in events:
        kind, index = event.get("type", ""), event.get("output_index")
        if index is None:
            continue
        if event.get("item"):
            items[index] = dict(event["item"])
        elif kind.endswith(".delta") and isinstance(event.get("delta"), str):
            _grow(items.setdefault(index, {}), kind, event)
    return [items[index] for index in sorted(items)]


def _grow(item: Json, kind: str, event: Json) -> None:
    """Add a piece of text to the part of an item that the event names."""
    text = event["delta"]
    if "arguments" in kind:
        merge_delta(item, {"arguments": text})
    elif "summary_index" in event:
        part = {"index": event["summary_index"], "type": "summary_text", "text": text}
        merge_delta(item, {"summary": [part]})
    elif "content_index" in event:
        name = "refusal" if "refusal" in kind else "text"
        part = {"index": event["content_index"], "type": f"output_{name}" if name == "text" else name}
        merge_delta(item, {"content": [{**part, name: text}]})
