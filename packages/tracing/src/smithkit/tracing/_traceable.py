"""The `traceable` decorator.

Every call of a decorated function comes through here, traced or not, and so does the import of
`traceable`: nothing is imported that is not needed before the first traced call.
"""

# ruff: noqa: F811 - overloads look like redefinitions where `overload` is not typing's at run time

from __future__ import annotations

import functools

from smithkit.tracing._context import Scope, current, mode_of, restore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping, Sequence
    from typing import Any, Literal, ParamSpec, TypeGuard, TypeVar, overload

    from smithkit.tracing._binding import Binding
    from smithkit.tracing._types import RunType, Traceable
    from smithkit.tracing.run_trees import RunTree

    P = ParamSpec("P")
    R = TypeVar("R")
else:

    def overload(function):  # noqa: ANN001, ANN202 - typing's costs half of the budget of the import
        return function


__all__ = ["Options", "ensure_traceable", "is_traceable_function", "traceable"]

_RUN_TYPES = ("tool", "chain", "llm", "retriever", "embedding", "prompt", "parser")
_GENERATOR, _COROUTINE, _ITERABLE_COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x100, 0x200
_VAR_KEYWORDS = 0x08
_NO_POSITION = -1
_KEYWORD_ONLY = 2**30  # past all positional arguments

_current = current.get
_set_current = current.set
_calls: Any = None
_streams: Any = None


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
        return extra


@overload
def traceable(fn: Callable[P, R], /) -> Traceable[P, R]: ...
@overload
def traceable(
    run_type: RunType = "chain",
    /,
    *,
    name: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Sequence[str] | None = None,
    client: Any = None,
    reduce_fn: Callable[[list[Any]], Any] | None = None,
    project_name: str | None = None,
    process_inputs: Callable[[dict[str, Any]], Any] | None = None,
    process_outputs: Callable[..., Any] | None = None,
    process_chunk: Callable[[Any], Any] | None = None,
    dangerously_allow_filesystem: bool = False,
    enabled: bool | None = None,
    exceptions_to_handle: Iterable[type[BaseException]] | None = None,
    _invocation_params_fn: Callable[[dict[str, Any]], Any] | None = None,
) -> Callable[[Callable[P, R]], Traceable[P, R]]: ...
@overload
def traceable(
    *,
    run_type: RunType,
    name: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Sequence[str] | None = None,
    client: Any = None,
    reduce_fn: Callable[[list[Any]], Any] | None = None,
    project_name: str | None = None,
    process_inputs: Callable[[dict[str, Any]], Any] | None = None,
    process_outputs: Callable[..., Any] | None = None,
    process_chunk: Callable[[Any], Any] | None = None,
    dangerously_allow_filesystem: bool = False,
    enabled: bool | None = None,
    exceptions_to_handle: Iterable[type[BaseException]] | None = None,
    _invocation_params_fn: Callable[[dict[str, Any]], Any] | None = None,
) -> Callable[[Callable[P, R]], Traceable[P, R]]: ...
def traceable(
    *positional: Any,
    run_type: str = "chain",
    name: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Sequence[str] | None = None,
    client: Any = None,
    reduce_fn: Callable[[list[Any]], Any] | None = None,
    project_name: str | None = None,
    process_inputs: Callable[[dict[str, Any]], Any] | None = None,
    process_outputs: Callable[..., Any] | None = None,
    process_chunk: Callable[[Any], Any] | None = None,
    dangerously_allow_filesystem: bool = False,
    enabled: bool | None = None,
    exceptions_to_handle: Iterable[type[BaseException]] | None = None,
    _invocation_params_fn: Callable[[dict[str, Any]], Any] | None = None,
    **unknown: Any,
) -> Any:
    """Trace the calls of a function: plain, coroutine, generator or async generator.

    Use it bare (``@traceable``), with a run type (``@traceable("llm")``) or with keywords. Each call
    becomes a run with the arguments as inputs and the result as outputs, below the run that is current.
    While tracing is off (see `tracing_enabled`) a call costs less than a microsecond more.

    The decorated function takes one more keyword argument, ``langsmith_extra``: a dictionary that says
    something about this one call (see `LangSmithExtra`). A ``config`` argument is dropped unless the
    function takes one. A parameter named ``run_tree`` receives the run.

    Args:
        *positional: The function, or the run type.
        run_type: ``chain``, ``llm``, ``tool``, ``retriever``, ``embedding``, ``prompt`` or ``parser``.
        name: What runs are called, by default as the function.
        metadata: Metadata of each run.
        tags: Labels of each run.
        client: Client to send with.
        reduce_fn: Makes the outputs of the list of a generator's chunks. On a function that returns an
            iterator, that iterator is traced to its end.
        project_name: Project of traces that start here.
        process_inputs: Makes what is recorded of the inputs. If it fails, nothing of them is.
        process_outputs: Makes what is recorded of the result. If it fails, nothing of it is.
        process_chunk: Makes what is recorded of one chunk.
        dangerously_allow_filesystem: Whether attachments may be paths, which are read and uploaded.
        enabled: True traces whatever context and environment say, False never.
        exceptions_to_handle: Exceptions that are part of the function's normal course: they go on, but
            are not recorded as errors.
        _invocation_params_fn: Makes metadata of the inputs.
        **unknown: Ignored with a DeprecationWarning.

    Returns:
        The decorated function, or a decorator.

    Example:
        >>> from smithkit import traceable
        >>> @traceable("tool", tags=["maths"])
        ... def add(a: int, b: int = 1) -> int:
        ...     return a + b
        >>> add(1)
        2
        >>> add(1, b=2, langsmith_extra={"metadata": {"user": "u1"}})
        3
    """
    given = {
        "name": name,
        "metadata": metadata,
        "tags": tags,
        "client": client,
        "reduce_fn": reduce_fn,
        "project_name": project_name,
        "process_inputs": process_inputs,
        "process_outputs": process_outputs,
        "process_chunk": process_chunk,
        "dangerously_allow_filesystem": dangerously_allow_filesystem,
        "enabled": enabled,
        "exceptions_to_handle": exceptions_to_handle,
        "_invocation_params_fn": _invocation_params_fn,
    }
    function = None
    if positional:
        if isinstance(positional[0], str):
            run_type = positional[0]
        else:
            function = positional[0]
    _warn_of_misuse(run_type, positional, unknown)
    if function is not None:
        return _decorate(function, run_type, given)
    return functools.partial(_decorate, run_type=run_type, given=given)


