"""Prompts written as manifests, as LangChain serialises its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smithkit.prompts._templates._messages import Message
from smithkit.prompts._templates._parts import BlockTemplate, Examples, Fixed, MessageTemplate, Placeholder
from smithkit.prompts._templates._strings import StringTemplate
from smithkit.prompts._templates._texts import ExampleText
from smithkit.prompts.errors import ManifestError
from smithkit.prompts.templates import ChatPrompt, Prompt, TextPrompt

__all__ = ["source", "write_prompt"]

_CHAT = ("langchain", "prompts", "chat")
_TEMPLATES = {
    "assistant": "AIMessagePromptTemplate",
    "system": "SystemMessagePromptTemplate",
    "user": "HumanMessagePromptTemplate",
}
_MESSAGES = {
    "assistant": "AIMessage",
    "system": "SystemMessage",
    "tool": "ToolMessage",
    "user": "HumanMessage",
}


def write_prompt(prompt: Prompt) -> dict[str, Any]:
    """Write a prompt.

    Args:
        prompt: The prompt.

    Raises:
        ManifestError: It has a part that can not be stored.
    """
    if prompt.model is not None:
        raise ManifestError("A model can not be written without LangChain: push the prompt without it.")
    if isinstance(prompt, TextPrompt):
        written = _text(prompt)
    elif isinstance(prompt, ChatPrompt):
        written = _chat(prompt)
    else:
        raise ManifestError(f"A {type(prompt).__name__} can not be written.")
    if not prompt.tools:
        return written
    bound = {"bound": written, "kwargs": {"tools": [dict(tool) for tool in prompt.tools]}}
    return _node(("langchain", "schema", "runnable", "RunnableBinding"), bound)


def _text(prompt: TextPrompt) -> dict[str, Any]:
    template = prompt.template
    if isinstance(template, StringTemplate):
        return _string(template, prompt)
    if not isinstance(template, ExampleText):
        raise ManifestError("The template of the prompt can not be written.")
    return _node(
        ("langchain_core", "prompts", "few_shot", "FewShotPromptTemplate"),
        {
            "input_variables": list(prompt.input_variables),
            "prefix": template.prefix.text,
            "suffix": template.suffix.text,
            "template_format": template.suffix.template_format,
            "example_prompt": _string(template.example),
            "examples": [dict(example) for example in template.examples],
            "example_separator": template.separator,
            **_partials(prompt),
        },
    )


def _chat(prompt: ChatPrompt) -> dict[str, Any]:
    kwargs = {
        "input_variables": list(prompt.input_variables),
        "messages": [_part(part) for part in prompt.parts],
        **_partials(prompt),
    }
    if prompt.output_schema is None:
        return _node((*_CHAT, "ChatPromptTemplate"), kwargs)
    kwargs["schema_"] = dict(prompt.output_schema)
    return _node(("langchain_core", "prompts", "structured", "StructuredPrompt"), kwargs)


def _part(part: Any) -> dict[str, Any]:
    if isinstance(part, Fixed):
        return _message(part.message)
    if isinstance(part, Placeholder):
        count = {} if part.n_messages is None else {"n_messages": part.n_messages}
        kwargs = {"variable_name": part.name, "optional": part.optional, **count}
        return _node((*_CHAT, "MessagesPlaceholder"), kwargs)
    if isinstance(part, MessageTemplate):
        return _message_template(part)
    if isinstance(part, Examples):
        template = {"input_variables": [], "messages": [_part(inner) for inner in part.parts]}
        return _node(
            ("langchain_core", "prompts", "few_shot", "FewShotChatMessagePromptTemplate"),
            {
                "input_variables": sorted(part.variable_names),
                "example_prompt": _node((*_CHAT, "ChatPromptTemplate"), template),
                "examples": [dict(example) for example in part.examples],
            },
        )
    raise ManifestError(f"A {type(part).__name__} can not be written.")


def _message_template(part: MessageTemplate) -> dict[str, Any]:
    content = part.content
    written = (
        _string(content) if isinstance(content, StringTemplate) else [_block(block) for block in content]
    )
    name = _TEMPLATES.get(part.role)
    if name is not None:
        return _node((*_CHAT, name), {"prompt": written})
    if part.role == "developer":
        extra = {"additional_kwargs": {"__openai_role__": "developer"}}
        return _node((*_CHAT, "SystemMessagePromptTemplate"), {"prompt": written, **extra})
    return _node((*_CHAT, "ChatMessagePromptTemplate"), {"prompt": written, "role": part.role})


def _block(block: StringTemplate | BlockTemplate) -> dict[str, Any]:
    if isinstance(block, StringTemplate):
        return _string(block)
    kwargs = {"template": source(block.block), "template_format": _format_of(block.block)}
    return _node(("langchain_core", "prompts", "dict", "DictPromptTemplate"), kwargs)


def source(value: Any) -> Any:
    """A block of content with the texts of its templates.

    Args:
        value: The block.
    """
    if isinstance(value, StringTemplate):
        return value.text
    if isinstance(value, Mapping):
        return {name: source(item) for name, item in value.items()}
    return [source(item) for item in value] if isinstance(value, list) else value


def _format_of(value: Any) -> str:
    if isinstance(value, StringTemplate):
        return value.template_format
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return "mustache" if any(_format_of(item) == "mustache" for item in inner) else "f-string"


def _message(message: Message) -> dict[str, Any]:
    kwargs: dict[str, Any] = {"content": message.content}
    if message.name is not None:
        kwargs["name"] = message.name
    if message.tool_calls:
        kwargs["tool_calls"] = [dict(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        kwargs["tool_call_id"] = message.tool_call_id
    name = _MESSAGES.get(message.role)
    if name is None:
        name = "SystemMessage" if message.role == "developer" else "ChatMessage"
        developer = {"additional_kwargs": {"__openai_role__": "developer"}}
        kwargs |= developer if message.role == "developer" else {"role": message.role}
    return _node(("langchain", "schema", "messages", name), kwargs)


def _string(template: StringTemplate, prompt: Prompt | None = None) -> dict[str, Any]:
    names = sorted(template.variables) if prompt is None else list(prompt.input_variables)
    kwargs = {
        "input_variables": names,
        "template": template.text,
        "template_format": template.template_format,
    }
    return _node(
        ("langchain", "prompts", "prompt", "PromptTemplate"),
        {**kwargs, **({} if prompt is None else _partials(prompt))},
    )


def _partials(prompt: Prompt) -> dict[str, Any]:
    return {"partial_variables": _partial(prompt.partial_variables)} if prompt.partial_variables else {}


def _partial(value: Any) -> Any:
    if isinstance(value, Message):
        return _message(value)
    if isinstance(value, Mapping):
        return {name: _partial(item) for name, item in value.items()}
    return [_partial(item) for item in value] if isinstance(value, list | tuple) else value


def _node(path: tuple[str, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"lc": 1, "type": "constructor", "id": list(path), "kwargs": kwargs}
