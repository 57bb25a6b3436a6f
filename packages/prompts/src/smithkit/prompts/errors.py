"""What can be wrong with a prompt, or with what is asked of it; all else is in `smithkit.errors`.

::

    LangSmithConflictError
    └── StaleParentError               another commit came between the parent and the new one
    LangSmithUserError
    └── PromptError
        ├── ManifestError              the content of a commit is not what smithkit reads, or not safe to load
        │   └── TemplateError          a template in it can not be read, or asks for more than text
        ├── MissingVariablesError      a prompt is formatted without values that it needs
        └── PromptValueError           a value does not fit the place that it is for
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.errors import LangSmithConflictError, LangSmithUserError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "ManifestError",
    "MissingVariablesError",
    "PromptError",
    "PromptValueError",
    "StaleParentError",
    "TemplateError",
]


class StaleParentError(LangSmithConflictError):
    """The parent of a new commit is not the newest one any more: pull what came between, and try again."""


class PromptError(LangSmithUserError):
    """Base of the errors of this module."""


class ManifestError(PromptError, ValueError):
    """The content of a commit is not what smithkit reads, or is not safe to load."""


class TemplateError(ManifestError):
    """A template can not be read, or asks for more than text: attributes, indexes, code, huge widths."""


class MissingVariablesError(PromptError, KeyError):
    """A prompt is formatted without values that it needs.

    Args:
        missing: Names of all that are missing.
        given: Names of those that were given.

    Attributes:
        missing: Names of all that are missing, sorted.
    """

    def __init__(self, missing: Collection[str], given: Collection[str]) -> None:
        self.missing = tuple(sorted(missing))
        got = f"given are {', '.join(sorted(map(str, given)))}" if given else "none is given"
        super().__init__(f"The prompt needs values for {', '.join(self.missing)}; {got}.")

    __str__ = Exception.__str__

    def __reduce__(self) -> tuple[type[MissingVariablesError], tuple[Collection[str], Collection[str]]]:
        return type(self), (self.missing, ())


class PromptValueError(PromptError, TypeError):
    """A value does not fit the place that it is for."""
