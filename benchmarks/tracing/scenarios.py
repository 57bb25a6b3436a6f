"""What is traced: written once, decorated in each contestant's own way. Standard library alone."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Wrap = Callable[[str], Callable[[Callable[..., Any]], Callable[..., Any]]]
    """Takes a run type and gives a decorator."""

_WORDS = (
    "the a model answer question user asks context window of and for with tool result search document page "
    "city weather order customer refund policy invoice retry because therefore please summarise explain "
    "compare translate python function error traceback latency tokens budget plan next step first second"
).split()
_KIND_OF_MESSAGE = ("system", "user", "assistant", "user")


@dataclass(frozen=True)
class Scenario:
    """Something to trace.

    Attributes:
        title: What it is.
        runs: Runs of one call.
        calls: How many calls are measured.
        build: Makes the traced function of a contestant's decorator.
        arguments: Makes the arguments that calls get in turn.
    """

    title: str
    runs: int
    calls: int
    build: Callable[[Wrap], Callable[..., Any]]
    arguments: Callable[[], Sequence[tuple[Any, ...]]]


def _small(wrap: Wrap) -> Callable[..., Any]:
    @wrap("tool")
    def answer(question: str, number: int) -> str:  # noqa: ARG001 - traced, not used
        return "forty-two"

    return answer


def _small_arguments() -> list[tuple[Any, ...]]:
    return [(f"what is it, {number}?", number) for number in range(64)]


def _chat(wrap: Wrap) -> Callable[..., Any]:
    @wrap("llm")
    def complete(messages: list[dict[str, str]]) -> dict[str, Any]:
        return {
            "role": "assistant",
            "content": messages[-1]["content"],
            "usage": {"input_tokens": 1021, "output_tokens": 256, "total_tokens": 1277},
        }

    @wrap("chain")
    def call_model(messages: list[dict[str, str]]) -> Any:
        return complete(messages)

    @wrap("chain")
    def reflect(messages: list[dict[str, str]]) -> Any:
        return call_model(messages)

    @wrap("chain")
    def plan(messages: list[dict[str, str]]) -> Any:
        return reflect(messages)

    @wrap("chain")
    def agent(messages: list[dict[str, str]]) -> Any:
        return plan(messages)

    return agent


def _chat_arguments() -> list[tuple[Any, ...]]:
    """Conversations of four messages of 1 KB each."""
    chance = random.Random(7)  # noqa: S311 - text, not secrets
    return [
        ([{"role": role, "content": _text(chance, 1000)} for role in _KIND_OF_MESSAGE],) for _ in range(256)
    ]


def _large(wrap: Wrap) -> Callable[..., Any]:
    @wrap("chain")
    def summarise(document: str) -> str:
        return document[:200]

    return summarise


def _large_arguments() -> list[tuple[Any, ...]]:
    chance = random.Random(7)  # noqa: S311 - text, not secrets
    return [(_text(chance, 1_000_000),) for _ in range(8)]


def _text(chance: random.Random, length: int) -> str:
    words = chance.choices(_WORDS, k=length // 3)
    # Some of it is unlike anything else, as names, numbers and ids are.
    words[::12] = (f"{chance.getrandbits(32):08x}" for _ in words[::12])
    return " ".join(words)[:length]


SCENARIOS = {
    "small": Scenario("small flat call", 1, 20_000, _small, _small_arguments),
    "chat": Scenario("trace of 5 runs with chat messages of 4 KB", 5, 1_000, _chat, _chat_arguments),
    "large": Scenario("payload of 1 MB", 1, 16, _large, _large_arguments),
}
