"""A template of text, in one of the styles that there are."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal, get_args

from smithkit.prompts._templates._fstring import FString
from smithkit.prompts.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smithkit.prompts._templates._mustache import Mustache

__all__ = ["StringTemplate", "TemplateFormat"]

TemplateFormat = Literal["f-string", "mustache"]
"""How a template is written."""
_MAX_TEMPLATE = 2_000_000


class StringTemplate:
    """A template of text.

    Args:
        text: The template.
        template_format: How it is written.

    Raises:
        TemplateError: It can not be read, or is written in another way.
    """

    __slots__ = ("_read", "template_format", "text")

    def __init__(self, text: str, template_format: str = "f-string") -> None:
        if template_format not in get_args(TemplateFormat):
            raise TemplateError(
                f"Templates are f-strings or mustache, not {template_format!r:.40}: jinja2 and the like run code."
            )
        if not isinstance(text, str) or len(text) > _MAX_TEMPLATE:
            raise TemplateError(f"A template is a text of at most {_MAX_TEMPLATE} characters.")
        self.text = text
        self.template_format: TemplateFormat = "mustache" if template_format == "mustache" else "f-string"
        self._read = _read(text, self.template_format)

    @property
    def variables(self) -> frozenset[str]:
        """Names of its variables."""
        return self._read.variables

    def render(self, values: Mapping[str, Any]) -> str:
        """The text.

        Args:
            values: Name → value of at least the variables.
        """
        return self._read.render(values)

    def __deepcopy__(self, memo: dict[int, Any]) -> StringTemplate:
        return self  # nothing of it changes

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StringTemplate):
            return NotImplemented
        return (self.text, self.template_format) == (other.text, other.template_format)

    def __hash__(self) -> int:
        return hash((self.text, self.template_format))

    def __repr__(self) -> str:
        return f"StringTemplate({self.text!r}, {self.template_format!r})"


@functools.lru_cache(maxsize=256)
def _read(text: str, template_format: TemplateFormat) -> FString | Mustache:
    if template_format == "f-string":
        return FString(text)
    from smithkit.prompts._templates._mustache import Mustache

    return Mustache(text)
