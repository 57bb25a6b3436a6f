"""Methods that are written once and serve both clients.

A resource method is a generator: it yields `Request` objects, gets the `Response` of each, and returns
its result. What sends the requests is the transport that the client was composed with::

    class DatasetMethods:
        @operation
        def read_dataset(self, dataset_id: UUID) -> Flow[Dataset]:
            response = yield Request("GET", f"/datasets/{dataset_id}")
            return Dataset.model_validate(response.json())

`Client.read_dataset(...)` returns a `Dataset`; `AsyncClient.read_dataset(...)` an awaitable of one.
`paginated` does the same for methods that yield items: a `Page` of them at a time, the next page
being fetched when the caller asks for its first item.
"""

from __future__ import annotations

import contextlib
import functools
import types
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

from smithkit.errors import LangSmithResponseError

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Collection,
        Generator,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    from smithkit.config import Config
    from smithkit.plugins import ClientHooks
    from smithkit.transport import AsyncTransport

__all__ = [
    "Flow",
    "Methods",
    "Page",
    "PageFlow",
    "Request",
    "Response",
    "Together",
    "adrive",
    "drive",
    "operation",
    "paginated",
    "until_page",
    "without_secrets",
]

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Request:
    """One HTTP request, before it has a base URL and credentials.

    Attributes:
        method: HTTP method, upper case.
        path: Path below the client's `api_url`, or an absolute URL.
        params: Query parameters; None values are left out, sequences repeat their key.
        json: Body to encode as JSON.
        content: Body as bytes, a collection of bytes, or a file. Excludes `json`. A one-shot iterator is
            sent once: it cannot be resent.
        data: Form fields, for `multipart/form-data` beside `files`.
        files: Files of a form, as requests and httpx take them.
        headers: Headers on top of the client's own; a value of None removes one.
        endpoint: Base URL to use in place of the client's `api_url`.
        timeout: (connect, read) in seconds, in place of the client's.
        deadline: Seconds for all attempts together.
        retries: Whether the transport retries by the client's policy.
        anonymous: Sent without the client's credentials and headers (presigned URLs).
        bare: Whether status, headers and body of the answer are all that is wanted: `Response.raw` may be
            missing, which spares the HTTP library most of its work.
        extra: Further arguments for the HTTP library.
    """

    method: str
    path: str
    _: KW_ONLY
    params: Mapping[str, Any] | None = None
    json: Any = None
    content: bytes | Collection[bytes] | None = None
    data: Any = None
    files: Any = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    endpoint: str | None = None
    timeout: tuple[float, float] | None = None
    deadline: float | None = None
    retries: bool = True
    anonymous: bool = False
    bare: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


def without_secrets(url: str) -> str:
    """A URL without credentials and query, for messages: presigned URLs carry their right in the query.

    Args:
        url: Any URL.

    Example:
        >>> without_secrets("https://me:secret@host.example/file?X-Signature=abc")
        'https://host.example/file'
    """
    base = url.partition("#")[0].partition("?")[0]
    scheme, separator, rest = base.partition("://")
    if not separator:
        return base.rpartition("@")[2]
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


