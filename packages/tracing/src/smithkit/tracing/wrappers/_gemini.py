"""`wrap_gemini`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from smithkit.tracing.wrappers import _gemini_messages as messages
from smithkit.tracing.wrappers._methods import Call, TracingExtra, Wrapping, checked_extra
from smithkit.tracing.wrappers._values import chosen

if TYPE_CHECKING:
    from smithkit.tracing.wrappers._values import Json

__all__ = ["wrap_gemini"]

C = TypeVar("C")

_PARAMETERS = """
candidate_count frequency_penalty logprobs media_resolution presence_penalty response_logprobs
response_mime_type response_modalities seed service_tier thinking_config top_k top_p
""".split()


def wrap_gemini(
    client: C, *, tracing_extra: TracingExtra | None = None, chat_name: str = "ChatGoogleGenerativeAI"
) -> C:
    """Trace the calls of a Gemini client: each becomes a run of type ``llm``, with its tokens.

    Traced are `generate_content` and `generate_content_stream` of ``client.models`` and
    ``client.aio.models``, and so are chats (``client.chats``), which call them. Streams stay what the SDK
    gives; their run ends when they are exhausted, closed or thrown away, with what came out.

    Contents are recorded as messages with a role and a content; function calls as ``tool_calls``; images
    and other data that stand in the request or in the answer as data of that message. ``output_tokens``
    include the model's thoughts, which ``output_token_details`` names.

    A call may have a ``langsmith_extra``, as any traced function (see `LangSmithExtra`).

    Args:
        client: A `google.genai.Client`, for the Gemini API or Vertex AI, or its ``aio``.
        tracing_extra: What all runs of the client have: metadata, tags, client, project_name, enabled.
        chat_name: What the runs are called.

    Returns:
        The client itself. One that is wrapped already stays as it is.

    Raises:
        TypeError: It is not such a client.
        ValueError: `tracing_extra` has a key that there is not.

    Example:
        >>> from smithkit.tracing.wrappers import wrap_gemini
        >>> from google import genai
        >>> client = wrap_gemini(genai.Client(api_key="none"))
        >>> isinstance(client, genai.Client)
        True
    """
    wrapping = Wrapping(checked_extra(tracing_extra))
    call = Call(chat_name, _inputs, _metadata, messages.response_outputs, messages.merge_responses)
    parts: list[Any] = [client, getattr(client, "aio", None)]
    found = [part.models for part in parts if hasattr(part, "models")]
    if not any(hasattr(models, "generate_content") for models in found):
        raise TypeError(f"wrap_gemini takes a google.genai.Client, not {type(client).__name__}.")
    for models in found:
        wrapping.method(models, "generate_content", call)
        wrapping.method(models, "generate_content_stream", call)
    return client


def _inputs(arguments: Json) -> Json:
    inputs: Json = {"messages": messages.messages_of(arguments.get("contents"))}
    config = _config(arguments)
    others = {name: value for name, value in arguments.items() if name not in {"contents", "config"}}
    return {**inputs, **others, **({"config": config} if config else {})}


def _metadata(arguments: Json) -> Json:
    config = _config(arguments)
    names = {
        "temperature": "ls_temperature",
        "max_output_tokens": "ls_max_tokens",
        "stop_sequences": "ls_stop",
    }
    return {
        "ls_provider": "google",
        "ls_model_type": "chat",
        **({"ls_model_name": arguments["model"]} if "model" in arguments else {}),
        **{names[name]: value for name, value in chosen(config, names).items()},
        "ls_invocation_params": chosen(config, _PARAMETERS),
    }


def _config(arguments: Json) -> Json:
    """The call's configuration, without how to send the request and without credentials of tools."""
    config = messages.plain(arguments.get("config"))
    config = {name: value for name, value in config.items() if name != "http_options"}
    if isinstance(config.get("tools"), list):
        config["tools"] = [messages.described_tool(tool) for tool in config["tools"]]
    return config
