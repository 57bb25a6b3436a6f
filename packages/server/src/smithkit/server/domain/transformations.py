"""What a dataset does to its examples before it checks and stores them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.server.domain.messages import openai_message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["TOOLS_OF_RUN", "run_tools", "transform"]

TOOLS_OF_RUN = "extract_tools_from_run"


def transform(
    payloads: dict[str, Any],
    transformations: Sequence[Mapping[str, Any]],
    schemas: Mapping[str, Any],
    tools: Sequence[Any] = (),
) -> dict[str, Any]:
    """Apply transformations, one after the other.

    Those of kinds that are not known here change nothing, and so do those whose path leads nowhere.

    Args:
        payloads: ``inputs`` and ``outputs``, as far as they are given.
        transformations: Each with its ``transformation_type`` and ``path``.
        schemas: The JSON schemas of ``inputs`` and ``outputs``.
        tools: The tools that the source run was given.

    Returns:
        The payloads that come out; what went in is not changed.

    Example:
        >>> wish = {"path": ["inputs", "messages"], "transformation_type": "remove_system_messages"}
        >>> messages = [{"role": "system", "content": "be"}, {"role": "user", "content": "hi"}]
        >>> transform({"inputs": {"messages": messages}}, [wish], {})
        {'inputs': {'messages': [{'role': 'user', 'content': 'hi'}]}}
    """
    for wish in transformations:
        change = _KINDS.get(wish["transformation_type"])
        if wish["transformation_type"] == TOOLS_OF_RUN and tools:
            payloads = _with_tools(payloads, wish["path"], list(tools))
        if change is not None:
            path = wish["path"]
            payloads = _replaced(payloads, path, change, _schema_at(schemas, path))
    return payloads


def run_tools(run: Mapping[str, Any]) -> list[Any]:
    """Find the tools that a run's model was given: in its invocation parameters, or else in its inputs.

    Args:
        run: Its ``extra`` and ``inputs``, as far as it has them.

    Example:
        >>> run_tools({"extra": {"invocation_params": {"tools": [{"name": "add"}]}}})
        [{'name': 'add'}]
    """
    extra = run.get("extra") or {}
    for place in (extra.get("invocation_params"), run.get("inputs")):
        for name in ("tools", "functions"):
            found = place.get(name) if isinstance(place, dict) else None
            if isinstance(found, list) and found:
                return found
    return []


def _with_tools(value: Any, path: Sequence[str], tools: list[Any]) -> Any:
    """Put tools where a path leads, if nothing stands there and its last step alone is missing."""
    if not isinstance(value, dict) or not path:
        return value
    if len(path) == 1:
        return value if value.get(path[0]) else {**value, path[0]: tools}
    return {**value, path[0]: _with_tools(value[path[0]], path[1:], tools)} if path[0] in value else value


def _replaced(value: Any, path: Sequence[str], change: Callable[[Any, Any], Any], schema: Any) -> Any:
    if not path:
        return change(value, schema)
    if not isinstance(value, dict) or path[0] not in value:
        return value
    return {**value, path[0]: _replaced(value[path[0]], path[1:], change, schema)}


def _schema_at(schemas: Mapping[str, Any], path: Sequence[str]) -> Any:
    schema = schemas.get(path[0]) if path else None
    for step in path[1:]:
        properties = schema.get("properties") if isinstance(schema, dict) else None
        schema = properties.get(step) if isinstance(properties, dict) else None
    return schema


def _without_system(value: Any, _schema: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [message for message in value if (openai_message(message) or {}).get("role") != "system"]


def _as_messages(value: Any, _schema: Any) -> Any:
    if isinstance(value, list):
        return [openai_message(message) or message for message in value]
    return openai_message(value) or value


def _as_tools(value: Any, _schema: Any) -> Any:
    return [_as_tool(tool) for tool in value] if isinstance(value, list) else _as_tool(value)


def _as_tool(value: Any) -> Any:
    if not isinstance(value, dict) or "function" in value or not isinstance(value.get("name"), str):
        return value
    parameters = value.get("parameters") or value.get("input_schema") or {"type": "object", "properties": {}}
    return {
        "type": "function",
        "function": {
            "name": value["name"],
            "description": value.get("description") or "",
            "parameters": parameters,
        },
    }


def _known_fields(value: Any, schema: Any) -> Any:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(value, dict) or not isinstance(properties, dict):
        return value
    return {name: own for name, own in value.items() if name in properties}


_KINDS: dict[str, Callable[[Any, Any], Any]] = {
    "convert_to_openai_message": _as_messages,
    "convert_to_openai_tool": _as_tools,
    "remove_extra_fields": _known_fields,
    "remove_system_messages": _without_system,
}
