"""What the attributes of a span say about a run.

LangSmith's own names come first, then OpenTelemetry's for generative AI (those of today and those that
they replaced), then OpenInference's, Traceloop's and the Vercel AI SDK's. The tables say which attribute
is which field; of several the first that is there counts. Values come from the network: nothing here
raises for what they hold.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["PARENT_STATE", "is_generative", "run_fields", "run_id_of"]

PARENT_STATE = "smithkit"
"""Key of ``tracestate`` under which a run hands its id to the spans below it."""

_NAMES = ("langsmith.trace.name",)
_PROJECTS = ("langsmith.trace.session_name",)
_PROVIDERS = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider")
_MODELS = (
    "gen_ai.request.model", "llm.model_name", "embedding.model_name", "ai.model.id", "llm.request.model",
    "gen_ai.response.model",
)  # fmt: skip
_THREADS = ("gen_ai.conversation.id", "session.id", "traceloop.association.properties.session_id")

_KINDS = {
    "langsmith.span.kind": {
        kind: kind for kind in ("tool", "chain", "llm", "retriever", "embedding", "prompt", "parser")
    },
    "gen_ai.operation.name": {
        "chat": "llm", "completion": "llm", "text_completion": "llm", "generate_content": "llm",
        "embeddings": "embedding", "embedding": "embedding", "execute_tool": "tool",
        "retrieval": "retriever", "invoke_agent": "chain", "create_agent": "chain", "chain": "chain",
    },
    "openinference.span.kind": {
        "llm": "llm", "chain": "chain", "agent": "chain", "tool": "tool", "retriever": "retriever",
        "reranker": "retriever", "embedding": "embedding", "prompt": "prompt", "guardrail": "chain",
        "evaluator": "chain",
    },
    "traceloop.span.kind": {"workflow": "chain", "task": "chain", "agent": "chain", "tool": "tool"},
    "llm.request.type": {"chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "retriever"},
    "ai.operationId": {
        "ai.generatetext.dogenerate": "llm", "ai.streamtext.dostream": "llm", "ai.toolcall": "tool",
        "ai.generateobject.dogenerate": "llm", "ai.streamobject.dostream": "llm",
        "ai.embed.doembed": "embedding", "ai.embedmany.doembed": "embedding",
    },
}  # fmt: skip
"""Attribute → its values, in lower case → type of the run."""

_USAGE = {
    ("input_tokens",): (
        "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt",
        "llm.usage.prompt_tokens", "ai.usage.promptTokens", "ai.usage.inputTokens",
    ),
    ("output_tokens",): (
        "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion",
        "llm.usage.completion_tokens", "ai.usage.completionTokens", "ai.usage.outputTokens",
    ),
    ("total_tokens",): ("gen_ai.usage.total_tokens", "llm.token_count.total", "llm.usage.total_tokens"),
    ("input_token_details", "cache_read"): (
        "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
    ),
    ("input_token_details", "cache_creation"): (
        "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    ("output_token_details", "reasoning"): (
        "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
}  # fmt: skip
"""Place in `usage_metadata` → attributes."""

_PARAMETERS = "gen_ai.request."
_PARAMETER_NAMES = {"stop_sequences": "stop", "choice.count": "n"}

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

# Events whose attributes are those of the span.
_DETAILS = frozenset(
    {"gen_ai.content.prompt", "gen_ai.content.completion", "gen_ai.client.inference.operation.details"}
)
_MESSAGE_EVENT = re.compile(r"gen_ai\.(system|user|assistant|tool)\.message")
_CHOICE_EVENT = "gen_ai.choice"
_EXCEPTION = "exception"

_GENERATIVE_PREFIXES = (
    "gen_ai.", "langsmith.", "openinference.", "traceloop.", "llm.", "ai.", "input.value", "output.value",
)  # fmt: skip
_MAPPED_PREFIXES = (
    "gen_ai.",
    "langsmith.",
    "llm.",
    "ai.",
    "input.",
    "output.",
    _DOCUMENTS,
    "traceloop.entity.",
)
_METADATA = "langsmith.metadata."
_IDS = {
    "langsmith.span.id": "id",
    "langsmith.trace.id": "trace_id",
    "langsmith.span.parent_id": "parent_run_id",
}


def run_id_of(trace: int, span: int) -> UUID:
    """The id of the run that a span of somebody else is; the span's id are the last 64 bits of it.

    Args:
        trace: The span's trace id.
        span: Its id.

    Example:
        >>> run_id_of(1, 2) == run_id_of(1, 2), run_id_of(1, 2).int & 0xFF
        (True, 2)
    """
    digest = bytearray(hashlib.blake2b(trace.to_bytes(16, "big"), digest_size=8).digest())
    digest[6] = digest[6] & 0x0F | 0x80
    return UUID(bytes=bytes(digest) + span.to_bytes(8, "big"))


def is_generative(attributes: Mapping[str, Any]) -> bool:
    """Whether a span's attributes speak of language models.

    Args:
        attributes: The span's.

    Example:
        >>> is_generative({"gen_ai.system": "openai"}), is_generative({"http.method": "GET"})
        (True, False)
    """
    return any(name.startswith(_GENERATIVE_PREFIXES) for name in attributes)


def run_fields(
    name: str,
    attributes: Mapping[str, Any],
    events: Sequence[tuple[str, str, Mapping[str, Any]]] = (),
    *,
    failed: bool = False,
    message: str = "",
) -> dict[str, Any]:
    """What a span says of its run, its times aside.

    Args:
        name: The span's name.
        attributes: Its attributes, JSON-ready.
        events: Name, time as ISO 8601 text and attributes of each of its events.
        failed: Whether its status is an error.
        message: The status's description.

    Returns:
        Fields of a run: always `name`, `run_type`, `inputs`, `extra`; further ones that are known. `id`,
        `trace_id`, `parent_run_id` and `dotted_order` only of a span that is the export of a run.

    Example:
        >>> run_fields("chat gpt", {"gen_ai.operation.name": "chat", "gen_ai.prompt": '{"q": 1}'})["inputs"]
        {'q': 1}
    """
    given = _with_details(attributes, events)
    run: dict[str, Any] = {
        "name": _text(_first(given, _NAMES)) or name or "span",
        "run_type": _run_type(given),
        "inputs": _inputs(given, events),
    }
    outputs = _outputs(given, events)
    if outputs is not None:
        run["outputs"] = outputs
    if failed:
        run["error"] = _error(given, events, message)
    tags = _tags(given.get("langsmith.span.tags"))
    if tags:
        run["tags"] = tags
    project = _text(_first(given, _PROJECTS))
    if project:
        run["session_name"] = project
    example = _text(given.get("langsmith.reference_example_id"))
    if example:
        run["reference_example_id"] = example
    kept = [_event(event) for event in events if not _consumed(event[0])]
    if kept:
        run["events"] = kept
    run["extra"] = _extra(given)
    return run | _identity(given)


def _identity(given: Mapping[str, Any]) -> dict[str, Any]:
    """The place of a run that was exported as a span; nothing unless all of it is sound."""
    dotted_order = given.get("langsmith.span.dotted_order")
    found: dict[str, Any] = {}
    try:
        found = {field: str(UUID(given[name])) for name, field in _IDS.items() if given.get(name)}
    except (ValueError, TypeError, AttributeError):
        return {}
    if "id" not in found or "trace_id" not in found or not isinstance(dotted_order, str):
        return {}
    segments = dotted_order.split(".")
    sound = segments[-1].endswith(found["id"]) and segments[0].endswith(found["trace_id"])
    return {**found, "dotted_order": dotted_order} if sound else {}


def _run_type(given: Mapping[str, Any]) -> str:
    for name, kinds in _KINDS.items():
        found = kinds.get(_text(given.get(name)).lower())
        if found is not None:
            return found
    usage = any(name in given for names in _USAGE.values() for name in names)
    return "llm" if usage and _first(given, _MODELS) is not None else "chain"


# ---------------------------------------------------------------------- inputs and outputs


def _inputs(given: Mapping[str, Any], events: Iterable[tuple[str, str, Mapping[str, Any]]]) -> dict[str, Any]:
    whole = _json(given.get("gen_ai.prompt"))
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
    value = _first(given, _INPUTS)
    return {} if value is None else _as_object(value, "input")


def _outputs(
    given: Mapping[str, Any], events: Iterable[tuple[str, str, Mapping[str, Any]]]
) -> dict[str, Any] | None:
    whole = _json(given.get("gen_ai.completion"))
    if isinstance(whole, dict) and "langsmith.span.kind" in given:
        return whole
    messages = _messages(given.get("gen_ai.output.messages")) or _listed(given, _OUTPUT_LISTS)
    messages = messages or [_choice(attributes) for name, _, attributes in events if name == _CHOICE_EVENT]
    if messages:
        return {"messages": messages}
    documents = _listed(given, (_DOCUMENTS,))
    if documents:
        return {"documents": [_document(document) for document in documents]}
    value = _first(given, _OUTPUTS)
    return None if value is None else _as_object(value, "output")


def _messages(value: Any) -> list[Any]:
    found = _json(value)
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
            texts.append(_text(part.get("content")))
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
    parts = _json(value)
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
    return {name: _json(value) for name, value in attributes.items() if not name.startswith("gen_ai.")}


def _choice(attributes: Mapping[str, Any]) -> dict[str, Any]:
    made = _plain(attributes)
    message = made.pop("message", None)
    return {"role": "assistant", **made, **(message if isinstance(message, dict) else {"content": message})}


# ---------------------------------------------------------------------- everything else


def _extra(given: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in given.items() if not name.startswith(_MAPPED_PREFIXES)}
    for name, value in given.items():
        if name.startswith(_METADATA):
            metadata[name.removeprefix(_METADATA)] = _nested(value)
    derived = {
        "ls_provider": _first(given, _PROVIDERS),
        "ls_model_name": _first(given, _MODELS),
        "thread_id": _first(given, _THREADS),
        "usage_metadata": _usage(given),
    }
    for name, value in derived.items():
        if value:
            metadata.setdefault(name, value)
    extra: dict[str, Any] = {"metadata": metadata}
    parameters = {
        _PARAMETER_NAMES.get(name, name): value
        for attribute, value in given.items()
        if attribute.startswith(_PARAMETERS) and (name := attribute.removeprefix(_PARAMETERS))
    }
    if parameters and "langsmith.span.id" not in given:  # a run has said what it wants to say
        extra["invocation_params"] = parameters
    return extra


def _usage(given: Mapping[str, Any]) -> dict[str, Any]:
    usage: dict[str, Any] = {}
    for place, names in _USAGE.items():
        value = _first(given, names)
        if isinstance(value, int | float) and not isinstance(value, bool):
            holder = usage.setdefault(place[0], {}) if len(place) > 1 else usage
            holder[place[-1]] = value
    if "total_tokens" not in usage and {"input_tokens", "output_tokens"} <= usage.keys():
        usage["total_tokens"] = usage["input_tokens"] + usage["output_tokens"]
    return usage


def _error(
    given: Mapping[str, Any], events: Iterable[tuple[str, str, Mapping[str, Any]]], message: str
) -> str:
    exception = next((attributes for name, _, attributes in events if name == _EXCEPTION), {})
    told = _text(exception.get("exception.message"))
    if "langsmith.span.kind" in given and (message or told):  # the very error of a run
        return message or told
    if exception:
        stack = _text(exception.get("exception.stacktrace"))
        head = f"{_text(exception.get('exception.type'))}: {told}"
        return f"{head.strip(': ')}\n\n{stack}".strip()
    return message or _text(given.get("error.type")) or "error"


def _event(event: tuple[str, str, Mapping[str, Any]]) -> dict[str, Any]:
    name, time, attributes = event
    made: dict[str, Any] = {"name": name, "time": time}
    if attributes:
        made["kwargs"] = {key: _json(value) for key, value in attributes.items()}
    return made


def _consumed(name: str) -> bool:
    return name in _DETAILS or name in {_CHOICE_EVENT, _EXCEPTION} or bool(_MESSAGE_EVENT.fullmatch(name))


def _tags(value: Any) -> list[str]:
    if isinstance(value, list):
        return [_text(tag) for tag in value]
    return [tag.strip() for tag in _text(value).split(",") if tag.strip()]


# ---------------------------------------------------------------------- values


def _with_details(
    attributes: Mapping[str, Any], events: Iterable[tuple[str, str, Mapping[str, Any]]]
) -> dict[str, Any]:
    details: dict[str, Any] = {}
    for name, _, given in events:
        if name in _DETAILS:
            details |= given
    return details | dict(attributes)


def _first(given: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((value for name in names if (value := given.get(name)) is not None and value != ""), None)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)


def _json(value: Any) -> Any:
    """What a text holds if it is JSON, else the text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return value


def _nested(value: Any) -> Any:
    """A value that could not be an attribute travels as JSON; a text that merely looks like a number stays one."""
    return _json(value) if isinstance(value, str) and value[:1] in {"{", "["} else value


def _as_object(value: Any, key: str) -> dict[str, Any]:
    found = _json(value)
    return found if isinstance(found, dict) else {key: found}
