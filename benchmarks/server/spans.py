"""The spans that everybody stores: 3 KB of text each, five to a trace, words as frequent as in prose."""

from __future__ import annotations

import random
from functools import cache
from itertools import accumulate
from typing import Any
from uuid import UUID

__all__ = ["START", "TRACE", "span", "spans", "words"]

START = 1_700_000_000
"""Start time of the first span, in seconds since 1970; each next one begins a second later."""
TRACE = 5
"""Spans of a trace."""
_WORDS = 20_000
_TEXT = 1_500  # characters of the inputs, and of the outputs
_KINDS = ("chain", "retriever", "llm", "tool", "llm")


@cache
def _vocabulary() -> tuple[list[str], list[float]]:
    chance = random.Random(1)
    syllables = [a + b for a in "bcdfghklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er", "is")]
    words = ["".join(chance.choices(syllables, k=chance.choice((1, 2, 2, 3)))) for _ in range(_WORDS)]
    return words, list(accumulate(1 / (rank + 3) for rank in range(_WORDS)))


def words() -> list[str]:
    """Give the words of texts, the most frequent first."""
    return _vocabulary()[0]


def _prose(chance: random.Random, extra: list[str]) -> str:
    vocabulary, weights = _vocabulary()
    drawn = chance.choices(vocabulary, cum_weights=weights, k=_TEXT // 5)
    return " ".join([*extra, *drawn])[:_TEXT]


def span(number: int) -> dict[str, Any]:
    """Make a span: a common word in each tenth, a rare one in each ten-thousandth, an error in each fiftieth."""
    chance = random.Random(number)
    marks = ["common"] * (number % 10 == 0) + ["rare"] * (number % 10_000 == 0)
    place = number % TRACE
    tokens = (400 + number % 900, number % 300)
    return {
        "id": UUID(int=chance.getrandbits(128), version=4),
        "trace": number - place,
        "parent": None if place == 0 else number - place,
        "name": f"step-{number % 7}",
        "kind": _KINDS[place],
        "start": (START + number) * 1_000_000,
        "end": (START + number) * 1_000_000 + chance.randrange(10_000, 30_000_000),
        "question": _prose(chance, marks),
        "answer": _prose(chance, []),
        "tokens": tokens,
        "cost": 0.000_002 * tokens[0] + 0.000_008 * tokens[1],
        "error": "TimeoutError: the model did not answer" if number % 50 == 0 else None,
        "user": f"u-{number % 1000}",
        "tag": "production" if number % 4 else "test",
    }


def spans(count: int, first: int = 0) -> list[dict[str, Any]]:
    """Make many spans, in order."""
    return [span(number) for number in range(first, first + count)]
