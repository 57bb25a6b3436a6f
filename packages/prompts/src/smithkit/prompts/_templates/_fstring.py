"""Templates in the style of f-strings: ``Hello {name}``, with conversions and formats of plain values.

A field is the name of a variable and nothing else: neither attributes nor indexes are followed, no field
stands in another, and no width is large enough to cost memory.
"""

from __future__ import annotations

import re
from string import Formatter
from typing import TYPE_CHECKING, Any, NamedTuple

from smithkit.prompts.errors import PromptValueError, TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FString"]

_MAX_SPEC = 64
_MAX_NUMBER = 1000
_CONVERSIONS: Mapping[str | None, Callable[[Any], Any]] = {
    None: lambda value: value,
    "s": str,
    "r": repr,
    "a": ascii,
}


class _Part(NamedTuple):
    """Text, and the field that follows it."""

    text: str
    name: str | None
    conversion: str | None
    spec: str


class FString:
    """A template that is read.

    Args:
        text: The template.

    Raises:
        TemplateError: It can not be read, or asks for more than the text of variables.
    """

    def __init__(self, text: str) -> None:
        try:
            parts = list(Formatter().parse(text))
        except ValueError as error:
            raise TemplateError(
                f"The template can not be read: {error}. Literal braces are doubled."
            ) from None
        self._parts = [
            _Part(literal, name, conversion, spec or "") for literal, name, spec, conversion in parts
        ]
        for part in self._parts:
            if part.name is not None:
                _check(part.name, part.conversion, part.spec)
        self.variables = frozenset(part.name for part in self._parts if part.name is not None)
        """Names of its variables."""

    def render(self, values: Mapping[str, Any]) -> str:
        """The text.

        Args:
            values: Name → value of at least the variables.

        Raises:
            PromptValueError: A value does not take the format that stands in the template.
        """
        pieces: list[str] = []
        for part in self._parts:
            pieces.append(part.text)
            if part.name is not None:
                pieces.append(_formatted(part, values[part.name]))
        return "".join(pieces)


def _formatted(part: _Part, value: Any) -> str:
    try:
        return format(_CONVERSIONS[part.conversion](value), part.spec)
    except (TypeError, ValueError) as error:
        raise PromptValueError(
            f"The value of {part.name!r}, a {type(value).__name__}, does not take the format {part.spec!r}: {error}"
        ) from None


def _check(name: str, conversion: str | None, spec: str) -> None:
    if not name.strip():
        raise TemplateError("A field of the template names no variable: {}. Literal braces are doubled.")
    if name.isdigit():
        raise TemplateError(f"The field {{{name}}} is a number: variables have names.")
    if any(character in name for character in ".[]{}"):
        raise TemplateError(
            f"The field {{{name:.80}}} reaches into a value: only the name of a variable may stand there."
        )
    if conversion not in _CONVERSIONS:
        raise TemplateError(f"The field {{{name:.80}}} has an unknown conversion !{conversion:.20}.")
    if "{" in spec or "}" in spec:
        raise TemplateError(f"The format of {{{name:.80}}} has a field of its own, which is not supported.")
    if len(spec) > _MAX_SPEC or any(int(number) > _MAX_NUMBER for number in re.findall(r"[0-9]+", spec)):
        raise TemplateError(f"The format of {{{name:.80}}} is too wide: {_MAX_NUMBER} characters at most.")
