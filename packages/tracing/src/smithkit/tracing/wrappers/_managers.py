"""Context managers for streams (`client.messages.stream(…)`), whose runs end with their blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.tracing._streams import Followed

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from smithkit.tracing.wrappers._values import Json

__all__ = ["AsyncManager", "Manager", "abegin", "begin"]

_RAW = "_raw_stream"


class _Managing:
    """Stands in a manager's place; all but entering and leaving is the manager's own."""

    def __init__(self, manager: Any, begin: Callable[..., Any] | None, kwargs: Json) -> None:
        self.manager = manager
        self.stream: Any = None
        self._begin = begin
        self._kwargs = kwargs

    def __getattr__(self, name: str) -> Any:
        return getattr(self.manager, name)

    if not TYPE_CHECKING:  # to a checker, this attribute can be set

        @property
        def __class__(self) -> type:
            return type(self.manager)

    def _follow(self, raw: Any) -> Any:
        """Let the SDK's stream read its events from where they are noted."""
        if raw is not None:
            setattr(self.stream, _RAW, raw)
        return self.stream

    def _raw(self) -> Any:
        """The stream of events, where it is followed."""
        raw = getattr(self.stream, _RAW, None)
        return raw if isinstance(raw, Followed) else None


class Manager(_Managing):
    """The manager of a client's stream."""

    def __enter__(self) -> Any:
        if self._begin is None:
            self.stream = self.manager.__enter__()
            return self.stream
        return self._follow(self._begin(self, **self._kwargs))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        raw = self._raw()
        if raw is not None:
            raw.__exit__(kind, error, trace)
        return self.manager.__exit__(kind, error, trace)


class AsyncManager(_Managing):
    """The manager of an async client's stream."""

    async def __aenter__(self) -> Any:
        if self._begin is None:
            self.stream = await self.manager.__aenter__()
            return self.stream
        return self._follow(await self._begin(self, **self._kwargs))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        raw = self._raw()
        if raw is not None:
            await raw.__aexit__(kind, error, trace)
        return await self.manager.__aexit__(kind, error, trace)


def begin(self: Manager, **kwargs: Any) -> Any:  # noqa: ARG001 - the run's inputs
    """Send the request; gives the stream of events, to be followed."""
    self.stream = self.manager.__enter__()
    return getattr(self.stream, _RAW, None)


async def abegin(self: AsyncManager, **kwargs: Any) -> Any:  # noqa: ARG001 - the run's inputs
    """`begin` of an async client."""
    self.stream = await self.manager.__aenter__()
    return getattr(self.stream, _RAW, None)
