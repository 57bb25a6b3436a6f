"""The server inside this process: the same application, called without any socket."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from weakref import WeakSet

from smithkit.server.app import create_app
from smithkit.server.limits import Limits
from smithkit.server.store.engine import database_path

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Iterator

    from starlette.applications import Starlette
    from starlette.types import Message, Scope

__all__ = ["EmbeddedServer", "embedded"]

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers and body."""

_PIECE = 256 * 1024
_QUEUED_PIECES = 4
_CLOSE_SECONDS = 10.0
_PATIENT = Limits(body_pause=None, body_time=None, answer_pause=None)  # the client is this program itself


class _Feed:
    """A request's body on its way from the caller's thread to the application."""

    def __init__(self, first: bytes, *, complete: bool) -> None:
        self._pieces: asyncio.Queue[tuple[bytes, bool]] = asyncio.Queue(_QUEUED_PIECES)
        self._pieces.put_nowait((first, not complete))

    async def put(self, piece: bytes, *, more: bool) -> None:
        await self._pieces.put((piece, more))

    async def receive(self) -> Message:
        body, more = await self._pieces.get()
        return {"type": "http.request", "body": body, "more_body": more}


class _Loop:
    """A running application: its event loop in a thread of its own."""

    def __init__(self, url: str, *, stored_keys: bool) -> None:
        self.app: Starlette = create_app(url, stored_keys=stored_keys, limits=_PATIENT)
        self._ready: Future[asyncio.AbstractEventLoop] = Future()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        # A daemon: an acknowledged write is durable, so nothing is lost when the process just ends.
        self._thread = threading.Thread(target=self._run, name="smithkit-embedded", daemon=True)
        self._thread.start()
        self._loop = self._ready.result()

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            raise

    async def answer(self, scope: Scope, feed: _Feed) -> Answer:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        status = 500
        headers: list[tuple[bytes, bytes]] = []
        body: list[bytes] = []

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers.extend((bytes(name), bytes(value)) for name, value in message.get("headers", ()))
            elif message["type"] == "http.response.body":
                body.append(message.get("body", b""))

        await self.app(scope, feed.receive, send)
        return status, headers, b"".join(body)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that starts the server
            if not self._ready.done():
                self._ready.set_exception(error)

    async def _main(self) -> None:
        async with self.app.router.lifespan_context(self.app):
            self._ready.set_result(asyncio.get_running_loop())
            await self._stop.wait()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_CLOSE_SECONDS)


