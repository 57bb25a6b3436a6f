"""The `traceable` decorator.

Every call of a decorated function comes through here, traced or not, and so does the import of
`traceable`: nothing is imported that is not needed before the first traced call.
"""

# ruff: noqa: F811 - overloads look like redefinitions where `overload` is not typing's at run time

from __future__ import annotations

import functools

from smithkit.tracing._context import current, mode_of, restore
from smithkit.tracing._decoration import Options, code_of
from smithkit.tracing._generator_function import GeneratorFunction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping, Sequence
    from typing import Any, ParamSpec, TypeVar, overload

    from smithkit.tracing._types import RunType, Traceable

    P = ParamSpec("P")
    R = TypeVar("R")
else:

    def overload(function):  # noqa: ANN001, ANN202 - typing's costs half of the budget of the import
        return function


__all__ = ["ensure_traceable", "is_async", "is_traceable_function", "traceable"]

_RUN_TYPES = ("tool", "chain", "llm", "retriever", "embedding", "prompt", "parser")
_GENERATOR, _COROUTINE, _ITERABLE_COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x100, 0x200

_current = current.get
_set_current = current.set
_calls: Any = None
_streams: Any = None


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


def is_traceable_function(function: Any) -> bool:
    """Whether a callable is decorated with `traceable`; partials and bound methods are looked into.

    Args:
        function: Any object.

    Example:
        >>> from smithkit.tracing import is_traceable_function, traceable
        >>> is_traceable_function(traceable(len)), is_traceable_function(len)
        (True, False)
    """
    while getattr(function, "__langsmith_traceable__", False) is not True:
        if not isinstance(function, functools.partial):
            return False
        function = function.func
    return True


def is_async(function: Any) -> bool:
    """Whether a call of a function is awaited or iterated with ``async for``, also when it is decorated.

    Args:
        function: Any callable.

    Example:
        >>> from smithkit.tracing import is_async, traceable
        >>> @traceable
        ... async def fetch() -> int:
        ...     return 7
        >>> is_async(fetch), is_async(len)
        (True, False)
    """
    flags = getattr(code_of(function), "co_flags", 0)
    return bool(flags & (_COROUTINE | _ITERABLE_COROUTINE | _ASYNC_GENERATOR))


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
    decorated: Any = function if is_traceable_function(function) else traceable(**options)(function)
    traced: Traceable[P, R] = decorated
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
    flags = getattr(code_of(fn), "co_flags", 0)
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
    wrapper.__smithkit_decoration__ = (fn, run_type, given)  # to decorate it anew in another process
    return wrapper


def _function(fn: Callable[..., Any], options: Options) -> Any:
    by_default = options.enabled is None
    takes_run = options.run_position >= 0

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        extra = options.take(kwargs) if kwargs else None
        scope = _current()
        mode = mode_of(scope) if by_default and extra is None else options.mode(scope, extra)
        calls = _calls
        run = None
        if mode:
            calls = calls or _load()
            run = calls.start(options, args, kwargs, extra, scope, mode)
        if run is None:
            if takes_run:
                _give_no_run(options, args, kwargs)
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
    def wrapper(at_call: Any, /, *args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        extra = options.take(kwargs) if kwargs else None
        scope = _current() if at_call is None else at_call
        mode = options.mode(scope, extra)
        run = (_calls or _load()).start(options, args, kwargs, extra, scope, mode) if mode else None
        if run is None:
            _give_no_run(options, args, kwargs)
            return (yield from fn(*args, **kwargs))
        return (
            yield from _streams.run_generator(options, run, functools.partial(fn, *args, **kwargs), extra)
        )

    return GeneratorFunction(wrapper)


def _async_generator(fn: Callable[..., Any], options: Options) -> Any:
    async def wrapper(at_call: Any, /, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        extra = options.take(kwargs) if kwargs else None
        scope = _current() if at_call is None else at_call
        mode = options.mode(scope, extra)
        run = (_calls or _load()).start(options, args, kwargs, extra, scope, mode) if mode else None
        if run is None:
            _give_no_run(options, args, kwargs)
            driver, body = None, fn(*args, **kwargs)
            step = body.asend(None)
        else:
            driver = _streams.AsyncGeneratorRun(options, run, extra)
            body = driver.make(fn, args, kwargs)
            step = driver.first_step(body)
        # Forwarding by hand: an async generator has no `yield from`.
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

    return GeneratorFunction(wrapper)


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