def is_traceable_function(function: Any) -> TypeGuard[Traceable[..., Any]]:
    """Whether a callable is decorated with `traceable`; partials and bound methods are looked into.

    Args:
        function: Any object.

    Example:
        >>> from smithkit.tracing import is_traceable_function, traceable
        >>> is_traceable_function(traceable(len)), is_traceable_function(len)
        (True, False)
    """
    while isinstance(function, functools.partial):
        function = function.func
    return getattr(function, "__langsmith_traceable__", False) is True


def ensure_traceable(function: Callable[P, R], **options: Any) -> Traceable[P, R]:
    """A traced form of a function: itself if it is traced already.

    Args:
        function: The function.
        **options: Keyword arguments of `traceable`, used if it is not traced yet.

    Example:
        >>> from smithkit.tracing import ensure_traceable, traceable
        >>> traced = traceable(len)
        >>> ensure_traceable(traced) is traced
        True
    """
    if is_traceable_function(function):
        return function
    decorate: Callable[[Callable[P, R]], Traceable[P, R]] = traceable(**options)
    traced: Traceable[P, R] = decorate(function)
    return traced


def _warn_of_misuse(run_type: str, positional: tuple[Any, ...], unknown: dict[str, Any]) -> None:
    if run_type in _RUN_TYPES and len(positional) <= 1 and not unknown:
        return
    import warnings

    if run_type not in _RUN_TYPES:
        warnings.warn(
            f"{run_type!r} is no run type; there are {', '.join(_RUN_TYPES)}.", UserWarning, stacklevel=3
        )
    if len(positional) > 1:
        warnings.warn(
            "traceable takes one positional argument, the function or the run type; name the others.",
            UserWarning,
            stacklevel=3,
        )
    if unknown:
        warnings.warn(f"traceable ignores {', '.join(sorted(unknown))}.", DeprecationWarning, stacklevel=3)


def _decorate(fn: Any, run_type: str, given: Mapping[str, Any]) -> Any:
    if isinstance(fn, (staticmethod, classmethod)):
        return type(fn)(_decorate(fn.__func__, run_type, given))
    if not callable(fn):
        raise TypeError(f"traceable decorates functions, not {type(fn).__name__}")
    options = Options(fn, run_type, given)
    flags = getattr(_code_of(fn), "co_flags", 0)
    if flags & _ASYNC_GENERATOR:
        wrapper = _async_generator(fn, options)
    elif flags & (_COROUTINE | _ITERABLE_COROUTINE):
        wrapper = _coroutine(fn, options)
    elif flags & _GENERATOR:
        wrapper = _generator(fn, options)
    else:
        wrapper = _function(fn, options)
    # A callable object's own attributes are not the function's.
    updated = functools.WRAPPER_UPDATES if hasattr(fn, "__code__") else ()
    functools.update_wrapper(wrapper, fn, updated=updated)
    wrapper.__langsmith_traceable__ = True
    return wrapper


