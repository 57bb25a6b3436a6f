"""What is taken from the SDKs' objects, as plain values."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping

    Json = dict[str, Any]

__all__ = ["answer_of", "as_dict", "chosen", "given", "merge_delta", "without_mcp_secrets"]

_UNSET = frozenset({"NotGiven", "Omit"})
_TRANSPORT = frozenset({"extra_headers", "extra_query", "timeout"})
_MCP_SECRETS = frozenset({"authorization", "authorization_token", "headers"})
# Said once, or over and over, but never piece by piece.
_WHOLE = frozenset({"id", "index", "name", "role", "type"})


def given(kwargs: Mapping[str, Any]) -> Json:
    """The arguments that a call gives: without marks for absent ones, and without how to send the request.

    Headers are left out because they may hold keys.
    """
    return {
        name: value
        for name, value in kwargs.items()
        if name not in _TRANSPORT and type(value).__name__ not in _UNSET
    }


def chosen(arguments: Mapping[str, Any], names: Iterable[str]) -> Json:
    """Of the arguments, those with these names that say something."""
    return {name: arguments[name] for name in names if arguments.get(name) is not None}


def without_mcp_secrets(tools: Any) -> Any:
    """A list of tools or MCP servers without the credentials that they are called with."""
    if not isinstance(tools, list | tuple):
        return tools
    return [
        {key: value for key, value in tool.items() if key not in _MCP_SECRETS}
        if isinstance(tool, dict) and (tool.get("type") == "mcp" or "authorization_token" in tool)
        else tool
        for tool in tools
    ]


def answer_of(result: Any) -> Any:
    """What a call returned, out of the raw response that the caller may have asked for."""
    parse = getattr(result, "parse", None)
    if parse is None or not hasattr(result, "http_response"):
        return result
    parsed = parse()
    return _at_once(parsed) if inspect.iscoroutine(parsed) else parsed


def _at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that has nothing to wait for, as the body is here; else None."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    return None


def as_dict(value: Any, *, with_none: bool = False) -> Json:
    """An SDK's object as a dictionary; what is none is empty.

    Args:
        value: The object.
        with_none: Whether fields without a value are in it.
    """
    if isinstance(value, dict):
        return value
    if not hasattr(type(value), "model_dump"):
        return {}
    dumped: Json = value.model_dump(mode="json", exclude_none=not with_none, warnings=False)
    return dumped


def merge_delta(whole: Json, delta: Mapping[str, Any]) -> None:
    """Add a piece of a streamed object to what there is of it: texts and lists grow, other values are set.

    Args:
        whole: The object so far; it is changed.
        delta: The piece. Items of its lists that have an ``index`` are pieces of items.

    Example:
        >>> call = {"index": 0, "function": {"arguments": '{"a"'}}
        >>> whole = {"tool_calls": [call]}
        >>> merge_delta(whole, {"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]})
        >>> call["function"]["arguments"]
        '{"a": 1}'
    """
    for key, value in delta.items():
        known = whole.get(key)
        if value is None or (key in _WHOLE and known and not value):
            continue
        if isinstance(value, list):
            _merge_list(whole.setdefault(key, []) if known is None else known, value)
        elif isinstance(value, dict):
            merge_delta(whole.setdefault(key, {}) if known is None else known, value)
        elif isinstance(value, str) and isinstance(known, str) and key not in _WHOLE:
            whole[key] = known + value
        else:
            whole[key] = value


def _merge_list(items: list[Any], deltas: list[Any]) -> None:
    for delta in deltas:
        if not isinstance(delta, dict):
            items.append(delta)
            continue
        index = delta.get("index")
        same = [item for item in items if index is not None and item.get("index") == index]
        if not same:
            items.append({})
            same = items[-1:]
        merge_delta(same[0], delta)
