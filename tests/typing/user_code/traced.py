"""Traced functions; see `checkers.py` for what the comments mean."""

from __future__ import annotations

from typing import assert_type

from smithkit import RunTree, trace, traceable


@traceable
def shout(text: str, *, times: int = 1) -> str:
    """Keep the signature of what is traced."""
    return text.upper() * times


@traceable(run_type="llm", name="whisper")
async def whisper(text: str) -> str:
    """Keep it with arguments of the decorator too."""
    return text.lower()


async def traced() -> None:
    """Call them."""
    assert_type(shout("hello", times=2), str)
    assert_type(await whisper("hello"), str)
    with trace("block") as run:
        assert_type(run, RunTree)
    shout(1)  # wrong: call-overload reportArgumentType
    await whisper(txt="hello")  # wrong: call-overload reportCallIssue
    traceable(run_type="lllm")  # wrong: call-overload reportArgumentType
