"""Which of the things that evaluation has a function is given: by the names of its arguments."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Binding", "name_of", "positional_names"]

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Binding:
    """How a function is called: with those of the offered things that it names, else by position.

    Args:
        function: The function.
        offered: Names of what there is to give.
        positional: What a function with as many arguments of other names gets, in this order.
        kind: What the function is, for messages.

    Raises:
        ValueError: The function has arguments that nothing can be given for.
    """

    def __init__(
        self, function: Callable[..., Any], offered: Sequence[str], positional: Sequence[str], kind: str
    ) -> None:
        parameters = _parameters(function)
        self.names = [one.name for one in parameters if one.kind in _NAMED and one.name in offered]
        self.positional: tuple[str, ...] = ()
        required = [
            one for one in parameters if one.default is one.empty and one.kind in {*_NAMED, *_POSITIONAL}
        ]
        if any(one.kind is one.VAR_KEYWORD for one in parameters):
            self.names = list(offered)
        unknown = [one.name for one in required if one.name not in self.names]
        if not unknown and self.names:
            return
        self.names = []
        spread = any(one.kind is one.VAR_POSITIONAL for one in parameters)
        places = [one for one in parameters if one.kind in _POSITIONAL]
        named_only = any(one.kind is one.KEYWORD_ONLY for one in required)
        fits = len(required) <= len(positional) <= len(places) or (spread and not required)
        if named_only or not fits:
            raise ValueError(_refusal(function, offered, positional, kind, unknown))
        self.positional = tuple(positional)

    def wants(self, name: str) -> bool:
        """Whether the function is given something."""
        return name in self.names or name in self.positional

    def call(self, function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        """Call the function, or a decorated form of it.

        Args:
            function: What to call.
            values: Everything that there is to give.
        """
        positional = [values[name] for name in self.positional]
        return function(*positional, **{name: values[name] for name in self.names})


def positional_names(function: Callable[..., Any]) -> list[str]:
    """Names of a function's arguments that have no default and may be given by position."""
    return [one.name for one in _parameters(function) if one.kind in _POSITIONAL and one.default is one.empty]


def name_of(function: Any) -> str:
    """What a function is called: its own name, or its type's."""
    inner = getattr(function, "func", function)
    name = getattr(inner, "__name__", None)
    return name if isinstance(name, str) else type(function).__name__


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name_of(function)} does not tell its arguments: wrap it in a function that names them."
        ) from error
    return [one for one in signature.parameters.values() if one.name != "langsmith_extra"]


def _refusal(
    function: Any, offered: Sequence[str], positional: Sequence[str], kind: str, unknown: Sequence[str]
) -> str:
    wrong = ", ".join(unknown) or "none that is known"
    ways = f"by name any of {', '.join(offered)}"
    if positional:
        ways += f", or by position {' and '.join(positional)}"
    return f"The {kind} {name_of(function)} has arguments that nothing can be given for ({wrong}). It may take {ways}."
