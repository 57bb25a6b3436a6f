"""What a chat template is made of: each part gives messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from smithkit.prompts._templates._messages import Content, Message, as_messages
from smithkit.prompts._templates._strings import StringTemplate

__all__ = ["BlockTemplate", "Examples", "Fixed", "MessageTemplate", "Part", "Placeholder"]


class Part(Protocol):
    """A part of a chat template."""

    @property
    def variables(self) -> frozenset[str]:
        """Names of the values that it needs."""
        ...

    def messages(self, values: Mapping[str, Any]) -> list[Message]:
        """Its messages."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """A message that stands as it is: braces in it are text."""

    message: Message

    @property
    def variables(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def messages(self, values: Mapping[str, Any]) -> list[Message]:  # noqa: ARG002 - as for other parts
        """The message."""
        return [self.message]


@dataclass(frozen=True, slots=True)
class BlockTemplate:
    """A block of content whose texts are templates, such as an image whose URL is a variable.

    Attributes:
        block: The block; its texts are `StringTemplate` objects.
    """

    block: Mapping[str, Any]

    @property
    def variables(self) -> frozenset[str]:
        """Names of the values that its texts need."""
        return frozenset().union(*(template.variables for template in _templates(self.block)))

    def render(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The block."""
        rendered: dict[str, Any] = _rendered(self.block, values)
        return rendered


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """A message whose content is a template.

    Attributes:
        role: Its role.
        content: A text, or a list of texts and other blocks.
        name: Name of who speaks.
    """

    role: str
    content: StringTemplate | tuple[StringTemplate | BlockTemplate, ...]
    name: str | None = None

    @property
    def variables(self) -> frozenset[str]:
        """Names of the values that its content needs."""
        if isinstance(self.content, StringTemplate):
            return self.content.variables
        return frozenset().union(*(block.variables for block in self.content))

    def messages(self, values: Mapping[str, Any]) -> list[Message]:
        """The message; blocks of empty text are left out."""
        if isinstance(self.content, StringTemplate):
            return [Message(self.role, self.content.render(values), self.name)]
        content: Content = [
            block
            for template in self.content
            if (block := _block(template, values)).get("type") != "text" or block.get("text")
        ]
        return [Message(self.role, content, self.name)]


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A place for messages that the caller gives, such as those of a conversation so far.

    Attributes:
        name: Name of the variable.
        optional: Whether it may be left out.
        n_messages: How many of the messages are taken, from the end; None for all.
    """

    name: str
    optional: bool = False
    n_messages: int | None = None

    @property
    def variables(self) -> frozenset[str]:
        """Its name, if it may not be left out."""
        return frozenset() if self.optional else frozenset({self.name})

    def messages(self, values: Mapping[str, Any]) -> list[Message]:
        """The caller's messages."""
        given = values.get(self.name)
        messages = [] if given is None and self.optional else as_messages(given, self.name)
        return messages if self.n_messages is None else messages[-self.n_messages :]


@dataclass(frozen=True, slots=True)
class Examples:
    """Few shots: messages of a template, once for each example.

    Attributes:
        parts: The template.
        examples: The values of each example.
        variable_names: Names of the values that are passed on to every example.
    """

    parts: tuple[Part, ...]
    examples: tuple[Mapping[str, Any], ...]
    variable_names: frozenset[str] = field(default=frozenset())

    @property
    def variables(self) -> frozenset[str]:
        """Names of the values that are passed on."""
        return self.variable_names

    def messages(self, values: Mapping[str, Any]) -> list[Message]:
        """The messages of all examples."""
        passed = {name: values[name] for name in self.variable_names}
        return [
            message
            for example in self.examples
            for part in self.parts
            for message in part.messages({**passed, **example})
        ]


def _block(template: StringTemplate | BlockTemplate, values: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(template, StringTemplate):
        return {"type": "text", "text": template.render(values)}
    return template.render(values)


def _templates(value: Any) -> list[StringTemplate]:
    if isinstance(value, StringTemplate):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [template for item in inner for template in _templates(item)]


def _rendered(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, StringTemplate):
        return value.render(values)
    if isinstance(value, Mapping):
        return {name: _rendered(item, values) for name, item in value.items()}
    return [_rendered(item, values) for item in value] if isinstance(value, list) else value
