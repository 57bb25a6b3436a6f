"""What a `traceable` decorator was told, and what can be seen of its function without `inspect`."""

from __future__ import annotations

import functools

from smithkit.tracing._context import mode_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Literal

    from smithkit.tracing._binding import Binding
    from smithkit.tracing._context import Scope
    from smithkit.tracing.run_trees import RunTree

__all__ = ["Options", "code_of"]

_VAR_KEYWORDS = 0x08
_NO_POSITION = -1
_KEYWORD_ONLY = 2**30  # past all positional arguments


class Options:
    """What a decorator was told, and what is known of its function."""

    __slots__ = (
        "allow_files",
        "binding",
        "client",
        "enabled",
        "exceptions_to_handle",
        "fn",
        "invocation_params",
        "keeps_config",
        "metadata",
        "name",
        "prepares",
        "process_chunk",
        "process_inputs",
        "process_outputs",
        "project_name",
        "reduce_fn",
        "run_position",
        "run_type",
        "tags",
    )

    def __init__(self, fn: Callable[..., Any], run_type: str, given: Mapping[str, Any]) -> None:
        self.fn = fn
        self.run_type = run_type
        self.name: str = given["name"] or _name_of(fn)
        self.metadata: dict[str, Any] = {**(given["metadata"] or {}), "ls_method": "traceable"}
        self.tags: list[str] | None = list(given["tags"]) if given["tags"] else None
        self.client: Any = given["client"]
        self.reduce_fn: Callable[[list[Any]], Any] | None = given["reduce_fn"]
        self.project_name: str | None = given["project_name"]
        self.process_inputs: Callable[[dict[str, Any]], Any] | None = given["process_inputs"]
        self.process_outputs: Callable[[Any], Any] | None = given["process_outputs"]
        self.process_chunk: Callable[[Any], Any] | None = given["process_chunk"]
        self.invocation_params: Callable[[dict[str, Any]], Any] | None = given["_invocation_params_fn"]
        self.prepares = self.process_inputs is not None or self.invocation_params is not None
        self.allow_files: bool = given["dangerously_allow_filesystem"]
        self.enabled: bool | None = given["enabled"]
        self.exceptions_to_handle: tuple[type[BaseException], ...] = tuple(
            given["exceptions_to_handle"] or ()
        )
        self.binding: Binding | None = None
        self.keeps_config, self.run_position = _asks_for(fn)

    def mode(self, scope: Scope | RunTree | None, extra: Mapping[str, Any] | None) -> bool | Literal["local"]:
        """Whether a call is traced."""
        if self.enabled is False:
            return False
        mode = mode_of(scope)
        if mode:
            return mode
        if self.enabled is True:
            return True
        if scope is not None or extra is None:
            return False
        parent = extra.get("parent") or extra.get("run_tree")
        return parent is not None and parent != "ignore"

    def take(self, kwargs: dict[str, Any]) -> Mapping[str, Any] | None:
        """Take what is tracing's out of a call's keyword arguments."""
        if not self.keeps_config:
            kwargs.pop("config", None)
        extra: Mapping[str, Any] | None = kwargs.pop("langsmith_extra", None)
        if extra is None or hasattr(extra, "get"):
            return extra
        from smithkit.tracing._report import report

        report(f"the langsmith_extra of a call of {self.name!r} is ignored: it is not a dictionary")
        return None


def code_of(fn: Any) -> Any:
    """The code object behind a callable, or None."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    code = getattr(fn, "__code__", None)
    if code is None and not isinstance(fn, type):
        code = getattr(type(fn).__call__, "__code__", None)
    return code


def _asks_for(fn: Any) -> tuple[bool, int]:
    """Whether a function takes ``config``, and the position of its ``run_tree`` (-1: it has none)."""
    code = code_of(fn)
    if code is None:
        return True, _NO_POSITION
    count = code.co_argcount
    named = code.co_varnames[: count + code.co_kwonlyargcount]
    keeps_config = "config" in named or bool(code.co_flags & _VAR_KEYWORDS)
    if "run_tree" not in named:
        return keeps_config, _NO_POSITION
    position = named.index("run_tree")
    if position >= count:
        return keeps_config, _KEYWORD_ONLY
    while isinstance(fn, functools.partial):
        position -= len(fn.args)
        fn = fn.func
    bound = getattr(fn, "__self__", None) is not None or not hasattr(fn, "__code__")
    return keeps_config, position - bound


def _name_of(fn: Any) -> str:
    while isinstance(fn, functools.partial):
        fn = fn.func
    return str(getattr(fn, "__name__", None) or type(fn).__name__)
