"""`wrap_openai`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from smithkit.tracing.wrappers import _openai_answers as answers
from smithkit.tracing.wrappers._clients import is_wrapped, prepare_resources
from smithkit.tracing.wrappers._methods import Call, TracingExtra, Wrapping, checked_extra
from smithkit.tracing.wrappers._values import chosen, given, without_mcp_secrets

if TYPE_CHECKING:
    from smithkit.tracing.wrappers._values import Json

__all__ = ["wrap_openai"]

C = TypeVar("C")

_CHAT_NAME = "ChatOpenAI"
_COMPLETIONS_NAME = "OpenAI"
_MAX_TOKENS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
# Nothing of what is said to the model stands here: metadata is not hidden where inputs are.
_PARAMETERS = """
background frequency_penalty include logit_bias logprobs max_tool_calls modalities n parallel_tool_calls
presence_penalty prompt_cache_key prompt_cache_retention reasoning reasoning_effort response_format seed
service_tier store stream_options text top_logprobs top_p truncation user verbosity
""".split()


def wrap_openai(
    client: C,
    *,
    tracing_extra: TracingExtra | None = None,
    chat_name: str = _CHAT_NAME,
    completions_name: str = _COMPLETIONS_NAME,
) -> C:
    """Trace the calls of an OpenAI client: each becomes a run of type ``llm``, with its tokens.

    Traced are ``chat.completions`` (`create`, `parse`, `stream`), ``completions.create`` and ``responses``
    (`create`, `parse`, `stream`), also below ``beta`` and on copies (``client.with_options(…)``). Streams
    stay streams; their run ends when they are exhausted, closed or thrown away, with what came out. What
    `with_raw_response` returns is traced unless it is streamed; `with_streaming_response` is not.
    A streamed chat completion has tokens if the call asks for them:
    ``stream_options={"include_usage": True}``.

    A call may have a ``langsmith_extra``, as any traced function (see `LangSmithExtra`).

    Args:
        client: An `openai.OpenAI`, `AsyncOpenAI`, `AzureOpenAI` or `AsyncAzureOpenAI`, or a client of
            another provider with the same methods.
        tracing_extra: What all runs of the client have: metadata, tags, client, project_name, enabled.
        chat_name: What runs of chat completions and responses are called; for Azure ``AzureChatOpenAI``.
        completions_name: What runs of completions are called; for Azure ``AzureOpenAI``.

    Returns:
        The client itself. One that is wrapped already stays as it is.

    Raises:
        TypeError: It is not such a client.
        ValueError: `tracing_extra` has a key that there is not.

    Example:
        >>> from smithkit.tracing.wrappers import wrap_openai
        >>> import openai
        >>> client = wrap_openai(openai.OpenAI(api_key="sk-none"), tracing_extra={"tags": ["demo"]})
        >>> isinstance(client, openai.OpenAI)
        True
    """
    extra = checked_extra(tracing_extra)
    if not (hasattr(type(client), "chat") or hasattr(client, "chat")):
        raise TypeError(f"wrap_openai takes an OpenAI or AsyncOpenAI client, not {type(client).__name__}.")
    if is_wrapped(client):
        return client
    provider = "openai"
    if any(kind.__name__ in {"AzureOpenAI", "AsyncAzureOpenAI"} for kind in type(client).__mro__):
        provider = "azure"
        chat_name = f"Azure{chat_name}" if chat_name == _CHAT_NAME else chat_name
        completions_name = (
            f"Azure{completions_name}" if completions_name == _COMPLETIONS_NAME else completions_name
        )
    _Tracing(Wrapping(extra), provider, chat_name, completions_name).start(client)
    return client


class _Tracing:
    """What is traced of a client, and how."""

    def __init__(self, wrapping: Wrapping, provider: str, chat_name: str, completions_name: str) -> None:
        self._wrapping = wrapping
        self._chat = Call(
            chat_name,
            _inputs,
            lambda arguments: _metadata(arguments, provider, "chat"),
            answers.chat_outputs,
            answers.merge_chat,
        )
        self._completion = Call(
            completions_name,
            _inputs,
            lambda arguments: _metadata(arguments, provider, "llm"),
            answers.completion_outputs,
            answers.merge_completion,
        )
        self._response = Call(
            chat_name,
            _inputs,
            lambda arguments: _metadata(arguments, provider, "chat", use_responses_api=True),
            answers.response_outputs,
            answers.merge_response,
        )

    def start(self, client: Any) -> None:
        resources = {
            "chat": self._chats,
            "completions": self._completions,
            "responses": self._responses,
            "beta": self._beta,
        }
        prepare_resources(client, resources)

    def _chats(self, chat: Any) -> None:
        completions = getattr(chat, "completions", None)
        self._wrapping.method(completions, "create", self._chat)
        self._wrapping.method(completions, "parse", self._chat)
        self._wrapping.stream_helper(completions, "stream")  # calls `create`

    def _completions(self, completions: Any) -> None:
        self._wrapping.method(completions, "create", self._completion)

    def _responses(self, responses: Any) -> None:
        self._wrapping.method(responses, "create", self._response)
        self._wrapping.method(responses, "parse", self._response)
        self._wrapping.stream_helper(responses, "stream")  # calls `create`

    def _beta(self, beta: Any) -> None:
        self._chats(getattr(beta, "chat", None))
        self._responses(getattr(beta, "responses", None))


def _inputs(arguments: Json) -> Json:
    inputs = given(arguments)
    if "tools" in inputs:
        inputs["tools"] = without_mcp_secrets(inputs["tools"])
    return inputs


def _metadata(arguments: Json, provider: str, model_type: str, **parameters: Any) -> Json:
    arguments = given(arguments)
    own = arguments.get("metadata")
    stop = arguments.get("stop")
    found = {
        "ls_model_name": arguments.get("model"),
        "ls_temperature": arguments.get("temperature"),
        "ls_max_tokens": next(iter(chosen(arguments, _MAX_TOKENS).values()), None),
        "ls_stop": [stop] if isinstance(stop, str) else stop,
    }
    return {
        **(own if isinstance(own, dict) else {}),
        "ls_provider": provider,
        "ls_model_type": model_type,
        **{key: value for key, value in found.items() if value is not None},
        "ls_invocation_params": {**chosen(arguments, _PARAMETERS), **parameters},
    }
