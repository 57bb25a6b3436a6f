"""JSON that is read, checked and kept word for word, whatever a client has put into it."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import orjson

__all__ = ["contains", "dump", "is_unicode", "load", "load_verbatim", "text_of"]


def load(data: bytes | bytearray) -> Any:
    """Parse JSON.

    Args:
        data: UTF-8 text.

    Returns:
        The value.

    Raises:
        ValueError: It is not JSON, or nested too deeply to be handled.

    Example:
        >>> load(b"[1]")
        [1]
    """
    return load_verbatim(data)[0]


def load_verbatim(data: bytes | bytearray) -> tuple[Any, bytes]:
    r"""Parse JSON and give the bytes to store for it.

    They are the bytes received, except where those would not be accepted again by a strict reader: NaN and
    Infinity become null and invalid UTF-8 the replacement character. Lone surrogates stay, escaped.

    Args:
        data: UTF-8 text.

    Returns:
        The value, and JSON that stands for it.

    Raises:
        ValueError: It is not JSON, or nested too deeply to be handled.

    Example:
        >>> load_verbatim(b'{"a": NaN}')
        ({'a': None}, b'{"a":null}')
    """
    try:
        return orjson.loads(data), bytes(data)
    except orjson.JSONDecodeError:
        return _load_leniently(data)


def _load_leniently(data: bytes | bytearray) -> tuple[Any, bytes]:
    try:
        value = json.loads(data.decode("utf-8", "replace"), parse_constant=lambda _: None)
        return value, dump(value)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dump(value: Any) -> bytes:
    r"""Write a value that came from JSON as JSON; ids and finished pieces may stand in it.

    Example:
        >>> dump("\ud800")
        b'"\\ud800"'
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        # Lone surrogates and integers beyond 64 bits: the standard library writes both.
        return json.dumps(value, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    """What orjson writes by itself and the standard library does not."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, orjson.Fragment):
        text = value.contents
        return load(text.encode() if isinstance(text, str) else text)
    raise TypeError(f"{type(value).__name__} is not JSON")


def is_unicode(text: str) -> bool:
    r"""Tell whether a text is whole: JSON may bring half of a surrogate pair, which no database column takes.

    Example:
        >>> is_unicode("a"), is_unicode("\ud800")
        (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def contains(whole: Any, part: Any) -> bool:
    """Tell whether JSON contains other JSON: objects by their keys, lists by their members.

    Example:
        >>> contains({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}})
        True
    """
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            key in whole and contains(whole[key], value) for key, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and all(any(contains(item, one) for item in whole) for one in part)
    return type(whole) is type(part) and bool(whole == part)


def text_of(value: Any) -> str:
    """Give the words of JSON: its texts and numbers, without keys.

    Example:
        >>> text_of({"question": "why?", "turns": [{"n": 2}, "because"]})
        'why? 2 because'
    """
    words = []
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending += reversed(item.values())
        elif isinstance(item, list):
            pending += reversed(item)
        elif item is not None:
            words.append(str(item))
    return " ".join(words)