@dataclass(slots=True, frozen=True)
class Response:
    """The answer to a `Request`, its status already checked.

    Attributes:
        status_code: HTTP status.
        headers: Header names, case-insensitive, to values.
        content: Body, decoded from its transfer encoding.
        url: Where it came from.
        raw: The transport library's own response.
    """

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    url: str
    raw: Any = field(default=None, repr=False, compare=False)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body's JSON.

        Raises:
            LangSmithResponseError: The body is not JSON: often a proxy's or a log-in page.
        """
        import json

        try:
            return json.loads(self.content)
        except ValueError as error:
            kind = self.headers.get("content-type", "no content type")
            raise LangSmithResponseError(
                f"{without_secrets(self.url)} answered {self.status_code} with {kind} where JSON was expected. "
                f"Check that the endpoint is an API's base URL and that no proxy answers in its place. "
                f"The body starts: {self.text[:120]!r}",
                status_code=self.status_code,
            ) from error


@dataclass(slots=True, frozen=True)
class Page(Generic[T]):
    """Items of one page, yielded by a `paginated` method."""

    items: Sequence[T]


@dataclass(slots=True, frozen=True)
class Together(Generic[T]):
    """Flows that run at once, yielded by a flow: in threads on `Client`, in tasks on `AsyncClient`.

    Attributes:
        flows: Taken one at a time, in the thread or task that yielded, when there is room for another: an
            iterator makes each as it is needed.
        most: How many run at the same time.
        finished: Called there with the result of each as it ends. A flow that raises ends all: those that run
            come to their end, no other begins, and the first error is raised.
    """

    flows: Iterable[Generator[Any, Any, T]]
    most: int
    finished: Callable[[T], None]


if TYPE_CHECKING:
    Flow = Generator[Any, Any, T]
    """What an `operation` is: yields a `Request` (or seconds or a `concurrent.futures.Future` to wait for, or
    `Together`), returns its result."""
    PageFlow = Generator[Request | Page[T] | float, Any, None]
    """What a `paginated` method is: yields `Request` and `Page` objects of such items."""


class _Flow:
    """Runtime stand-in that lets `Flow[T]` be written in annotations that are evaluated."""

    def __class_getitem__(cls, item: Any) -> Any:
        from collections.abc import Generator

        return Generator[Any, Any, item]


class _PageFlow:
    """The same for `PageFlow[T]`."""

    def __class_getitem__(cls, item: Any) -> Any:
        from collections.abc import Generator

        return Generator[Request | Page[item] | float, Any, None]


if not TYPE_CHECKING:
    Flow = _Flow
    PageFlow = _PageFlow


def drive(steps: Generator[Any, Any, T], perform: Callable[[Any], Any]) -> T:
    """Run a generator to its end, giving it what `perform` makes of each thing that it yields.

    Args:
        steps: The generator; what `perform` raises is raised inside of it.
        perform: Called with each yielded value.

    Returns:
        What the generator returns.

    Example:
        >>> def double():
        ...     return 2 * (yield 21)
        >>> drive(double(), lambda asked: asked)
        42
    """
    try:
        step = next(steps)
        while True:
            try:
                result = perform(step)
            except Exception as error:  # noqa: BLE001 - the generator decides what the failure means
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as stop:
        return cast("T", stop.value)
    finally:
        steps.close()  # an interrupt or a cancellation: the generator cleans up now, not some time later


async def adrive(steps: Generator[Any, Any, T], perform: Callable[[Any], Awaitable[Any]]) -> T:
    """`drive` for a `perform` that is awaited.

    Args:
        steps: The generator.
        perform: Awaited with each yielded value.

    Returns:
        What the generator returns.
    """
    try:
        step = next(steps)
        while True:
            try:
                result = await perform(step)
            except Exception as error:  # noqa: BLE001 - the generator decides what the failure means
                step = steps.throw(error)
            else:
                step = steps.send(result)
    except StopIteration as stop:
        return cast("T", stop.value)
    finally:
        steps.close()


class Methods:
    """Base of the classes of methods that plugins add to the clients: what they may use of a client."""

    config: Config
    """The client's settings."""
    hooks: ClientHooks
    """The hooks of the process and of the client."""
    asynchronous: bool
    """Whether the client's methods are awaited."""
    api_key: str | None
    """The key that requests are sent with."""
    workspace_id: str | None
    """The workspace that requests act in."""
    state: dict[str, Any]
    """What the packages keep on this client, each under its own name."""


