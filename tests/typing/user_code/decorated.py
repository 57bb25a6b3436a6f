"""Functions that are harder to type than most, traced; see `checkers.py` for what the comments mean."""

from __future__ import annotations

from typing import Any, assert_type, overload

from smithkit import RunTree, trace, traceable
from smithkit.tracing import as_runnable, get_cached_client, is_async, tracing_enabled


class Account:
    """Trace what returns the object itself."""

    @traceable
    def deposit(self, amount: float) -> Account:
        """Return the object itself."""
        return self


@overload
def parse(text: str) -> int: ...
@overload
def parse(text: bytes) -> float: ...
def parse(text: str | bytes) -> int | float:
    """Return another type for each type of input."""
    return 1 if isinstance(text, str) else 1.0


traced_parse = traceable(run_type="parser")(parse)


@traceable
def first(items: list[str], /, *, default: str | None = None, run_tree: RunTree | None = None) -> str | None:
    """Take positional-only, keyword-only and the run."""
    return items[0] if items else default


@traceable
def anything(*args: int, **kwargs: str) -> dict[str, Any]:
    """Take stars."""
    return {"args": args, **kwargs}


async def use() -> None:
    """Call them."""
    assert_type(Account.deposit(Account(), 1.5), Account)
    assert_type(Account().deposit(1.5), Account)
    assert_type(traced_parse("1"), int)
    assert_type(first(["a"], default="b"), str | None)
    assert_type(anything(1, 2, key="value"), dict[str, Any])
    async with trace("block", "tool", inputs={"a": 1}) as run:
        assert_type(run, RunTree)
        assert_type(run.create_child("child"), RunTree)
        assert_type(RunTree.from_runnable_config({}), RunTree | None)
    assert_type(is_async(first), bool)
    assert_type(get_cached_client().api_url, str)
    as_runnable(first)
    tracing_enabled()


def wrong() -> None:
    """Misuse them."""
    first(items=["a"])  # wrong: call-overload reportCallIssue
    anything("a")  # wrong: call-overload reportArgumentType
    trace("block", "lllm")  # wrong: arg-type reportArgumentType
