"""Manifests read into prompts. A manifest is data: no class of it is looked up, let alone called."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from smithkit.prompts._templates._messages import Message, as_message, role_of
from smithkit.prompts._templates._nodes import MESSAGES, SEQUENCES, Node, as_node, is_node, nodes
from smithkit.prompts._templates._parts import (
    BlockTemplate,
    Examples,
    Fixed,
    MessageTemplate,
    Part,
    Placeholder,
)
from smithkit.prompts._templates._strings import StringTemplate
from smithkit.prompts._templates._texts import ExampleText
from smithkit.prompts.cache._snapshots import Snapshot
from smithkit.prompts.errors import ManifestError, PromptValueError, TemplateError
from smithkit.prompts.templates import ChatPrompt, ModelBinding, Prompt, PromptOrigin, TextPrompt

__all__ = ["read_prompt"]

_ROLES = {
    "AIMessagePromptTemplate": "assistant",
    "HumanMessagePromptTemplate": "user",
    "SystemMessagePromptTemplate": "system",
}


def read_prompt(manifest: Mapping[str, Any], origin: PromptOrigin | None) -> Prompt:
    """Read a prompt, with the model that goes with it.

    Args:
        manifest: The manifest.
        origin: The commit that it comes from.

    Raises:
        ManifestError: It is no prompt, or has parts that are not known.
    """
    for _ in nodes(manifest):
        pass  # how deep it is, before anything recurses
    root = as_node(manifest, "prompt")
    template, model, bound = _split(root)
    prompt = _prompt(template)
    tools = bound.get("tools")
    return dataclasses.replace(
        prompt,
        tools=tuple(tool for tool in tools if isinstance(tool, Mapping)) if isinstance(tools, list) else (),
        model=model,
        origin=origin,
        _manifest=Snapshot(manifest),
    )


def _split(root: Node) -> tuple[Node, ModelBinding | None, Mapping[str, Any]]:
    """The template, the model, and what is bound to it."""
    if root.name == "RunnableBinding":
        template, model, _ = _split(as_node(root.kwargs.get("bound"), "bound prompt"))
        return template, model, _plain(root.kwargs.get("kwargs"))
    if root.name not in SEQUENCES:
        return root, None, {}
    template, _, bound = _split(as_node(root.kwargs.get("first"), "prompt"))
    last = root.kwargs.get("last")
    if not is_node(last):
        return template, None, bound
    node = as_node(last, "model")
    if node.name == "RunnableBinding":
        bound = {**bound, **_plain(node.kwargs.get("kwargs"))}
        node = as_node(node.kwargs.get("bound"), "model")
    return template, _model(node, bound), bound


def _model(node: Node, bound: Mapping[str, Any]) -> ModelBinding:
    settings = {**_plain(node.kwargs), **_plain(node.kwargs.get("model_kwargs")), **bound}
    settings.pop("model_kwargs", None)
    name = next(
        (settings[key] for key in ("model", "model_name") if isinstance(settings.get(key), str)), None
    )
    parameters = {
        key: value for key, value in settings.items() if key not in ("model", "model_name", "tools")
    }
    known = {"ChatOpenAI": "openai", "AzureChatOpenAI": "azure", "ChatAnthropic": "anthropic"}
    provider = known.get(node.name) or node.id[0].removeprefix("langchain_")
    return ModelBinding(provider, name, parameters)


def _plain(value: Any) -> dict[str, Any]:
    """The settings that are JSON: no secrets, no objects."""
    if not isinstance(value, Mapping):
        return {}
    return {name: item for name, item in value.items() if item is not None and not any(nodes(item))}


def _prompt(node: Node) -> Prompt:
    reader = _PROMPTS.get(node.name) if node.is_core else None
    if reader is None:
        raise ManifestError(
            f"The manifest holds {'.'.join(node.id):.200}, which is no prompt that smithkit reads. Pull it with "
            f"as_langchain=True if you trust it, or its data with pull_prompt_commit."
        )
    return reader(node)


def _text_prompt(node: Node) -> Prompt:
    return TextPrompt(_string(node), partial_variables=_partials(node))


def _chat_prompt(node: Node) -> Prompt:
    messages = node.kwargs.get("messages")
    if not isinstance(messages, list):
        raise ManifestError(f"The {node.name} of the manifest has no list of messages.")
    schema = node.kwargs.get("schema_", node.kwargs.get("schema"))
    if schema is not None and (not isinstance(schema, Mapping) or any(nodes(schema))):
        raise ManifestError("The schema of the manifest is no JSON schema.")
    return ChatPrompt(
        [part for message in messages for part in _parts(message)],
        partial_variables=_partials(node),
        output_schema=schema,
    )


def _example_text(node: Node) -> Prompt:
    kwargs = node.kwargs
    template_format = kwargs.get("template_format", "f-string")
    example = as_node(kwargs.get("example_prompt"), "template of examples")
    text = ExampleText(
        StringTemplate(kwargs.get("prefix", ""), template_format),
        StringTemplate(kwargs.get("suffix", ""), template_format),
        _string(example),
        _example_values(node, _string(example).variables),
        str(kwargs.get("example_separator", "\n\n")),
    )
    return TextPrompt(text, partial_variables=_partials(node))


def _example_chat(node: Node) -> Prompt:
    return ChatPrompt([_examples(node)])


_PROMPTS: dict[str, Callable[[Node], Prompt]] = {
    "ChatPromptTemplate": _chat_prompt,
    "FewShotChatMessagePromptTemplate": _example_chat,
    "FewShotPromptTemplate": _example_text,
    "PromptTemplate": _text_prompt,
    "StructuredPrompt": _chat_prompt,
}


def _parts(value: Any) -> list[Part]:
    """The parts that an item of a chat template's messages stands for."""
    node = as_node(value, "message")
    if not node.is_core:
        raise ManifestError(f"The manifest holds {'.'.join(node.id):.200} for a message.")
    if node.name in _ROLES or node.name == "ChatMessagePromptTemplate":
        return [_message_template(node)]
    if node.name == "MessagesPlaceholder":
        return [_placeholder(node)]
    if node.name == "FewShotChatMessagePromptTemplate":
        return [_examples(node)]
    if node.name == "ChatPromptTemplate":
        return [part for message in node.kwargs.get("messages") or () for part in _parts(message)]
    if node.name in MESSAGES:
        return [Fixed(_message(node))]
    raise ManifestError(
        f"The manifest holds {'.'.join(node.id):.200} for a message, which smithkit does not know."
    )


