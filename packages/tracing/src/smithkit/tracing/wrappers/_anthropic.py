"""`wrap_anthropic`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from smithkit.tracing.wrappers import _anthropic_answers as answers
from smithkit.tracing.wrappers._clients import is_wrapped, prepare_resources
from smithkit.tracing.wrappers._methods import Call, TracingExtra, Wrapping, checked_extra
from smithkit.tracing.wrappers._values import chosen, given, without_mcp_secrets

if TYPE_CHECKING:
    from smithkit.tracing.wrappers._values import Json

__all__ = ["wrap_anthropic"]

C = TypeVar("C")

_PARAMETERS = """
betas container effort inference_geo output_config service_tier speed thinking tool_choice top_k top_p
""".split()


def wrap_anthropic(client: C, *, tracing_extra: TracingExtra | None = None) -> C:
    """Trace the calls of an Anthropic client: each becomes a run of type ``llm``, with its tokens.

    Traced are ``messages`` and ``beta.messages`` (`create`, `parse`, `stream`) and the legacy
    ``completions.create``, also on copies (``client.with_options(…)``). Streams stay what the SDK gives;
    their run ends when they are exhausted, closed or thrown away, or with their ``with`` block, with what
    came out. What `with_raw_response` returns is traced where it can be read at once. Batches are not traced.

    ``input_tokens`` of a run are all that went in: what Anthropic counts as read from or written to the
    cache is part of it, and named in ``input_token_details``.

    A call may have a ``langsmith_extra``, as any traced function (see `LangSmithExtra`).

    Args:
        client: An `anthropic.Anthropic` or `AsyncAnthropic`, or one for Bedrock, Vertex or Foundry.
        tracing_extra: What all runs of the client have: metadata, tags, client, project_name, enabled.

    Returns:
        The client itself. One that is wrapped already stays as it is.

    Raises:
        TypeError: It is not such a client.
        ValueError: `tracing_extra` has a key that there is not.

    Example:
        >>> from smithkit.tracing.wrappers import wrap_anthropic
        >>> import anthropic
        >>> client = wrap_anthropic(anthropic.Anthropic(api_key="none"))
        >>> isinstance(client, anthropic.Anthropic)
        True
    """
    extra = checked_extra(tracing_extra)
    if not (hasattr(type(client), "messages") or hasattr(client, "messages")):
        raise TypeError(
            f"wrap_anthropic takes an Anthropic or AsyncAnthropic client, not {type(client).__name__}."
        )
    if not is_wrapped(client):
        _trace(client, Wrapping(extra))
    return client


def _trace(client: Any, wrapping: Wrapping) -> None:
    message = Call("ChatAnthropic", _inputs, _chat_metadata, answers.message_outputs, answers.merge_message)
    completion = Call(
        "Anthropic", _inputs, _completion_metadata, answers.completion_outputs, answers.merge_completion
    )

    def prepare_messages(messages: Any) -> None:
        wrapping.method(messages, "create", message)
        wrapping.method(messages, "parse", message)
        wrapping.stream_helper(messages, "stream", message)

    resources = {
        "messages": prepare_messages,
        "beta": lambda beta: prepare_messages(getattr(beta, "messages", None)),
        "completions": lambda completions: wrapping.method(completions, "create", completion),
    }
    prepare_resources(client, resources)


def _inputs(arguments: Json) -> Json:
    """The arguments; the system prompt as the first message, where every reader of runs looks for it."""
    inputs = given(arguments)
    for name in ("tools", "mcp_servers"):
        if name in inputs:
            inputs[name] = without_mcp_secrets(inputs[name])
    system, messages = inputs.get("system"), inputs.get("messages")
    if system and isinstance(messages, list | tuple):
        inputs["messages"] = [{"role": "system", "content": system}, *messages]
        del inputs["system"]
    return inputs


def _chat_metadata(arguments: Json) -> Json:
    return _metadata(arguments, "chat", "max_tokens")


def _completion_metadata(arguments: Json) -> Json:
    return _metadata(arguments, "llm", "max_tokens_to_sample")


def _metadata(arguments: Json, model_type: str, max_tokens: str) -> Json:
    arguments = given(arguments)
    names = {
        "model": "ls_model_name",
        "temperature": "ls_temperature",
        max_tokens: "ls_max_tokens",
        "stop_sequences": "ls_stop",
    }
    return {
        "ls_provider": "anthropic",
        "ls_model_type": model_type,
        **{names[name]: value for name, value in chosen(arguments, names).items()},
        "ls_invocation_params": chosen(arguments, _PARAMETERS),
    }
