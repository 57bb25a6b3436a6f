"""Tools and schemas, as OpenAI and Anthropic write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from smithkit.prompts.errors import PromptValueError

__all__ = ["Tool", "as_tool", "schema_name"]

_MAX_NAME = 64


class Tool(NamedTuple):
    """A function that a model may call.

    Attributes:
        name: Its name.
        description: What it does.
        parameters: JSON schema of its arguments.
        strict: Whether the arguments have to follow the schema.
    """

    name: str
    description: str | None
    parameters: Mapping[str, Any]
    strict: bool | None = None


def as_tool(given: Mapping[str, Any]) -> Tool | None:
    """The function that a saved tool describes; None if it is a tool of the provider's own.

    Args:
        given: The tool as OpenAI, Anthropic or a JSON schema describes it.

    Raises:
        PromptValueError: It has no name.
    """
    function = given.get("function")
    described = function if isinstance(function, Mapping) else given
    if described is given and "type" in given and given["type"] not in ("custom", "function", "object"):
        return None
    name = described.get("name", described.get("title"))
    if not isinstance(name, str):
        raise PromptValueError("A tool of the prompt has no name.")
    parameters = described.get("parameters", described.get("input_schema"))
    if not isinstance(parameters, Mapping):
        parameters = {key: value for key, value in described.items() if key in ("properties", "required")}
        parameters = {"type": "object", "properties": {}, **parameters}
    return Tool(name, described.get("description"), parameters, described.get("strict"))


def schema_name(schema: Mapping[str, Any]) -> str:
    """The name that a schema of answers goes by.

    Args:
        schema: The schema.
    """
    title = schema.get("title", schema.get("name"))
    name = re.sub(r"[^a-zA-Z0-9_-]+", "_", title) if isinstance(title, str) else ""
    return name[:_MAX_NAME] or "answer"
