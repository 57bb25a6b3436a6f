"""Runs that give their output piece by piece: generators, async generators, returned iterators.

The run is current while the traced body runs. Between two pieces the consumer's own context is, so
that what the consumer calls does not land below the run. Whichever way the stream ends (exhausted,
closed, thrown away, cancelled, failed), its run ends with the pieces that came out.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from smithkit.tracing import _calls, _otel
from smithkit.tracing._context import current
from smithkit.tracing._identity import iso
from smithkit.tracing._report import report

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Mapping
    from types import TracebackType
    from typing import Self

    from smithkit.tracing._context import Scope
    from smithkit.tracing._decoration import Options
    from smithkit.tracing.run_trees import RunTree

__all__ = ["AsyncGeneratorRun", "Followed", "follow", "run_generator"]


class _Record:
    """The pieces of one run, and its end."""

    __slots__ = ("_chunks", "_extra", "_inner_span", "_options", "_outer_span", "ended", "inside", "run")

    def __init__(self, options: Options, run: RunTree, extra: Mapping[str, Any] | None) -> None:
        self.run = run
        self.ended = False
        self.inside: Scope | RunTree | None = run
        self._options = options
        self._extra = extra
        self._chunks: list[Any] = []
        self._outer_span: Any = None
        self._inner_span: Any = None if _otel.bridge is None else _otel.bridge.suspend(run)

    def enter(self) -> Scope | RunTree | None:
        """Make current what is current in the body; gives what was."""
        outer = current.get()
        current.set(self.inside)
        if _otel.bridge is not None and self._inner_span is not None:
            self._outer_span = _otel.bridge.swap(self._inner_span)
        return outer

    def leave(self, outer: Scope | RunTree | None) -> None:
        """Make current again what was, and keep what is current in the body for its next step."""
        self.inside = current.get()
        self._inner_span = self.exit(outer)

    def exit(self, outer: Scope | RunTree | None) -> Any:
        """Make current again what was; gives OpenTelemetry's context of the body, where it matters."""
        current.set(outer)
        return (
            None if _otel.bridge is None or self._outer_span is None else _otel.bridge.swap(self._outer_span)
        )

    def add(self, chunk: Any) -> None:
        """Note a piece."""
        options = self._options
        if options.process_chunk is not None:
            try:
                chunk = options.process_chunk(chunk)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - tracing must not break the traced program
                report(
                    f"process_chunk of {options.name!r} failed, nothing of what it was given is sent", error
                )
                chunk = {"redacted": f"process_chunk raised {type(error).__name__}"}
        if not self._chunks and options.run_type == "llm":
            now = iso(time.time_ns())
            self.run.events.append({"name": "new_token", "time": now, "kwargs": {"token": chunk}})
        self._chunks.append(chunk)

    def finish(self, last: Any = None) -> None:
        """End the run; what a generator returns is its last piece."""
        if self.ended:
            return
        self.ended = True
        if last is not None:
            self._chunks.append(last)
        _calls.finish(self._options, self.run, self._reduced(), self._extra)

    def fail(self, error: BaseException) -> None:
        """End the run with an exception, and with the pieces before it."""
        if not self.ended:
            self.ended = True
            _calls.fail(self._options, self.run, error, self._extra, self._reduced())

    def _reduced(self) -> Any:
        chunks, self._chunks = self._chunks, []
        if not chunks:
            return None
        if self._options.reduce_fn is None:
            return chunks
        try:
            return self._options.reduce_fn(chunks)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - tracing must not break the traced program
            report(f"reduce_fn of {self._options.name!r} failed, the list of chunks is recorded", error)
            return chunks


def run_generator(
    options: Options,
    run: RunTree,
    make: Callable[[], Generator[Any, Any, Any]],
    extra: Mapping[str, Any] | None,
) -> Generator[Any, Any, Any]:
    """Drive a generator as `yield from` does, its run being current while it runs.

    Args:
        options: What the decorator was told.
        run: The run.
        make: Makes the generator.
        extra: The call's `langsmith_extra`.
    """
    record = _Record(options, run, extra)
    step: Callable[[Any], Any] | None = None
    argument: Any = None
    body: Generator[Any, Any, Any] | None = None
    while True:
        outer = record.enter()
        try:
            if body is None:
                body = make()
            item = body.send(argument) if step is None else step(argument)
        except StopIteration as stop:
            record.exit(outer)
            record.finish(stop.value)
            return stop.value
        except BaseException as error:
            record.exit(outer)
            record.fail(error)
            raise
        record.leave(outer)
        record.add(item)
        step = None
        try:
            argument = yield item
        except GeneratorExit:
            _close(record, body)
            raise
        except BaseException as error:  # noqa: BLE001 - the body decides what becomes of it
            step, argument = body.throw, error


def _close(record: _Record, body: Any) -> None:
    outer = record.enter()
    try:
        if hasattr(body, "close"):
            body.close()
    except BaseException as error:
        record.exit(outer)
        record.fail(error)
        raise
    record.exit(outer)
    record.finish()


