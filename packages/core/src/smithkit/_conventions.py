"""What the attributes of a span say about a run.

LangSmith's own names come first, then OpenTelemetry's for generative AI (those of today and those that
they replaced), then OpenInference's, Traceloop's and the Vercel AI SDK's. The tables say which attribute
is which field; of several the first that is there counts. Values come from the network: nothing here
raises for what they hold.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from uuid import UUID

from smithkit._span_content import first, inputs_of, is_message_event, nested, outputs_of, parsed, text

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

# Events whose attributes are those of the span.
_DETAILS = frozenset(
    {"gen_ai.content.prompt", "gen_ai.content.completion", "gen_ai.client.inference.operation.details"}
)
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
    "retrieval.documents.",
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
        "name": text(first(given, _NAMES)) or name or "span",
        "run_type": _run_type(given),
        "inputs": inputs_of(given, events),
    }
    outputs = outputs_of(given, events)
    if outputs is not None:
        run["outputs"] = outputs
    if failed:
        run["error"] = _error(given, events, message)
    tags = _tags(given.get("langsmith.span.tags"))
    if tags:
        run["tags"] = tags
    project = text(first(given, _PROJECTS))
    if project:
        run["session_name"] = project
    example = text(given.get("langsmith.reference_example_id"))
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
        found = kinds.get(text(given.get(name)).lower())
        if found is not None:
            return found
    usage = any(name in given for names in _USAGE.values() for name in names)
    return "llm" if usage and first(given, _MODELS) is not None else "chain"


def _extra(given: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in given.items() if not name.startswith(_MAPPED_PREFIXES)}
    for name, value in given.items():
        if name.startswith(_METADATA):
            metadata[name.removeprefix(_METADATA)] = nested(value)
    derived = {
        "ls_provider": first(given, _PROVIDERS),
        "ls_model_name": first(given, _MODELS),
        "thread_id": first(given, _THREADS),
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
        value = first(given, names)
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
    told = text(exception.get("exception.message"))
    if "langsmith.span.kind" in given and (message or told):  # the very error of a run
        return message or told
    if exception:
        stack = text(exception.get("exception.stacktrace"))
        head = f"{text(exception.get('exception.type'))}: {told}"
        return f"{head.strip(': ')}\n\n{stack}".strip()
    return message or text(given.get("error.type")) or "error"


def _event(event: tuple[str, str, Mapping[str, Any]]) -> dict[str, Any]:
    name, time, attributes = event
    made: dict[str, Any] = {"name": name, "time": time}
    if attributes:
        made["kwargs"] = {key: parsed(value) for key, value in attributes.items()}
    return made


def _consumed(name: str) -> bool:
    return name in _DETAILS or name == _EXCEPTION or is_message_event(name)


def _tags(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text(tag) for tag in value]
    return [tag.strip() for tag in text(value).split(",") if tag.strip()]


def _with_details(
    attributes: Mapping[str, Any], events: Iterable[tuple[str, str, Mapping[str, Any]]]
) -> dict[str, Any]:
    details: dict[str, Any] = {}
    for name, _, given in events:
        if name in _DETAILS:
            details |= given
    return details | dict(attributes)