def _function(fn: Callable[..., Any], options: Options) -> Any:
    by_default = options.enabled is None
    takes_run = options.run_position >= 0

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        extra = options.take(kwargs) if kwargs else None
        scope = _current()
        mode = mode_of(scope) if by_default and extra is None else options.mode(scope, extra)
        if not mode:
            if takes_run:
                _give_no_run(options, args, kwargs)
            return fn(*args, **kwargs)
        calls = _calls or _load()
        run = calls.start(options, args, kwargs, extra, scope, mode)
        if run is None:
            return fn(*args, **kwargs)
        _set_current(run)
        try:
            result = fn(*args, **kwargs)
        except BaseException as error:
            _set_current(scope)
            calls.fail(options, run, error, extra)
            raise
        _set_current(scope)
        if (
            options.reduce_fn is not None
            and (stream := _streams.follow(options, run, result, extra)) is not None
        ):
            return stream
        calls.finish(options, run, result, extra)
        return result

    return wrapper


def _coroutine(fn: Callable[..., Any], options: Options) -> Any:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        extra = options.take(kwargs) if kwargs else None
        scope = _current()
        mode = options.mode(scope, extra)
        run = (_calls or _load()).start(options, args, kwargs, extra, scope, mode) if mode else None
        if run is None:
            _give_no_run(options, args, kwargs)
            return await fn(*args, **kwargs)
        _set_current(run)
        try:
            result = await fn(*args, **kwargs)
        except BaseException as error:
            # A coroutine that is thrown away is closed wherever that happens, in another's context.
            restore(run, scope)
            _calls.fail(options, run, error, extra)
            raise
        _set_current(scope)
        if (
            options.reduce_fn is not None
            and (stream := _streams.follow(options, run, result, extra)) is not None
        ):
            return stream
        _calls.finish(options, run, result, extra)
        return result

    return wrapper


def _generator(fn: Callable[..., Any], options: Options) -> Any:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        extra = options.take(kwargs) if kwargs else None
        scope = _current()
        mode = options.mode(scope, extra)
        run = (_calls or _load()).start(options, args, kwargs, extra, scope, mode) if mode else None
        if run is None:
            _give_no_run(options, args, kwargs)
            return (yield from fn(*args, **kwargs))
        return (
            yield from _streams.run_generator(options, run, functools.partial(fn, *args, **kwargs), extra)
        )

    return wrapper


def _async_generator(fn: Callable[..., Any], options: Options) -> Any:
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        extra = options.take(kwargs) if kwargs else None
        scope = _current()
        mode = options.mode(scope, extra)
        run = (_calls or _load()).start(options, args, kwargs, extra, scope, mode) if mode else None
        if run is None:
            _give_no_run(options, args, kwargs)
            driver, body = None, fn(*args, **kwargs)
        else:
            driver = _streams.AsyncGeneratorRun(options, run, extra)
            body = driver.make(fn, args, kwargs)
        # Forwarding by hand: an async generator has no `yield from`.
        step = body.asend(None)
        while True:
            try:
                item = await (step if driver is None else driver.step(step))
            except StopAsyncIteration:
                return
            try:
                sent = yield item
            except GeneratorExit:
                await (body.aclose() if driver is None else driver.close(body))
                raise
            except BaseException as error:  # noqa: BLE001 - the body decides what becomes of it
                step = body.athrow(error)
            else:
                step = body.asend(sent)

    return wrapper


def _give_no_run(options: Options, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """A function that asks for its run gets None where it is not traced."""
    if options.run_position >= len(args):
        kwargs.setdefault("run_tree", None)


def _load() -> Any:
    global _calls, _streams  # noqa: PLW0603 - what tracing needs is loaded at the first traced call
    from smithkit.tracing import _calls as calls
    from smithkit.tracing import _streams as streams

    _streams = streams
    _calls = calls
    return calls


def _code_of(fn: Any) -> Any:
    """The code object behind a callable, or None."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    code = getattr(fn, "__code__", None)
    if code is None and not isinstance(fn, type):
        code = getattr(type(fn).__call__, "__code__", None)
    return code


def _asks_for(fn: Any) -> tuple[bool, int]:
    """Whether a function takes ``config``, and the position of its ``run_tree`` (-1: it has none)."""
    code = _code_of(fn)
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
