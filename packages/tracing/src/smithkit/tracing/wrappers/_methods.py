"""Methods of a provider's client, replaced by traced ones: same signature, same result, same exceptions."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from smithkit.tracing._traceable import is_traceable_function, traceable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from smithkit.tracing.wrappers._values import Json

__all__ = ["Call", "TracingExtra", "Wrapping", "checked_extra", "is_async"]

_RAW_RESPONSE = "x-stainless-raw-response"


class TracingExtra(TypedDict, total=False):
    """What a wrapper may be told about all runs of a client: its ``tracing_extra``.

    Attributes:
        metadata: Metadata of each run; it wins over what the wrapper finds out.
        tags: Labels of each run.
        client: Client to send with.
        project_name: Project of traces that start with a call of the client.
        enabled: True traces whatever context and environment say, False never.
    """

    metadata: Mapping[str, Any] | None
    tags: Sequence[str] | None
    client: Any
    project_name: str | None
    enabled: bool | None


@dataclass(frozen=True, slots=True)
class Call:
    """What is recorded of the calls of one method.

    Attributes:
        name: What the runs are called.
        inputs: Makes a run's inputs of the call's keyword arguments.
        metadata: Makes metadata of them.
        outputs: Makes a run's outputs of the answer, or of what `merge` gives.
        merge: Makes one answer of the chunks of a streamed one.
    """

    name: str
    inputs: Callable[[Json], Json]
    metadata: Callable[[Json], Json]
    outputs: Callable[[Any], Json]
    merge: Callable[[list[Any]], Json]


class Wrapping:
    """Replaces methods of a client's resources.

    Args:
        extra: What the user said of all runs.
    """

    def __init__(self, extra: TracingExtra) -> None:
        self._extra = extra

    def method(self, resource: Any, name: str, call: Call) -> None:
        """Trace a method that returns an answer, or the stream of one.

        Args:
            resource: Has the method, or not, depending on the SDK's version.
            name: The method.
            call: What to record of it.
        """
        original = getattr(resource, name, None)
        if original is None or is_traceable_function(original):
            return
        traced = self._traced(call, (_awaiting if is_async(original) else _calling)(original))
        _replace(resource, name, (_async_method if is_async(original) else _method)(original, traced))

    def stream_helper(self, resource: Any, name: str, call: Call | None = None) -> None:
        """Trace a method that returns a context manager for a stream.

        Args:
            resource: Has the method, or not, depending on the SDK's version.
            name: The method.
            call: What to record of it; None where it calls a method that is traced itself, so that there is
                but the end of the ``with`` block to see to.
        """
        from smithkit.tracing.wrappers import _managers

        original = getattr(resource, name, None)
        if original is None or is_traceable_function(original):
            return
        begin = abegin = None
        if call is not None:
            begin, abegin = self._traced(call, _managers.begin), self._traced(call, _managers.abegin)

        def method(*args: Any, **kwargs: Any) -> Any:
            extra = kwargs.pop("langsmith_extra", None) if call is not None else None
            manager = original(*args, **kwargs)
            if extra is not None:
                kwargs["langsmith_extra"] = extra
            kind = _managers.AsyncManager if hasattr(type(manager), "__aenter__") else _managers.Manager
            return kind(manager, abegin if kind is _managers.AsyncManager else begin, kwargs)

        _replace(resource, name, functools.wraps(original)(method))

    def _traced(self, call: Call, function: Any) -> Any:
        decorate: Any = traceable(
            "llm",
            name=call.name,
            process_inputs=call.inputs,
            _invocation_params_fn=call.metadata,
            process_outputs=call.outputs,
            reduce_fn=call.merge,
            **self._extra,
        )
        return decorate(function)


def checked_extra(extra: TracingExtra | None) -> TracingExtra:
    """The user's `tracing_extra`, if all of it is known.

    Args:
        extra: As given.

    Raises:
        ValueError: It has a key that there is not.
    """
    known = sorted(TracingExtra.__annotations__)
    unknown = sorted(set(extra or ()) - set(known))
    if unknown:
        raise ValueError(f"tracing_extra has unknown keys {unknown}; known are {known}")
    return extra or {}


def is_async(method: Any) -> bool:
    """Whether a method is a coroutine function, beneath the SDK's own decorators."""
    return inspect.iscoroutinefunction(inspect.unwrap(method))


def _replace(resource: Any, name: str, method: Any) -> None:
    method.__langsmith_traceable__ = True
    setattr(resource, name, method)


def _calling(original: Any) -> Any:
    def call(**kwargs: Any) -> Any:
        return original(**kwargs)

    return call


def _awaiting(original: Any) -> Any:
    async def call(**kwargs: Any) -> Any:
        return await original(**kwargs)

    return call


def _method(original: Any, traced: Any) -> Any:
    def method(*args: Any, **kwargs: Any) -> Any:
        if args or _is_unread(kwargs):
            kwargs.pop("langsmith_extra", None)
            return original(*args, **kwargs)
        return traced(**kwargs)

    return functools.wraps(original)(method)


def _async_method(original: Any, traced: Any) -> Any:
    async def method(*args: Any, **kwargs: Any) -> Any:
        if args or _is_unread(kwargs):
            kwargs.pop("langsmith_extra", None)
            return await original(*args, **kwargs)
        return await traced(**kwargs)

    return functools.wraps(original)(method)


def _is_unread(kwargs: Json) -> bool:
    """Whether the caller asks for a response whose body nobody but the caller may read.

    The SDKs' `with_streaming_response` and `with_raw_response` call the method with a header.
    """
    headers = kwargs.get("extra_headers")
    if not headers:
        return False
    kind = next((value for name, value in headers.items() if name.lower() == _RAW_RESPONSE), None)
    return kind == "stream" or (kind is not None and kwargs.get("stream") is True)