class EmbeddedServer:
    """A server for this process alone, started on first use.

    Any thread and any event loop may call it. After a fork the child gets a server of its own; the
    parent's goes on untouched.

    Args:
        url: Database URL, as for `create_app`.
        stored_keys: Whether requests must bring a key once the database has one; whoever can open the file needs none.

    Example:
        >>> server = EmbeddedServer("sqlite:///runs.db")
        >>> status, headers, body = server.request("GET", "/info", [], b"", timeout=10)
        >>> status
        200
        >>> server.close()
    """

    def __init__(self, url: str, *, stored_keys: bool = False) -> None:
        self.url = url
        self._stored_keys = stored_keys
        self._lock = threading.Lock()
        self._running: _Loop | None = None
        _all.add(self)

    @property
    def app(self) -> Starlette:
        """The application."""
        return self.start().app

    def start(self) -> _Loop:
        """Start the background thread now rather than on the first request.

        Worth it early in a program: while the interpreter shuts down, no thread can be started.

        Raises:
            ValueError: The URL names an unknown kind of database.
            OSError: The file cannot be made.
        """
        running = self._running
        if running is None:
            with self._lock:
                if self._running is None:
                    self._running = _Loop(self.url, stored_keys=self._stored_keys)
                running = self._running
        return running

    def request(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[bytes, bytes]],
        body: Iterable[bytes] | bytes,
        timeout: float | None = None,
    ) -> Answer:
        """Send a request and wait for the answer.

        Args:
            method: HTTP method.
            path: Path and query.
            headers: Names and values.
            body: All of it, or pieces; they are consumed in this thread, as fast as the server takes them.
            timeout: Seconds to wait for the answer, once the body is handed over.

        Returns:
            Status, headers and body.

        Raises:
            TimeoutError: The server took longer.
        """
        loop = self.start()
        pieces = _pieces(body)
        first = next(pieces, b"")
        second = next(pieces, None)
        feed = _Feed(first, complete=second is None)
        answer = loop.call(loop.answer(_scope(method, path, headers), feed))
        try:
            while second is not None:
                following = next(pieces, None)
                put = loop.call(feed.put(second, more=following is not None))
                wait((put, answer), timeout, FIRST_COMPLETED)
                if not put.done():
                    put.cancel()
                    break  # answered without reading all, or too slow: the next line tells which
                second = following
            result: Answer = answer.result(timeout)
        except BaseException:
            answer.cancel()
            raise
        return result

    async def arequest(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[bytes, bytes]],
        body: Iterable[bytes] | bytes,
        timeout: float | None = None,  # noqa: ASYNC109 - the same arguments as `request`
    ) -> Answer:
        """Send a request and await the answer, in any event loop.

        Args:
            method: HTTP method.
            path: Path and query.
            headers: Names and values.
            body: All of it, or pieces.
            timeout: Seconds to wait for the answer.

        Returns:
            Status, headers and body.

        Raises:
            TimeoutError: The server took longer.
        """
        loop = self._running
        if loop is None:
            loop = await asyncio.to_thread(self.start)
        pieces = _pieces(body)
        first = next(pieces, b"")
        second = next(pieces, None)
        feed = _Feed(first, complete=second is None)
        answer = asyncio.wrap_future(loop.call(loop.answer(_scope(method, path, headers), feed)))
        try:
            async with asyncio.timeout(timeout):
                while second is not None:
                    following = next(pieces, None)
                    put = asyncio.wrap_future(loop.call(feed.put(second, more=following is not None)))
                    await asyncio.wait((put, answer), return_when=asyncio.FIRST_COMPLETED)
                    if not put.done():
                        put.cancel()
                        break
                    second = following
                result: Answer = await answer
        finally:
            answer.cancel()
        return result

    def close(self) -> None:
        """Finish the requests under way and let go of the database; the next request starts anew."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            running.close()

    def _forget(self) -> None:
        """In a forked child: the thread is gone, and the parent's connections must not be touched, even to close them."""
        self._lock = threading.Lock()
        if self._running is not None:
            _orphans.append(self._running)
            self._running = None


_all: WeakSet[EmbeddedServer] = WeakSet()
_orphans: list[_Loop] = []
_servers: dict[str, EmbeddedServer] = {}
_lock = threading.Lock()


def embedded(url: str) -> EmbeddedServer:
    """Give this process's server for a database: the same one for the same file, however it is spelled.

    Args:
        url: Database URL, as for `create_app`.

    Returns:
        The server; it starts on first use.

    Example:
        >>> embedded("sqlite:///runs.db") is embedded("./runs.db")
        True
    """
    try:
        key = str(database_path(url))
    except ValueError:  # not a SQLite file: a plugin may know it, or the start will say
        key = url
    with _lock:
        if key not in _servers:
            _servers[key] = EmbeddedServer(key)
        return _servers[key]


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - another thread may have held it when the process was forked
    _lock = threading.Lock()
    for server in list(_all):
        server._forget()  # noqa: SLF001 - the same module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _pieces(body: Iterable[bytes] | bytes) -> Iterator[bytes]:
    """Join small pieces, for each one costs a switch between threads."""
    if isinstance(body, bytes | bytearray | memoryview):
        yield bytes(body)
        return
    pending = bytearray()
    for piece in body:
        pending += piece
        if len(pending) >= _PIECE:
            yield bytes(pending)
            pending.clear()
    if pending:
        yield bytes(pending)


def _scope(method: str, target: str, headers: Iterable[tuple[bytes, bytes]]) -> Scope:
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method.upper(),
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(bytes(name).lower(), bytes(value)) for name, value in headers],
        "client": None,
        "server": None,
    }
