"""Patterns of `like` as regular expressions of ClickHouse (RE2)."""

from __future__ import annotations

import re

__all__ = ["regex_of"]

_PART = re.compile(r"\\(.)|(%+)|(_)|([^\\%_])|(\\)$", re.DOTALL)


def regex_of(pattern: str) -> str | None:
    r"""Write a pattern as a regular expression; the case of A to Z alone does not count.

    Means what `domain.filters.patterns.is_like` says.

    Returns:
        The expression; None for a pattern that no text is like.

    Example:
        >>> regex_of(r"a%\%_")
        '(?s)^[aA].*%.$'
    """
    parts = []
    for escaped, many, one, plain, dangling in _PART.findall(pattern):
        if dangling:
            return None
        parts.append(".*" if many else "." if one else _literal(escaped or plain))
    return f"(?s)^{''.join(parts)}$"


def _literal(letter: str) -> str:
    if letter.isascii() and letter.isalpha():
        return f"[{letter.lower()}{letter.upper()}]"
    return re.escape(letter)
