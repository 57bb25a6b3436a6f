"""Names of prompts: ``name``, ``owner/name``, each with an optional ``:commit``.

Without an owner it is a prompt of the own workspace (``-``); without a commit, its latest.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from urllib.parse import quote

__all__ = ["OWN_WORKSPACE", "PromptIdentifier", "parse_identifier"]

OWN_WORKSPACE = "-"
"""Owner that stands for the workspace of the client's key."""


@dataclass(frozen=True, slots=True)
class PromptIdentifier:
    """The parts of a prompt's name.

    Attributes:
        owner: Handle of the owner; ``-`` for the own workspace.
        name: Name of the prompt.
        commit: Hash or tag of a commit; ``latest`` for the newest.
    """

    owner: str
    name: str
    commit: str = "latest"

    def __str__(self) -> str:
        """The whole name, which `parse_identifier` reads back."""
        return f"{self.owner}/{self.name}:{self.commit}"

    @property
    def path(self) -> str:
        """Owner and name as they stand in a URL's path."""
        return f"{quote(self.owner, safe='')}/{quote(self.name, safe='')}"

    @property
    def commit_path(self) -> str:
        """Owner, name and commit as they stand in a URL's path."""
        return f"{self.path}/{quote(self.commit, safe='')}"


@functools.lru_cache(maxsize=512)
def parse_identifier(text: str) -> PromptIdentifier:
    """Read a prompt's name.

    Args:
        text: ``name``, ``owner/name``, ``name:commit`` or ``owner/name:commit``. What follows the first
            colon is the commit.

    Returns:
        Its parts.

    Raises:
        ValueError: Owner, name or commit is empty, ``.`` or ``..``, or there is a slash too many.

    Example:
        >>> parse_identifier("acme/greet:abc123")
        PromptIdentifier(owner='acme', name='greet', commit='abc123')
        >>> str(parse_identifier("greet"))
        '-/greet:latest'
    """
    whole_name, colon, commit = text.partition(":")
    owner, slash, name = whole_name.rpartition("/")
    parts = PromptIdentifier(owner if slash else OWN_WORKSPACE, name, commit if colon else "latest")
    if text.count("/") > 1 or text.startswith("/") or text.endswith("/"):
        raise _invalid(text, "has a slash too many")
    for label, part in (("owner", parts.owner), ("name", parts.name), ("commit", parts.commit)):
        if not part.strip():
            raise _invalid(text, f"has an empty {label}")
        if part in (".", ".."):
            raise _invalid(text, f"has {part!r} for its {label}")
    return parts


def _invalid(text: str, what: str) -> ValueError:
    return ValueError(
        f"The prompt identifier {text!r:.120} {what}. It is 'name' or 'owner/name', and may end in ':commit'."
    )
