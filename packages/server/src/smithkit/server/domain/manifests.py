"""Manifests: a prompt as LangChain writes objects to JSON, with a model behind it or without."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from smithkit.server.domain.jsons import dump, load

__all__ = ["Manifest", "as_manifest", "hash_commit", "read_manifest", "without_model"]

_PROMPTS = frozenset(
    {
        "ChatPromptTemplate",
        "DictPromptTemplate",
        "FewShotChatMessagePromptTemplate",
        "FewShotPromptTemplate",
        "FewShotPromptWithTemplates",
        "ImagePromptTemplate",
        "PipelinePromptTemplate",
        "PromptTemplate",
        "StructuredPrompt",
    }
)
_SEQUENCES = frozenset({"PromptPlayground", "RunnableSequence"})


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was checked.

    Attributes:
        id: The same for manifests that say the same.
        content: JSON, in the order in which it was sent.
    """

    id: UUID
    content: bytes


def read_manifest(value: Any) -> Manifest:
    """Check a manifest.

    Args:
        value: Its parsed JSON.

    Returns:
        What to store.

    Raises:
        ValueError: It is not a prompt.

    Example:
        >>> read_manifest({"id": ["langchain", "prompts", "prompt", "PromptTemplate"], "type": "x"})
        Traceback (most recent call last):
        ...
        ValueError: manifest: unsupported type 'x'; an object of LangChain has 'constructor'
    """
    try:
        _check(value)
        return as_manifest(value)
    except RecursionError:
        raise ValueError("manifest: is nested too deeply") from None


def as_manifest(value: Any) -> Manifest:
    """Give what to store of a manifest that was checked."""
    digest = hashlib.sha256(_canonical(value)).digest()
    return Manifest(UUID(bytes=digest[:16], version=5), dump(value))


def hash_commit(manifest: Manifest, parent: str | None) -> str:
    """Work out the hash of a commit: of what it says and of all that came before.

    Args:
        manifest: Its manifest.
        parent: Hash of its parent; None for a first commit.

    Returns:
        64 hexadecimal digits.
    """
    return hashlib.sha256(f"{parent or ''}\n{manifest.id}".encode()).hexdigest()


def without_model(content: bytes) -> bytes:
    """Leave out the model that a manifest has behind its prompt, if it has one.

    Args:
        content: JSON of a manifest.

    Returns:
        JSON of the prompt alone.

    Example:
        >>> without_model(b'{"id": ["x", "RunnableSequence"], "kwargs": {"first": {"id": ["PromptTemplate"]}}}')
        b'{"id":["PromptTemplate"]}'
    """
    value = load(content)
    return dump(_first(value)) if value["id"][-1] in _SEQUENCES else content


def _check(value: Any) -> None:
    name = _class_name(value, "manifest")
    if value.get("type") != "constructor":
        raise ValueError(
            f"manifest: unsupported type {value.get('type')!r:.100}; an object of LangChain has 'constructor'"
        )
    if name in _SEQUENCES:
        name = _class_name(_first(value), "manifest.kwargs.first")
    if name not in _PROMPTS:
        known = ", ".join(sorted(_PROMPTS))
        raise ValueError(f"manifest: unsupported type of object {name!r:.100}; prompts are {known}")


def _class_name(value: Any, where: str) -> str:
    """The last part of an object's id."""
    if not isinstance(value, dict):
        raise ValueError(f"{where}: must be an object")  # noqa: TRY004 - told to the client like any wrong value
    parts = value.get("id")
    if not isinstance(parts, list) or not parts or not all(isinstance(part, str) for part in parts):
        raise ValueError(
            f"{where}.id: is missing; it is a list like ['langchain', 'prompts', 'chat', 'ChatPromptTemplate']"
        )
    return str(parts[-1])


def _first(value: dict[str, Any]) -> Any:
    kwargs = value.get("kwargs")
    return kwargs.get("first") if isinstance(kwargs, dict) else None


def _canonical(value: Any) -> bytes:
    """The same bytes for the same content, whatever the order of its keys."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # see `dump`
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