def _message_template(node: Node) -> MessageTemplate:
    role = _ROLES.get(node.name) or role_of(str(node.kwargs.get("role", "user")))
    extra = node.kwargs.get("additional_kwargs")
    if isinstance(extra, Mapping) and extra.get("__openai_role__") == "developer":
        role = "developer"
    content = node.kwargs.get("prompt")
    if isinstance(content, list):
        return MessageTemplate(role, tuple(_block(as_node(block, "block of content")) for block in content))
    return MessageTemplate(role, _string(as_node(content, "template of the message")))


def _block(node: Node) -> StringTemplate | BlockTemplate:
    if not node.is_core:
        raise ManifestError(f"The manifest holds {'.'.join(node.id):.200} for a block of content.")
    if node.name == "PromptTemplate":
        return _string(node)
    template, template_format = node.kwargs.get("template"), node.kwargs.get("template_format", "f-string")
    if not isinstance(template, Mapping):
        raise ManifestError(f"The {node.name:.80} of the manifest has no template.")
    if node.name == "DictPromptTemplate":
        return BlockTemplate(_compiled(template, template_format))
    if node.name == "ImagePromptTemplate":
        if "path" in template:
            raise ManifestError("An image of the manifest is a file of this machine, which is never read.")
        return BlockTemplate({"type": "image_url", "image_url": _compiled(template, template_format)})
    raise ManifestError(f"The manifest holds {'.'.join(node.id):.200} for a block of content.")


