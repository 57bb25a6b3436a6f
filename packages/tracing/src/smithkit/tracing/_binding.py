"""Which argument has which name: from a call's arguments to a run's inputs.

`inspect.signature(...).bind` takes several times as long as everything else that a traced call does.
So a function with the same parameters is compiled, once, whose body is the dictionary of inputs: the
interpreter then binds the arguments, by the very rules that the call itself follows.
"""

from __future__ import annotations

import inspect
import keyword
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Binding"]

_OWNERS = ("self", "cls")
_RUN = "run_tree"
_ATTACHMENT = re.compile(r"\bAttachment\b")
_Kind = inspect.Parameter
_STARS: dict[Any, str] = {_Kind.VAR_POSITIONAL: "*", _Kind.VAR_KEYWORD: "**"}


class Binding:
    """How a function's arguments become inputs.

    Args:
        fn: The function.

    Attributes:
        bind: Called with a call's arguments, gives its inputs by name, defaults included. Raises TypeError
            where they do not fit.
        attachments: Parameters that are annotated as attachments.
    """

    __slots__ = ("attachments", "bind")

    def __init__(self, fn: Callable[..., Any]) -> None:
        try:
            parameters = list(inspect.signature(fn).parameters.values())
        except (TypeError, ValueError):  # some builtins have none
            parameters = None
        self.bind = _unnamed if parameters is None else _compile(parameters)
        self.attachments = tuple(p.name for p in parameters or () if _is_attachment(p.annotation))

    def take_attachments(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Take the attachments out of the inputs."""
        found = {}
        for name in self.attachments:
            value = inputs.get(name)
            if isinstance(value, tuple) and len(value) == 2:  # noqa: PLR2004 - MIME type and data
                found[name] = inputs.pop(name)
        return found


def _unnamed(*args: Any, **kwargs: Any) -> dict[str, Any]:
    return {"args": list(args), "kwargs": kwargs}


def _compile(parameters: list[inspect.Parameter]) -> Callable[..., dict[str, Any]]:
    if any(not p.name.isidentifier() or keyword.iskeyword(p.name) for p in parameters):
        return _unnamed  # a signature that was made by hand
    defaults: dict[str, Any] = {"__builtins__": {}}
    written: list[str] = []
    items: list[str] = []
    positional_only = keyword_only = False
    for index, parameter in enumerate(parameters):
        if positional_only and parameter.kind is not _Kind.POSITIONAL_ONLY:
            written.append("/")
        positional_only = parameter.kind is _Kind.POSITIONAL_ONLY
        if parameter.kind is _Kind.KEYWORD_ONLY and not keyword_only:
            written.append("*")
        keyword_only = keyword_only or parameter.kind in {_Kind.KEYWORD_ONLY, _Kind.VAR_POSITIONAL}
        text = _STARS.get(parameter.kind, "") + parameter.name
        if parameter.default is not _Kind.empty:
            text += f"=_{index}"
            defaults[f"_{index}"] = parameter.default
        written.append(text)
        owner = index == 0 and parameter.name in _OWNERS
        if parameter.kind is _Kind.VAR_KEYWORD:
            items.append(f"**{parameter.name}")
        elif not owner and parameter.name != _RUN:
            items.append(f"{parameter.name!r}: {parameter.name}")
    if positional_only:
        written.append("/")
    # Only identifiers stand in the text; values come in through the namespace.
    bind: Callable[..., dict[str, Any]] = eval(  # noqa: S307
        f"lambda {', '.join(written)}: {{{', '.join(items)}}}", defaults
    )
    return bind


def _is_attachment(annotation: Any) -> bool:
    if annotation is _Kind.empty:
        return False
    text = (
        annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "") or repr(annotation)
    )
    return _ATTACHMENT.search(str(text)) is not None or _ATTACHMENT.search(repr(annotation)) is not None
