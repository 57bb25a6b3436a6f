"""The nodes of a manifest: ``{"lc": 1, "type": "constructor", "id": […, "Name"], "kwargs": {…}}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from smithkit.prompts.errors import ManifestError

__all__ = ["MESSAGES", "PROMPTS", "SEQUENCES", "Node", "as_node", "is_node", "nodes"]

_NAMESPACES = ("langchain", "langchain_core", "langchain_prompts", "langsmith")
_MAX_DEPTH = 64
_MAX_NODES = 100_000
PROMPTS = frozenset(
    """
    AIMessagePromptTemplate ChatMessagePromptTemplate ChatPromptTemplate DictPromptTemplate
    FewShotChatMessagePromptTemplate FewShotPromptTemplate HumanMessagePromptTemplate ImagePromptTemplate
    MessagesPlaceholder PromptTemplate StructuredPrompt SystemMessagePromptTemplate
    """.split()
)
"""Names of the classes of templates."""
MESSAGES = frozenset(
    """
    AIMessage AIMessageChunk ChatMessage ChatMessageChunk FunctionMessage FunctionMessageChunk HumanMessage
    HumanMessageChunk SystemMessage SystemMessageChunk ToolMessage ToolMessageChunk
    """.split()
)
"""Names of the classes of messages."""
SEQUENCES = frozenset({"PromptPlayground", "RunnableSequence"})
"""Names of the classes that join a prompt and its model."""


class Node(NamedTuple):
    """A node that stands for an object.

    Attributes:
        id: Path of its class.
        kwargs: What it is made of.
    """

    id: tuple[str, ...]
    kwargs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of its class."""
        return self.id[-1]

    @property
    def is_core(self) -> bool:
        """Whether the class is one of LangChain itself, not of a provider's package."""
        return self.id[0] in _NAMESPACES


def is_node(value: Any) -> bool:
    """Whether a value of a manifest stands for an object or a secret.

    Args:
        value: The value.
    """
    return isinstance(value, Mapping) and "lc" in value and "type" in value and "id" in value


def as_node(value: Any, what: str) -> Node:
    """The node that a value is.

    Args:
        value: The value.
        what: What it should be, for the error.

    Raises:
        ManifestError: It stands for no object that could be made.
    """
    if not is_node(value):
        raise ManifestError(f"The manifest has no {what} where one should stand.")
    path, kwargs = value["id"], value.get("kwargs", {})
    if not isinstance(path, list | tuple) or not path or not all(isinstance(part, str) for part in path):
        raise ManifestError(f"The {what} of the manifest has no `id` that names a class.")
    if value["type"] != "constructor":
        raise ManifestError(
            f"The manifest has a {path[-1]:.80} for its {what} that could not be written ({value['type']!r:.40}): "
            f"its class can not be stored."
        )
    if not isinstance(kwargs, Mapping):
        raise ManifestError(f"The {path[-1]:.80} of the manifest has no `kwargs`.")
    return Node(tuple(path), kwargs)


def nodes(manifest: Any) -> Iterator[Mapping[str, Any]]:
    """All nodes of a manifest, secrets too.

    Args:
        manifest: The manifest.

    Raises:
        ManifestError: It is too deep or too large for a prompt.
    """
    stack = [(manifest, 0)]
    count = 0
    while stack:
        value, depth = stack.pop()
        count += 1
        if depth > _MAX_DEPTH or count > _MAX_NODES:
            raise ManifestError("The manifest is too deep, or too large, for a prompt.")
        if is_node(value):
            yield value
        if isinstance(value, Mapping):
            stack.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list | tuple):
            stack.extend((item, depth + 1) for item in value)