def _compiled(value: Any, template_format: Any) -> Any:
    """A block whose texts are templates."""
    if isinstance(value, str):
        return StringTemplate(value, template_format)
    if isinstance(value, Mapping):
        if is_node(value):
            raise ManifestError("A block of the manifest holds an object.")
        return {name: _compiled(item, template_format) for name, item in value.items()}
    return [_compiled(item, template_format) for item in value] if isinstance(value, list) else value


def _string(node: Node) -> StringTemplate:
    if node.name != "PromptTemplate" or not node.is_core:
        raise ManifestError(
            f"The manifest holds {'.'.join(node.id):.200} where a template of text should stand."
        )
    return StringTemplate(node.kwargs.get("template", ""), node.kwargs.get("template_format", "f-string"))


def _placeholder(node: Node) -> Placeholder:
    name, count = node.kwargs.get("variable_name"), node.kwargs.get("n_messages")
    if not isinstance(name, str) or not name:
        raise ManifestError("A placeholder of the manifest has no name.")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
        raise ManifestError(f"The placeholder {name!r:.80} of the manifest takes no number of messages.")
    return Placeholder(name, bool(node.kwargs.get("optional", False)), count)


def _examples(node: Node) -> Examples:
    template = as_node(node.kwargs.get("example_prompt"), "template of examples")
    passed = node.kwargs.get("input_variables")
    names = (
        frozenset(name for name in passed if isinstance(name, str))
        if isinstance(passed, list)
        else frozenset()
    )
    parts = tuple(_parts(node.kwargs.get("example_prompt")))
    needed = frozenset[str]().union(*(part.variables for part in parts)) - names
    if template.name not in _ROLES and template.name not in (
        "ChatPromptTemplate",
        "ChatMessagePromptTemplate",
    ):
        raise ManifestError("The examples of the manifest have no template of messages.")
    return Examples(parts, _example_values(node, needed), names)


def _example_values(node: Node, needed: frozenset[str]) -> tuple[Mapping[str, Any], ...]:
    examples = node.kwargs.get("examples")
    if not isinstance(examples, list) or not all(isinstance(example, Mapping) for example in examples):
        raise ManifestError(
            "The manifest has no list of examples; those that are selected elsewhere are not stored."
        )
    for example in examples:
        missing = sorted(needed - example.keys())
        if missing:
            raise TemplateError(f"An example of the manifest lacks {', '.join(missing):.200}.")
    return tuple(examples)


def _partials(node: Node) -> dict[str, Any]:
    partials = node.kwargs.get("partial_variables") or {}
    if not isinstance(partials, Mapping):
        raise ManifestError("The partial variables of the manifest are no object.")
    return {name: _partial(value) for name, value in partials.items()}


def _partial(value: Any) -> Any:
    if is_node(value):
        return _message(as_node(value, "partial variable"))
    return [_partial(item) for item in value] if isinstance(value, list) else value


def _message(node: Node) -> Message:
    """A message that is no template."""
    if node.name not in MESSAGES or not node.is_core:
        raise ManifestError(f"The manifest holds {'.'.join(node.id):.200} where a message should stand.")
    kind = node.name.removesuffix("Chunk").removesuffix("Message").lower()
    role = str(node.kwargs.get("role", "user")) if kind == "chat" else role_of(kind)
    extra = node.kwargs.get("additional_kwargs")
    if isinstance(extra, Mapping) and extra.get("__openai_role__") == "developer":
        role = "developer"
    fields = {name: node.kwargs.get(name) for name in ("content", "name", "tool_calls", "tool_call_id")}
    try:
        return as_message({"role": role, **fields})
    except PromptValueError as error:
        raise ManifestError(f"A message of the manifest can not be read: {error}") from None
