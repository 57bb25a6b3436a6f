"""What an entry of the cache is found by: the prompt's whole name, and whose prompt it is."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from smithkit.prompts.identifiers import parse_identifier

if TYPE_CHECKING:
    from smithkit.prompts.identifiers import PromptIdentifier

__all__ = ["WITH_MODEL", "Key", "as_key", "key_of", "scope_of"]

WITH_MODEL = ":with_model"
"""End of the key of a commit that was pulled with its model."""


class Key(NamedTuple):
    """A key.

    Attributes:
        name: The prompt's whole name, ``owner/name:commit``, and `WITH_MODEL` if it comes with its model.
        scope: Whose prompt it is, see `scope_of`; empty for what callers put into a cache themselves.
    """

    name: str
    scope: str = ""

    @property
    def commit(self) -> str:
        """The hash or tag that the name ends in."""
        return self.name.removesuffix(WITH_MODEL).partition(":")[2]


def key_of(identifier: PromptIdentifier, scope: str, *, include_model: bool) -> Key:
    """The key that a client looks a commit up by.

    Args:
        identifier: The prompt's name.
        scope: The client's scope.
        include_model: Whether the commit comes with its model.
    """
    return Key(f"{identifier}{WITH_MODEL if include_model else ''}", scope)


def as_key(key: str | Key) -> Key:
    """The key that a text means; all spellings of a name are one key.

    Args:
        key: ``name``, ``owner/name:commit``, …, with or without `WITH_MODEL`; any other text stands for itself.
    """
    if isinstance(key, Key):
        return key
    text = key.removesuffix(WITH_MODEL)
    try:
        return Key(f"{parse_identifier(text)}{key[len(text) :]}")
    except ValueError:
        return Key(key)


def scope_of(api_url: str, workspace_id: str | None, api_key: str | None) -> str:
    """What tells prompts of one name apart that clients with other credentials, or of other servers, see.

    Args:
        api_url: The server.
        workspace_id: The workspace, if it is named.
        api_key: The key; it can not be read from the result.
    """
    text = "\n".join((api_url, workspace_id or "", api_key or ""))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
