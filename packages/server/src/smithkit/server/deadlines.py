"""How long a client may take: whoever trickles a body or does not read the answer is cut off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from smithkit.server.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from smithkit.server.limits import Limits

__all__ = ["DeadlineMiddleware", "SlowReaderError"]

_PIECE = 256 * 1024


class SlowReaderError(Exception):
    """The client does not take its answer."""


class DeadlineMiddleware:
    """Gives up on clients that are too slow.

    Args:
        app: What it wraps.
        limits: `body_pause`, `body_time` and `answer_pause`.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, answer 408, or end the connection."""
        if scope["type"] == "http":
            client = _Client(receive, send, self._limits)
            receive, send = client.receive, client.send
        await self._app(scope, receive, send)


class _Client:
    """One request's two ends."""

    def __init__(self, receive: Receive, send: Send, limits: Limits) -> None:
        self._receive, self._send, self._limits = receive, send, limits
        self._has_body = True
        now = asyncio.get_running_loop().time()
        self._end = None if limits.body_time is None else now + limits.body_time

    async def receive(self) -> Message:
        """Wait for the next piece of the body, but not for long; after it, for the client to go away."""
        if not self._has_body:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._end), asyncio.timeout(self._limits.body_pause):
                message = await self._receive()
        except TimeoutError:
            raise ApiError(
                408, "The body did not arrive in time; send it again, faster", {"connection": "close"}
            ) from None
        self._has_body = message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Hand out the answer, in pieces that the connection takes one after the other."""
        pause = self._limits.answer_pause
        try:
            for piece in (message,) if pause is None else _pieces(message):
                async with asyncio.timeout(pause):
                    await self._send(piece)
        except TimeoutError:
            raise SlowReaderError from None


def _pieces(message: Message) -> Iterator[Message]:
    body = message.get("body", b"")
    last = max(len(body) - 1, 0) // _PIECE * _PIECE
    for at in range(0, last, _PIECE):
        yield {**message, "body": body[at : at + _PIECE], "more_body": True}
    yield {**message, "body": body[last:]} if last else message
