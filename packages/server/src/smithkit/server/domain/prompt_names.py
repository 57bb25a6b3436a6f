"""Names of prompts, of their owners, and of what their commits are called."""

from __future__ import annotations

import re

__all__ = ["HASH_PREFIX", "LATEST", "OWN", "check_handle", "check_name", "check_tag", "is_name"]

OWN = "-"
"""Owner that stands for the workspace that asks."""

LATEST = "latest"
"""What the newest commit is always called."""

HASH_PREFIX = re.compile(r"[0-9a-f]{4,64}")
"""The start of a commit's hash; shorter ones would fit what was meant to be a tag."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_HANDLE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def is_name(text: str) -> bool:
    """Tell whether a text can be the name of a prompt, a tag or an owner.

    Example:
        >>> is_name("greet"), is_name("a/b")
        (True, False)
    """
    return _NAME.fullmatch(text) is not None


def check_name(text: str) -> str:
    """Insist on the name of a prompt.

    Raises:
        ValueError: It is none.
    """
    if not is_name(text):
        raise ValueError(
            "must begin with a letter or digit and have letters, digits, '.', '_' and '-' alone, "
            "255 characters at most"
        )
    return text


def check_tag(text: str) -> str:
    """Insist on a name that a commit can have, other than `LATEST`.

    Raises:
        ValueError: It is none.
    """
    if text == LATEST:
        raise ValueError(f"{LATEST!r} is always the newest commit; choose another name")
    return check_name(text)


def check_handle(text: str) -> str:
    """Insist on the handle of a workspace.

    Raises:
        ValueError: It is none.
    """
    if _HANDLE.fullmatch(text) is None:
        raise ValueError(
            "must begin with a small letter or digit and have small letters, digits, '_' and '-' alone, "
            "63 characters at most"
        )
    return text
