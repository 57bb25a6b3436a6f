"""Patterns of `like`: ``%`` stands for any text, ``_`` for one character, a backslash before them for themselves."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["is_like"]

_PART = re.compile(r"\\(.)|(%+)|(_)|([^\\%_]+)|(\\)$", re.DOTALL)


def is_like(text: str, pattern: str) -> bool:
    r"""Tell whether a text is like a pattern; the case of A to Z does not count.

    Takes time in proportion to the text and the pattern, whatever the pattern is.

    Example:
        >>> is_like("Summary of 10%", r"summary%\%")
        True
    """
    segments = _segments(pattern)
    if segments is None:
        return False
    (first, length), *others = segments
    found = first.match(text)
    if not others or found is None:
        return found is not None and length == len(text)
    at = length
    *middle, (last, length) = others
    for segment, _ in middle:
        found = segment.search(text, at)
        if found is None:
            return False
        at = found.end()
    place = len(text) - length
    return place >= at and last.fullmatch(text, place) is not None


@lru_cache(maxsize=256)
def _segments(pattern: str) -> tuple[tuple[re.Pattern[str], int], ...] | None:
    """What stands between the ``%``, and how many characters each takes."""
    segments = [("", 0)]
    for escaped, many, one, plain, dangling in _PART.findall(pattern):
        source, length = segments[-1]
        if dangling:
            return None  # escapes nothing: like no text, as databases have it
        if many:
            segments.append(("", 0))
        elif one:
            segments[-1] = (f"{source}.", length + 1)
        else:
            own = escaped or plain
            segments[-1] = (source + re.escape(own), length + len(own))
    flags = re.DOTALL | re.IGNORECASE | re.ASCII
    return tuple((re.compile(source, flags), length) for source, length in segments)
