"""All ways to use `traceable`; see `checkers.py` for what the comments mean."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from typing import assert_type

from smithkit import RunTree, traceable
from smithkit.tracing import LangSmithExtra, ensure_traceable, get_current_run_tree


@traceable
def add(a: int, b: int = 1) -> int:
    """Trace it bare."""
    return a + b


@traceable("tool", tags=["t"])
def numbers(n: int) -> Generator[int, str, bool]:
    """Trace a generator."""
    yield n
    return True


@traceable(name="stream", reduce_fn=lambda chunks: {"text": "".join(chunks)})
async def letters(text: str) -> AsyncGenerator[str, None]:
    """Trace an async generator."""
    for letter in text:
        yield letter


class Shop:
    """Trace methods of all kinds."""

    @traceable
    def price(self, item: str) -> float:
        """Bind as a method."""
        return len(item)

    @traceable("llm")
    async def advise(self, item: str) -> str:
        """Bind as a method that is awaited."""
        return item

    @staticmethod
    @traceable
    def open_at(hour: int) -> bool:
        """Bind to nothing."""
        return hour > 9


def apply(function: Callable[[int], int]) -> int:
    """Take any function."""
    return function(1)


async def use(shop: Shop) -> None:
    """Call them."""
    extra: LangSmithExtra = {"tags": ["one"], "metadata": {"user": "u"}}
    assert_type(add(1), int)
    assert_type(add(1, b=2, langsmith_extra=extra), int)
    assert_type(add(1, langsmith_extra={"name": "n"}), int)
    assert_type(add.__wrapped__(1), int)
    assert_type(apply(add), int)
    assert_type(numbers(1), Generator[int, str, bool])
    assert_type(letters("a"), AsyncGenerator[str, None])
    assert_type(shop.price("tea"), float)
    assert_type(shop.price("tea", langsmith_extra={"project_name": "p"}), float)
    assert_type(await shop.advise("tea"), str)
    assert_type(Shop.open_at(9), bool)
    assert_type(ensure_traceable(add)(1), int)
    assert_type(get_current_run_tree(), RunTree | None)


def wrong(shop: Shop) -> None:
    """Misuse what is traced."""
    add("1")  # wrong: call-overload reportArgumentType
    add(1, c=2)  # wrong: call-overload reportCallIssue
    shop.price(1)  # wrong: call-overload reportArgumentType
    add(1, langsmith_extra={"nam": "n"})  # wrong: call-overload reportArgumentType
