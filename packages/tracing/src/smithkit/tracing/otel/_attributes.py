"""A run as the attributes of a span: LangSmith's own, and those of OpenTelemetry's conventions for generative AI.

The tables say which field becomes which attribute; `smithkit._conventions` reads them back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.tracing._serialize import dumps
from smithkit.tracing.otel._messages import finish_reasons, input_messages, output_messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["attributes_of"]

_OPERATIONS = {
    "llm": "chat", "prompt": "chat", "tool": "execute_tool", "retriever": "embeddings",
    "embedding": "embeddings",
}  # fmt: skip
"""Type of run → ``gen_ai.operation.name``; of others it is the type."""

_FIELDS = {
    "id": "langsmith.span.id",
    "trace_id": "langsmith.trace.id",
    "parent_run_id": "langsmith.span.parent_id",
    "dotted_order": "langsmith.span.dotted_order",
    "run_type": "langsmith.span.kind",
    "name": "langsmith.trace.name",
    "session_name": "langsmith.trace.session_name",
    "session_id": "langsmith.trace.session_id",
    "reference_example_id": "langsmith.reference_example_id",
}
"""Field of a run → attribute."""

_METADATA = {
    "ls_provider": ("gen_ai.provider.name", "gen_ai.system"),
    "ls_model_name": ("gen_ai.request.model",),
    "ls_temperature": ("gen_ai.request.temperature",),
    "ls_max_tokens": ("gen_ai.request.max_tokens",),
    "ls_stop": ("gen_ai.request.stop_sequences",),
    "thread_id": ("gen_ai.conversation.id",),
    "session_id": ("gen_ai.conversation.id",),
    "conversation_id": ("gen_ai.conversation.id",),
}
"""Key of the metadata → attributes; the first that is there counts."""

_PARAMETERS = {
    "model": "gen_ai.request.model",
    "model_name": "gen_ai.request.model",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "stop": "gen_ai.request.stop_sequences",
    "n": "gen_ai.request.choice.count",
    "stream": "gen_ai.request.stream",
}
"""Parameter of the call (`extra.invocation_params`) → attribute."""

_USAGE = {
    ("input_tokens",): "gen_ai.usage.input_tokens",
    ("output_tokens",): "gen_ai.usage.output_tokens",
    ("total_tokens",): "gen_ai.usage.total_tokens",
    ("input_token_details", "cache_read"): "gen_ai.usage.cache_read.input_tokens",
    ("input_token_details", "cache_creation"): "gen_ai.usage.cache_creation.input_tokens",
    ("output_token_details", "reasoning"): "gen_ai.usage.reasoning.output_tokens",
}
"""Place in `usage_metadata` → attribute."""

_RESPONSE = {
    ("model",): "gen_ai.response.model",
    ("model_name",): "gen_ai.response.model",
    ("llm_output", "model_name"): "gen_ai.response.model",
    ("response_metadata", "model_name"): "gen_ai.response.model",
    ("id",): "gen_ai.response.id",
}
"""Place in the outputs of a model → attribute."""

_PROVIDERS = {
    "gpt": "openai", "o1": "openai", "o3": "openai", "o4": "openai", "claude": "anthropic",
    "gemini": "gcp.gemini", "mistral": "mistral_ai", "command": "cohere", "deepseek": "deepseek",
    "grok": "x_ai",
}  # fmt: skip
"""How the names of models begin → their provider, where nobody says who it is."""

_MODELS = ("llm", "embedding")


def attributes_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a run's span.

    Args:
        run: The run, JSON-ready, after all rules of what may leave.

    Returns:
        Texts, numbers, booleans and lists of texts; everything else as JSON.

    Example:
        >>> attributes_of({"id": "1", "name": "search", "run_type": "tool", "inputs": {"q": 1}})["gen_ai.tool.name"]
        'search'
    """
    extra = _mapping(run.get("extra"))
    metadata, parameters = _mapping(extra.get("metadata")), _mapping(extra.get("invocation_params"))
    kind = run.get("run_type") or "chain"
    made: dict[str, Any] = {attribute: run[name] for name, attribute in _FIELDS.items() if run.get(name)}
    made["gen_ai.operation.name"] = _OPERATIONS.get(kind, kind)
    for name, value in metadata.items():
        made[f"langsmith.metadata.{name}"] = _plain(value)
    if run.get("tags"):
        made["langsmith.span.tags"] = ", ".join(map(str, run["tags"]))
    for name, value in _mapping(run.get("serialized")).items():
        made[f"gen_ai.serialized.{name}"] = _plain(value)
    if run.get("inputs") is not None:
        made["gen_ai.prompt"] = _json(run["inputs"])
    if run.get("outputs") is not None:
        made["gen_ai.completion"] = _json(run["outputs"])
    _add(made, _of_metadata(metadata))
    _add(made, ((_PARAMETERS[name], value) for name, value in parameters.items() if name in _PARAMETERS))
    if kind in _MODELS or kind == "prompt":
        _add(made, _of_model(run, metadata, parameters, made))
    elif kind == "tool":
        _add(made, _of_tool(run))
    return made


def _of_metadata(metadata: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return (
        (attribute, metadata[name])
        for name, attributes in _METADATA.items()
        if name in metadata
        for attribute in attributes
    )


def _of_model(
    run: Mapping[str, Any],
    metadata: Mapping[str, Any],
    parameters: Mapping[str, Any],
    made: Mapping[str, Any],
) -> Iterable[tuple[str, Any]]:
    outputs = _mapping(run.get("outputs"))
    usage = _mapping(outputs.get("usage_metadata")) or _mapping(metadata.get("usage_metadata"))
    yield from ((attribute, _at(usage, place)) for place, attribute in _USAGE.items())
    yield from ((attribute, _at(outputs, place)) for place, attribute in _RESPONSE.items())
    provider = _provider(made.get("gen_ai.request.model"))
    yield from (("gen_ai.provider.name", provider), ("gen_ai.system", provider))
    system, messages = input_messages(run.get("inputs"))
    for attribute, value in (
        ("gen_ai.system_instructions", system),
        ("gen_ai.input.messages", messages),
        ("gen_ai.output.messages", output_messages(outputs)),
        ("gen_ai.tool.definitions", parameters.get("tools")),
    ):
        if value:
            yield attribute, _json(value)
    yield "gen_ai.response.finish_reasons", finish_reasons(outputs)


def _of_tool(run: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    yield "gen_ai.tool.name", run.get("name")
    yield "gen_ai.tool.type", "function"
    for attribute, field in (
        ("gen_ai.tool.call.arguments", "inputs"),
        ("gen_ai.tool.call.result", "outputs"),
    ):
        if run.get(field) is not None:
            yield attribute, _json(run[field])


def _provider(model: Any) -> str | None:
    name = str(model or "").rpartition("/")[2].lower()
    return next((provider for start, provider in _PROVIDERS.items() if name.startswith(start)), None)


def _add(made: dict[str, Any], pairs: Iterable[tuple[str, Any]]) -> None:
    """Add attributes that have a value, each as long as it has none yet."""
    for name, value in pairs:
        if value is not None and value != []:
            made.setdefault(name, _plain(value))


def _at(value: Any, place: tuple[str, ...]) -> Any:
    for name in place:
        value = _mapping(value).get(name)
    return value


def _plain(value: Any) -> Any:
    """A value as an attribute may have it."""
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return value
    return _json(value)


def _json(value: Any) -> str:
    return dumps(value).decode("utf-8", "replace")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
