"""Paths of an anonymizer: ``messages.*.content``, ``**.id``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.errors import LangSmithUserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["matcher"]


def matcher(patterns: Sequence[str | Sequence[str | int]]) -> Callable[[Sequence[str | int]], bool]:
    """A function that says whether a path is, or is below, one of the patterns.

    Args:
        patterns: Paths, written with dots or as lists of keys.

    Raises:
        LangSmithUserError: It is a single text, where a list is meant.

    Example:
        >>> matches = matcher(["messages.*.content", "**.id"])
        >>> matches(["messages", 0, "content", "text"]), matches(["a", "b", "id"]), matches(["messages", 0])
        (True, True, False)
    """
    if isinstance(patterns, str):
        raise LangSmithUserError(f"Paths are given as a list: [{patterns!r}].")
    split = [one.split(".") if isinstance(one, str) else [str(key) for key in one] for one in patterns]
    return lambda path: any(_begins(pattern, path) for pattern in split)


def _begins(pattern: list[str], path: Sequence[str | int]) -> bool:
    """Whether a pattern matches the beginning of a path: all ways to read it at once, key by key."""
    places = _closed({0}, pattern)
    for key in path:
        if len(pattern) in places:
            return True
        text = str(key)
        stepped = {
            place if pattern[place] == "**" else place + 1
            for place in places
            if pattern[place] in {"*", "**", text}
        }
        places = _closed(stepped, pattern)
    return len(pattern) in places


def _closed(places: set[int], pattern: list[str]) -> set[int]:
    """The places, and those behind a ``**``, which may stand for nothing."""
    reached = set(places)
    for place in range(len(pattern)):
        if place in reached and pattern[place] == "**":
            reached.add(place + 1)
    return reached