class operation(Generic[P, T]):  # noqa: N801 - used as a decorator
    """Make a method of a generator function that yields requests and returns a result.

    On a client with a synchronous transport the method returns the result, on one with an
    asynchronous transport an awaitable of it. Type checkers see both, with the method's own arguments.

    Args:
        flow: The generator function.

    Example:
        >>> from smithkit.operations import Request, operation
        >>> class Ping:
        ...     @operation
        ...     def ping(self, word: str):
        ...         response = yield Request("GET", "/info", params={"word": word})
        ...         return response.status_code
    """

    def __init__(self, flow: Callable[Concatenate[Any, P], Generator[Any, Any, T]]) -> None:
        @functools.wraps(flow)
        def call(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
            return drive(flow(client, *args, **kwargs), client.perform)

        @functools.wraps(flow)
        async def acall(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
            return await adrive(flow(client, *args, **kwargs), client.perform)

        self.flow = flow
        self._call = call
        self._acall = acall
        self.__doc__ = flow.__doc__

    def shortcut(
        self, known: Callable[Concatenate[Any, P], T | None]
    ) -> Callable[Concatenate[Any, P], T | None]:
        """Ask a plain method first: what it knows at once costs no flow.

        Args:
            known: A method with the same arguments; None of it means that the flow has to run.

        Returns:
            The method.

        Example:
            >>> from smithkit.operations import Request, operation
            >>> class Ping:
            ...     @operation
            ...     def ping(self, word: str):
            ...         return (yield Request("GET", "/info", params={"word": word})).text
            ...
            ...     @ping.shortcut
            ...     def _known(self, word: str):
            ...         return "pong" if word == "ping" else None
        """
        run, arun = self._call, self._acall

        @functools.wraps(self.flow)
        def call(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
            found = known(client, *args, **kwargs)
            return run(client, *args, **kwargs) if found is None else found

        @functools.wraps(self.flow)
        async def acall(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
            found = known(client, *args, **kwargs)
            return await arun(client, *args, **kwargs) if found is None else found

        self._call = call
        self._acall = acall
        return known

    @overload
    def __get__(self, client: None, owner: type) -> Callable[Concatenate[Any, P], Generator[Any, Any, T]]: ...
    @overload
    def __get__(self, client: AsyncTransport, owner: type | None = None) -> Callable[P, Awaitable[T]]: ...
    @overload
    def __get__(self, client: object, owner: type | None = None) -> Callable[P, T]: ...
    def __get__(self, client: Any, owner: type | None = None) -> Any:
        """Bind the flow to a client; on the class it is the flow itself."""
        if client is None:
            return self.flow
        return types.MethodType(self._acall if client.asynchronous else self._call, client)


class paginated(Generic[P, T]):  # noqa: N801 - used as a decorator
    """Make an iterator of a generator function that yields requests and `Page` objects.

    Nothing is sent before the first item is asked for, and no page is fetched that is not needed.

    Args:
        flow: The generator function.

    Example:
        >>> from smithkit.operations import Page, Request, paginated
        >>> class Names:
        ...     @paginated
        ...     def list_names(self):
        ...         response = yield Request("GET", "/sessions")
        ...         yield Page([row["name"] for row in response.json()])
    """

    def __init__(self, flow: Callable[Concatenate[Any, P], PageFlow[T]]) -> None:
        @functools.wraps(flow)
        def call(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
            return _items(flow(client, *args, **kwargs), client)

        @functools.wraps(flow)
        def acall(client: Any, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
            return _aitems(flow(client, *args, **kwargs), client)

        self.flow = flow
        self._call = call
        self._acall = acall
        self.__doc__ = flow.__doc__

    @overload
    def __get__(
        self, client: None, owner: type
    ) -> Callable[Concatenate[Any, P], Generator[Any, Any, Any]]: ...
    @overload
    def __get__(self, client: AsyncTransport, owner: type | None = None) -> Callable[P, AsyncIterator[T]]: ...
    @overload
    def __get__(self, client: object, owner: type | None = None) -> Callable[P, Iterator[T]]: ...
    def __get__(self, client: Any, owner: type | None = None) -> Any:
        """Bind the flow to a client; on the class it is the flow itself."""
        if client is None:
            return self.flow
        return types.MethodType(self._acall if client.asynchronous else self._call, client)


def _items(pages: PageFlow[T], client: Any) -> Iterator[T]:
    with contextlib.closing(pages):
        while (page := drive(until_page(pages), client.perform)) is not None:
            yield from page.items


async def _aitems(pages: PageFlow[T], client: Any) -> AsyncIterator[T]:
    with contextlib.closing(pages):
        while (page := await adrive(until_page(pages), client.perform)) is not None:
            for item in page.items:
                yield item


def until_page(pages: Generator[Any, Any, Any]) -> Generator[Any, Any, Page[Any] | None]:
    """Run a paginated flow up to its next page.

    Args:
        pages: The flow.

    Returns:
        The page; None at its end.
    """
    advance = functools.partial(pages.send, None)
    while True:
        try:
            step = advance()
        except StopIteration:
            return None
        if isinstance(step, Page):
            return step
        try:
            advance = functools.partial(pages.send, (yield step))
        except Exception as error:  # noqa: BLE001 - the flow decides what the failure means
            advance = functools.partial(pages.throw, error)
