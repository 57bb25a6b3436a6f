"""Mustache templates: variables, sections, inverted sections and comments.

Names walk mappings and nothing else, functions are never called, there are no partials, and what sections
multiply is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from smithkit.prompts.errors import TemplateError

__all__ = ["Mustache"]

_TAG = re.compile(r"\{\{(?:\{(?P<raw>[^{}]*)\}|(?P<sigil>[#^/&!>=]?)(?P<name>.*?))\}\}", re.DOTALL)
_MAX_DEPTH = 32
_MAX_STEPS = 200_000
_MAX_CHARACTERS = 10_000_000
_ESCAPES = str.maketrans({"&": "&amp;", '"': "&quot;", "<": "&lt;", ">": "&gt;"})
_MISSING: Any = object()
_REFUSED = {">": "includes another one", "=": "changes the delimiters"}


@dataclass(slots=True)
class _Variable:
    name: str
    raw: bool


@dataclass(slots=True)
class _Section:
    name: str
    inverted: bool
    nodes: list[_Variable | _Section | str] = field(default_factory=list)


class Mustache:
    """A template that is read.

    Args:
        text: The template.

    Raises:
        TemplateError: It can not be read.
    """

    def __init__(self, text: str) -> None:
        self._root = _parse(text)
        self.variables = frozenset(_top_names(self._root))
        """Names of the values that it begins with, outside of sections, and of its sections."""

    def render(self, values: Mapping[str, Any]) -> str:
        """The text; what is not there is empty.

        Args:
            values: Name → value.

        Raises:
            TemplateError: The sections multiply beyond all use.
        """
        return _Rendering().render(self._root, [values])


class _Rendering:
    """One rendering, and how much it has cost so far."""

    def __init__(self) -> None:
        self._steps = 0
        self._characters = 0

    def render(self, section: _Section, scopes: list[Any]) -> str:
        pieces: list[str] = []
        for node in section.nodes:
            self._steps += 1
            if isinstance(node, str):
                pieces.append(node)
            elif isinstance(node, _Variable):
                pieces.append(_text(_find(node.name, scopes), raw=node.raw))
            else:
                pieces.extend(self.render(node, inner) for inner in _inner(node, scopes))
                continue
            self._characters += len(pieces[-1])
            if self._steps > _MAX_STEPS or self._characters > _MAX_CHARACTERS:
                raise TemplateError("The template's sections multiply beyond what a prompt can be.")
        self._steps += 1
        return "".join(pieces)


def _inner(section: _Section, scopes: list[Any]) -> list[list[Any]]:
    """The scopes that a section is rendered with, one after the other."""
    value = _find(section.name, scopes)
    if section.inverted:
        return [] if value else [scopes]
    if not value:
        return []
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        if len(value) > _MAX_STEPS:
            raise TemplateError("The template's sections multiply beyond what a prompt can be.")
        return [[*scopes, item] for item in value]
    return [[*scopes, value]]


def _find(name: str, scopes: list[Any]) -> Any:
    """The value of a name: its first part in the innermost mapping that has it, the rest within."""
    if name == ".":
        return scopes[-1] if len(scopes) > 1 else ""
    first, *rest = name.split(".")
    for scope in reversed(scopes):
        if isinstance(scope, Mapping) and first in scope:
            value = scope[first]
            break
    else:
        return ""
    for part in rest:
        value = value.get(part, _MISSING) if isinstance(value, Mapping) else _MISSING
        if value is _MISSING:
            return ""
    return value


def _text(value: Any, *, raw: bool) -> str:
    if value is None or (not value and isinstance(value, Sequence | Mapping)):
        return ""
    text = str(value)
    return text if raw else text.translate(_ESCAPES)


def _parse(text: str) -> _Section:
    root = _Section("", inverted=False)
    open_sections = [root]
    position = 0
    for tag in _TAG.finditer(text):
        sigil = "&" if tag["raw"] is not None else tag["sigil"]
        name = (tag["raw"] if tag["raw"] is not None else tag["name"]).strip()
        start, end = _bounds(text, tag, position) if sigil in ("#", "^", "/", "!", ">") else tag.span()
        _add_text(open_sections[-1], text[position:start])
        position = end
        _add_tag(open_sections, sigil, name)
    rest = text[position:]
    if "{{" in rest:
        raise TemplateError("A tag of the template is not closed: }} is missing.")
    _add_text(open_sections[-1], rest)
    if len(open_sections) > 1:
        raise TemplateError(f"The section {open_sections[-1].name!r:.80} of the template is not closed.")
    return root


def _add_tag(open_sections: list[_Section], sigil: str, name: str) -> None:
    if sigil == "!":
        return
    if sigil in _REFUSED:
        raise TemplateError(
            f"The template {_REFUSED[sigil]}, which is not supported: {{{{{sigil}{name:.80}}}}}."
        )
    if not name:
        raise TemplateError("A tag of the template names nothing.")
    if sigil in ("#", "^"):
        if len(open_sections) > _MAX_DEPTH:
            raise TemplateError(f"The template nests more than {_MAX_DEPTH} sections.")
        section = _Section(name, inverted=sigil == "^")
        open_sections[-1].nodes.append(section)
        open_sections.append(section)
    elif sigil == "/":
        if len(open_sections) == 1 or open_sections[-1].name != name:
            raise TemplateError(
                f"The template closes the section {name!r:.80}, which is not the one that is open."
            )
        open_sections.pop()
    else:
        open_sections[-1].nodes.append(_Variable(name, raw=sigil == "&"))


def _add_text(section: _Section, text: str) -> None:
    if text:
        section.nodes.append(text)


def _bounds(text: str, tag: re.Match[str], position: int) -> tuple[int, int]:
    """A tag's place; if it stands alone on its line, the whole line."""
    start, end = tag.span()
    line = text.rfind("\n", 0, start) + 1
    before = text[line:start]
    after = text.find("\n", end)
    stop = len(text) if after < 0 else after + 1
    if line < position or before.strip() or text[end:stop].strip():
        return start, end
    return line, stop


def _top_names(section: _Section) -> set[str]:
    names = set()
    for node in section.nodes:
        if not isinstance(node, str) and node.name != ".":
            names.add(node.name.split(".")[0])
    return names
