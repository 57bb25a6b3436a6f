"""Prompts as lines for people: what is said, by whom, and with which settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from smithkit.prompts._templates._parts import BlockTemplate, Examples, Fixed, MessageTemplate, Placeholder
from smithkit.prompts._templates._strings import StringTemplate
from smithkit.prompts._templates._texts import ExampleText
from smithkit.prompts._templates._writing import source
from smithkit.prompts.templates import ChatPrompt, TextPrompt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smithkit.prompts._templates._messages import Content
    from smithkit.prompts.templates import Prompt

__all__ = ["describe"]


def describe(prompt: Prompt) -> list[str]:
    """The lines of a prompt.

    Args:
        prompt: The prompt.
    """
    lines: list[str] = []
    if isinstance(prompt, TextPrompt):
        lines += _text(prompt.template)
    elif isinstance(prompt, ChatPrompt):
        lines += [line for part in prompt.parts for line in _part(part)]
    settings: dict[str, Any] = {
        "tools": [dict(tool) for tool in prompt.tools],
        "answer": prompt.output_schema,
        "model": prompt.model and {"name": prompt.model.name, **prompt.model.parameters},
    }
    for name, value in settings.items():
        if value:
            lines += [f"# {name}", *_json(value), ""]
    return lines


def _text(template: Any) -> list[str]:
    if isinstance(template, ExampleText):
        shots = _examples(template.examples)
        return [
            *template.prefix.text.splitlines(),
            "",
            *template.example.text.splitlines(),
            *shots,
            *template.suffix.text.splitlines(),
            "",
        ]
    return [*str(template.text).splitlines(), ""]


def _part(part: Any) -> list[str]:
    if isinstance(part, Placeholder):
        return [f"# messages: {part.name}{' (optional)' if part.optional else ''}", ""]
    if isinstance(part, Examples):
        inner = [line for one in part.parts for line in _part(one)]
        return ["# examples of", *inner, *_examples(part.examples)]
    if isinstance(part, Fixed):
        calls = _json([dict(call) for call in part.message.tool_calls]) if part.message.tool_calls else []
        return [f"# {part.message.role} (fixed)", *_content(part.message.content), *calls, ""]
    if isinstance(part, MessageTemplate):
        return [f"# {part.role}", *_blocks(part.content), ""]
    return [str(part)]


def _blocks(content: StringTemplate | tuple[StringTemplate | BlockTemplate, ...]) -> list[str]:
    if isinstance(content, StringTemplate):
        return content.text.splitlines()
    lines: list[str] = []
    for block in content:
        lines += block.text.splitlines() if isinstance(block, StringTemplate) else _json(source(block.block))
    return lines


def _content(content: Content) -> list[str]:
    return content.splitlines() if isinstance(content, str) else _json(content)


def _examples(examples: tuple[Mapping[str, Any], ...]) -> list[str]:
    return [f"- {json.dumps(dict(example), ensure_ascii=False, sort_keys=True)}" for example in examples] + [
        ""
    ]


def _json(value: Any) -> list[str]:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True).splitlines()
