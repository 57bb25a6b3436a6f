"""Few shots of text: a beginning, examples, an end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smithkit.prompts._templates._strings import StringTemplate

__all__ = ["ExampleText"]


@dataclass(frozen=True, slots=True)
class ExampleText:
    """A text with examples.

    Attributes:
        prefix: What stands before the examples.
        suffix: What stands after them.
        example: The template of each.
        examples: The values of each; braces in them are text.
        separator: What stands between the pieces.
    """

    prefix: StringTemplate
    suffix: StringTemplate
    example: StringTemplate
    examples: tuple[Mapping[str, Any], ...]
    separator: str = "\n\n"

    @property
    def variables(self) -> frozenset[str]:
        """Names of the values that beginning and end need."""
        return self.prefix.variables | self.suffix.variables

    def render(self, values: Mapping[str, Any]) -> str:
        """The text.

        Args:
            values: Name → value of at least the variables.
        """
        shots = [self.example.render(example) for example in self.examples]
        pieces = [self.prefix.render(values), *shots, self.suffix.render(values)]
        return self.separator.join(piece for piece in pieces if piece)
