"""Prompts without LangChain: text and chat templates that are formatted here.

A prompt is data. Nothing in it is imported, called or looked up in the environment: its templates put the
values of variables in their places, and no more.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from smithkit.prompts._templates._messages import Message, role_of
from smithkit.prompts._templates._parts import (
    Examples,
    Fixed,
    MessageTemplate,
    Part,
    Placeholder,
)
from smithkit.prompts._templates._strings import StringTemplate, TemplateFormat
from smithkit.prompts.errors import ManifestError, MissingVariablesError, PromptValueError

if TYPE_CHECKING:
    from smithkit.prompts._templates._texts import ExampleText
    from smithkit.prompts.cache._snapshots import Snapshot

__all__ = ["ChatPrompt", "Message", "ModelBinding", "Placeholder", "Prompt", "PromptOrigin", "TextPrompt"]


@dataclass(frozen=True, slots=True)
class ModelBinding:
    """The model that goes with a prompt, as it was saved.

    Attributes:
        provider: Whose class it is, such as ``openai`` or ``anthropic``.
        name: The model's name, if it is said.
        parameters: Its settings, such as ``temperature``; secrets are left out.
    """

    provider: str
    name: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PromptOrigin:
    """Which commit a prompt was pulled from.

    Attributes:
        owner: Handle of its owner; ``-`` for the own workspace.
        name: Its name.
        commit_hash: Hash of the commit.
    """

    owner: str
    name: str
    commit_hash: str


@dataclass(frozen=True, kw_only=True)
class Prompt(abc.ABC):
    """A prompt: a `TextPrompt` or a `ChatPrompt`.

    Attributes:
        partial_variables: Name → value of what need not be given any more.
        tools: Tools that the model may call, as they were saved.
        output_schema: JSON schema of the answer, for structured output.
        model: The model that goes with it, if it was pulled with `include_model`.
        origin: The commit that it was pulled from.
    """

    partial_variables: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[Mapping[str, Any], ...] = ()
    output_schema: Mapping[str, Any] | None = None
    model: ModelBinding | None = None
    origin: PromptOrigin | None = None
    _manifest: Snapshot | None = field(default=None, repr=False, compare=False)

    @staticmethod
    def from_manifest(manifest: Mapping[str, Any], *, origin: PromptOrigin | None = None) -> Prompt:
        """Read a prompt from the content of a commit.

        Args:
            manifest: The content, as LangChain serialises it.
            origin: The commit.

        Returns:
            A `TextPrompt` or a `ChatPrompt`.

        Raises:
            ManifestError: It is no prompt, or has parts that smithkit does not know.

        Example:
            >>> from smithkit.prompts import Prompt, TextPrompt
            >>> Prompt.from_manifest(TextPrompt("Hello {name}").to_manifest()).format(name="Ada")
            'Hello Ada'
        """
        from smithkit.prompts._templates._reading import read_prompt

        return read_prompt(manifest, origin)

    def to_manifest(self) -> dict[str, Any]:
        """The prompt as the content of a commit, as LangChain reads it.

        Returns:
            The manifest; of a pulled prompt the one that was pulled.
        """
        from smithkit.prompts._templates._writing import write_prompt

        if self._manifest is None:
            return write_prompt(self)
        manifest: dict[str, Any] = self._manifest.copy()
        return manifest

    @property
    def input_variables(self) -> tuple[str, ...]:
        """Names of the values that have to be given, sorted."""
        return tuple(sorted(self._needed - self.partial_variables.keys()))

    @abc.abstractmethod
    def format(self, **values: Any) -> str:
        """The prompt as one text.

        Args:
            values: The values of its variables.

        Raises:
            MissingVariablesError: Values are missing; all of them are named.
            PromptValueError: A value does not fit its place.
        """

    @abc.abstractmethod
    def messages(self, values: Mapping[str, Any] | None = None) -> list[Message]:
        """The prompt as messages; a text is one of the user.

        Args:
            values: The values of its variables.

        Raises:
            MissingVariablesError: Values are missing; all of them are named.
            PromptValueError: A value does not fit its place.
        """

    @abc.abstractmethod
    def invoke(self, values: Mapping[str, Any] | None = None) -> Any:
        """What the prompt is made for: text of a `TextPrompt`, messages of a `ChatPrompt`.

        Args:
            values: The values of its variables.
        """

    def to_openai(self, **values: Any) -> dict[str, Any]:
        """The arguments for ``openai.OpenAI().chat.completions.create``.

        Messages, tools and schema, and model and settings where they were pulled with the prompt.

        Args:
            values: The values of its variables.

        Raises:
            MissingVariablesError: Values are missing; all of them are named.
            PromptValueError: A value does not fit its place.

        Example:
            >>> from smithkit.prompts import ChatPrompt
            >>> ChatPrompt([("system", "You are {mood}.")]).to_openai(mood="kind")
            {'messages': [{'role': 'system', 'content': 'You are kind.'}]}
        """
        from smithkit.prompts._templates._openai import arguments

        return arguments(self, self.messages(values))

    def to_anthropic(self, **values: Any) -> dict[str, Any]:
        """The arguments for ``anthropic.Anthropic().messages.create``.

        Messages, tools and schema, and model and settings where they were pulled with the prompt;
        ``temperature``, ``top_k`` and ``top_p`` in ``extra_body``, as not every version of the client has arguments
        for them. An answer with a schema is asked for as a tool that has to be called.

        Args:
            values: The values of its variables.

        Raises:
            MissingVariablesError: Values are missing; all of them are named.
            PromptValueError: A value does not fit its place.

        Example:
            >>> from smithkit.prompts import ChatPrompt
            >>> ChatPrompt([("system", "Be kind."), ("user", "{q}")]).to_anthropic(q="Why?")
            {'max_tokens': 4096, 'system': 'Be kind.', 'messages': [{'role': 'user', 'content': 'Why?'}]}
        """
        from smithkit.prompts._templates._anthropic import arguments

        return arguments(self, self.messages(values))

    @property
    @abc.abstractmethod
    def _needed(self) -> frozenset[str]:
        """Names of all variables that may not be left out."""

    def _values(self, values: Mapping[str, Any] | None) -> dict[str, Any]:
        """The values with the partial ones, all that is needed among them."""
        if values is not None and not isinstance(values, Mapping):
            raise PromptValueError(f"A prompt takes a dictionary of values, not {type(values).__name__}.")
        known = {**self.partial_variables, **(values or {})}
        missing = self._needed - known.keys()
        if missing:
            raise MissingVariablesError(missing, tuple(values or ()))
        return known


@dataclass(frozen=True)
class TextPrompt(Prompt):
    """A prompt of text.

    Args:
        template: The template.
        template_format: How it is written: ``f-string`` or ``mustache``.

    Raises:
        TemplateError: The template can not be read.

    Example:
        >>> from smithkit.prompts import TextPrompt
        >>> TextPrompt("Translate to {language}: {text}").format(language="French", text="cheese")
        'Translate to French: cheese'
    """

    template: StringTemplate | ExampleText | str
    template_format: TemplateFormat = "f-string"

    def __post_init__(self) -> None:
        if isinstance(self.template, str):
            object.__setattr__(self, "template", StringTemplate(self.template, self.template_format))

    def format(self, **values: Any) -> str:
        """See `Prompt.format`.

        Args:
            values: The values of its variables.
        """
        return self.invoke(values)

    def messages(self, values: Mapping[str, Any] | None = None) -> list[Message]:
        """See `Prompt.messages`.

        Args:
            values: The values of its variables.
        """
        return [Message("user", self.invoke(values))]

    def invoke(self, values: Mapping[str, Any] | None = None) -> str:
        """The text.

        Args:
            values: The values of its variables.
        """
        return self._template.render(self._values(values))

    @property
    def _template(self) -> StringTemplate | ExampleText:
        return self.template  # type: ignore[return-value] # read by __post_init__

    @property
    def _needed(self) -> frozenset[str]:
        return self._template.variables


@dataclass(frozen=True)
class ChatPrompt(Prompt):
    """A prompt of messages.

    Args:
        parts: ``(role, template)`` pairs, `Message` objects, which stand as they are, and `Placeholder`
            objects for messages that are given later.
        template_format: How the templates are written: ``f-string`` or ``mustache``.

    Raises:
        TemplateError: A template can not be read.
        ManifestError: A part is none of these.

    Example:
        >>> from smithkit.prompts import ChatPrompt, Placeholder
        >>> prompt = ChatPrompt([("system", "You are {mood}."), Placeholder("history"), ("user", "{q}")])
        >>> prompt.input_variables
        ('history', 'mood', 'q')
        >>> [message.role for message in prompt.invoke({"mood": "kind", "history": [], "q": "Why?"})]
        ['system', 'user']
    """

    parts: Sequence[Part | Message | tuple[str, str]]
    template_format: TemplateFormat = "f-string"

    def __post_init__(self) -> None:
        parts = tuple(_as_part(part, self.template_format) for part in self.parts)
        object.__setattr__(self, "parts", parts)

    def format(self, **values: Any) -> str:
        """See `Prompt.format`; a line for each message.

        Args:
            values: The values of its variables.
        """
        return "\n".join(map(str, self.messages(values)))

    def messages(self, values: Mapping[str, Any] | None = None) -> list[Message]:
        """See `Prompt.messages`.

        Args:
            values: The values of its variables.
        """
        known = self._values(values)
        return [message for part in self._parts for message in part.messages(known)]

    def invoke(self, values: Mapping[str, Any] | None = None) -> list[Message]:
        """The messages.

        Args:
            values: The values of its variables.
        """
        return self.messages(values)

    @property
    def _parts(self) -> tuple[Part, ...]:
        return self.parts  # type: ignore[return-value] # read by __post_init__

    @property
    def _needed(self) -> frozenset[str]:
        return frozenset().union(*(part.variables for part in self._parts))


def _as_part(part: Any, template_format: TemplateFormat) -> Part:
    if isinstance(part, Message):
        return Fixed(part)
    if isinstance(part, MessageTemplate | Placeholder | Fixed | Examples):
        return part
    if isinstance(part, tuple | list) and len(part) == 2 and all(isinstance(one, str) for one in part):  # noqa: PLR2004
        role, text = part
        if role == "placeholder":
            return Placeholder(text.strip("{}"), optional=True)
        return MessageTemplate(role_of(role), StringTemplate(text, template_format))
    raise ManifestError(
        f"A part of a chat prompt is (role, template), a Message or a Placeholder, not {type(part).__name__}."
    )