class AsyncGeneratorRun:
    """Steps through an async generator, its run being current meanwhile.

    Args:
        options: What the decorator was told.
        run: The run.
        extra: The call's `langsmith_extra`.
    """

    __slots__ = ("_record",)

    def __init__(self, options: Options, run: RunTree, extra: Mapping[str, Any] | None) -> None:
        self._record = _Record(options, run, extra)

    def make(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the async generator function."""
        try:
            return fn(*args, **kwargs)
        except BaseException as error:
            self._record.fail(error)
            raise

    @staticmethod
    def first_step(body: Any) -> Awaitable[Any]:
        """Begin the generator, unseen by the event loop.

        A loop that shuts down closes all generators that it has seen begin, each by itself. This one is
        closed by the generator around it, which the loop does see: in the run's context, and once.
        """
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, None)
        try:
            step: Awaitable[Any] = body.asend(None)
        finally:
            sys.set_asyncgen_hooks(*hooks)
        return step

    async def step(self, awaitable: Awaitable[Any]) -> Any:
        """Await the next item.

        Raises:
            StopAsyncIteration: There is none.
        """
        record = self._record
        outer = record.enter()
        try:
            item = await awaitable
        except (StopAsyncIteration, GeneratorExit):
            record.exit(outer)
            record.finish()
            raise
        except BaseException as error:
            record.exit(outer)
            record.fail(error)
            raise
        record.leave(outer)
        record.add(item)
        return item

    async def close(self, body: Any) -> None:
        """Close the generator early."""
        record = self._record
        outer = record.enter()
        try:
            await body.aclose()
        except BaseException as error:
            record.exit(outer)
            record.fail(error)
            raise
        record.exit(outer)
        record.finish()


def follow(options: Options, run: RunTree, result: Any, extra: Mapping[str, Any] | None) -> Any:
    """Trace an iterator that a function returned to its end.

    Args:
        options: What the decorator was told.
        run: The function's run, still open.
        result: What the function returned.
        extra: The call's `langsmith_extra`.

    Returns:
        An iterator in its place that ends the run; None where the result is no iterator.
    """
    kind = type(result)
    if hasattr(kind, "__anext__"):
        return _AsyncStream(_Record(options, run, extra), result)
    if hasattr(kind, "__next__"):
        return _Stream(_Record(options, run, extra), result)
    return None


class Followed:
    """What both kinds of returned iterators have in common: all else is the iterator's own.

    They pass for what the function returned, to `isinstance` too: a program may ask what it got.
    """

    def __init__(self, record: _Record, iterator: Any) -> None:
        self._record = record
        self._iterator = iterator

    def __getattr__(self, name: str) -> Any:
        return getattr(self._iterator, name)

    if not TYPE_CHECKING:  # to a checker, this attribute can be set

        @property
        def __class__(self) -> type:
            return type(self._iterator)

    def __del__(self) -> None:
        record = self.__dict__.get("_record")
        if record is not None:
            record.finish()


class _Stream(Followed):
    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        record = self._record
        outer = record.enter()
        try:
            item = next(self._iterator)
        except StopIteration as stop:
            record.exit(outer)
            record.finish(stop.value)
            raise
        except BaseException as error:
            record.exit(outer)
            record.fail(error)
            raise
        record.leave(outer)
        record.add(item)
        return item

    def close(self) -> None:
        _close(self._record, self._iterator)

    def __enter__(self) -> Self:
        if hasattr(type(self._iterator), "__enter__"):
            self._iterator.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        try:
            if hasattr(type(self._iterator), "__exit__"):
                return self._iterator.__exit__(kind, error, trace)
            self.close()
            return None
        finally:
            self._record.finish() if error is None else self._record.fail(error)


class _AsyncStream(Followed):
    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        record = self._record
        outer = record.enter()
        try:
            item = await self._iterator.__anext__()
        except StopAsyncIteration:
            record.exit(outer)
            record.finish()
            raise
        except BaseException as error:
            record.exit(outer)
            record.fail(error)
            raise
        record.leave(outer)
        record.add(item)
        return item

    async def aclose(self) -> None:
        """Close the iterator early."""
        try:
            closing = getattr(self._iterator, "aclose", None) or getattr(self._iterator, "close", None)
            answer: Any = closing() if closing is not None else None
            if hasattr(answer, "__await__"):
                await answer
        finally:
            self._record.finish()

    async def close(self) -> None:
        """`aclose` by the name that clients of model providers use."""
        await self.aclose()

    async def __aenter__(self) -> Self:
        if hasattr(type(self._iterator), "__aenter__"):
            await self._iterator.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        try:
            if hasattr(type(self._iterator), "__aexit__"):
                return await self._iterator.__aexit__(kind, error, trace)
            await self.aclose()
            return None
        finally:
            self._record.finish() if error is None else self._record.fail(error)
