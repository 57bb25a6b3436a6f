"""Methods and hooks of third parties; see `checkers.py` for what the comments mean."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import TYPE_CHECKING, assert_type

from smithkit import AsyncClient, Client, hooks
from smithkit.operations import Flow, Methods, Page, PageFlow, Request, operation, paginated
from smithkit.transport import AsyncTransport

if TYPE_CHECKING:
    from smithkit.plugins import MethodRegistry


class Greetings(Methods):
    """As a plugin would register them."""

    def greet(self) -> str:
        """Be polite without a request."""
        return f"hello from {self.config.api_url}"

    @operation
    def count(self, word: str, *, deep: bool = False) -> Flow[int]:
        """Count."""
        response = yield Request("GET", "/count", params={"word": word, "deep": deep})
        return int(response.json())

    @paginated
    def words(self, *, limit: int | None = None) -> PageFlow[str]:
        """List."""
        response = yield Request("GET", "/words", params={"limit": limit})
        yield Page([str(word) for word in response.json()])


class AsyncGreetings(Greetings, AsyncTransport):
    """For type checkers: the methods are awaited."""


@hooks.hookimpl
def register_methods(registry: MethodRegistry) -> None:
    """Register them."""
    registry.add(Greetings)
    registry.add("Greetings")  # wrong: arg-type reportArgumentType


def used(client: Client) -> None:
    """Use them through a typed view."""
    greetings = client.use(Greetings)
    assert_type(greetings, Greetings)
    assert_type(greetings.greet(), str)
    assert_type(greetings.count("a", deep=True), int)
    assert_type(greetings.words(), Iterator[str])
    greetings.count(1)  # wrong: arg-type reportArgumentType
    greetings.count("a", True)  # wrong: call-arg reportCallIssue
    greetings.cuont("a")  # wrong: attr-defined reportAttributeAccessIssue
    client.greet()  # wrong: attr-defined reportAttributeAccessIssue
    client.use(Greetings())  # wrong: arg-type reportArgumentType


async def used_async(client: AsyncClient) -> None:
    """Await them."""
    greetings = client.use(AsyncGreetings)
    assert_type(greetings.greet(), str)
    assert_type(greetings.count("a"), Awaitable[int])
    assert_type(await greetings.count("a"), int)
    assert_type(greetings.words(), AsyncIterator[str])
    await greetings.count(1)  # wrong: arg-type reportArgumentType
