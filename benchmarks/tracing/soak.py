"""A million runs through one client: does memory stay where it is, and does every run arrive?

Plain calls below calls, failing ones, generators read to their end and left early, coroutines and
asynchronous generators in many tasks at once. Resident memory is sampled each hundredth of the way, when
nothing is queued. Exit code 1 says that it grew by 5 % or more after the first fifth, or that a run is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import report
from contestant import memory
from sink import Sink, ask

from smithkit import Client, traceable
from smithkit.tracing import configure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_SAMPLES = 100
_SETTLED = _SAMPLES // 5
_MOST_DRIFT = 0.05
_QUEUED = 16 * 1024 * 1024  # bytes: a program that makes runs faster than they leave loses some in the end
_TASKS = 10


@traceable("tool")
def look_up(question: str) -> dict[str, str]:
    return {"question": question, "page": "a page of text " * 20}


@traceable
def answer(question: str, number: int) -> dict[str, object]:
    return {"content": look_up(question)["page"], "number": number}


@traceable
def fail(number: int) -> None:
    raise ValueError(f"number {number} is no good")


@traceable("llm")
def stream(count: int) -> Iterator[str]:
    for number in range(count):
        yield f"token {number} "


@traceable("llm")
async def stream_later(count: int) -> AsyncIterator[str]:
    for number in range(count):
        await asyncio.sleep(0)
        yield f"token {number} "


@traceable(tags=["soak"], metadata={"kind": "async"})
async def answer_later(number: int) -> str:
    return "".join([token async for token in stream_later(number % 5)])


async def answer_many() -> None:
    await asyncio.gather(*(answer_later(number) for number in range(_TASKS)))


def turn(number: int, runner: asyncio.Runner) -> int:
    """Some calls of each kind; returns how many runs they are."""
    for _ in range(5):
        answer(f"question {number}", number)
    with contextlib.suppress(ValueError):
        fail(number)
    for _ in stream(4):
        pass
    left_early = stream(4)
    next(left_early)
    left_early.close()  # type: ignore[attr-defined]
    runner.run(answer_many())
    return 5 * 2 + 3 + 2 * _TASKS


def soak(client: Client, runs: int) -> tuple[int, list[float]]:
    """Make at least so many runs; returns how many, and megabytes of memory on the way."""
    done, sampled = 0, []
    with asyncio.Runner() as runner:
        while done < runs:
            done += turn(done, runner)
            if client.tracing_stats().queued_bytes > _QUEUED:
                client.flush(600)
            if done >= runs * (len(sampled) + 1) / _SAMPLES:
                client.flush(600)
                sampled.append(memory("VmRSS"))
    return done, sampled


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the figures into a document")
    given = parser.parse_args()
    os.environ["LANGSMITH_TRACING"] = "true"
    with Sink() as sink:
        client = Client(sink.url, api_key="key")
        configure(client=client)
        began, cpu = time.monotonic(), time.process_time()
        done, sampled = soak(client, given.runs)
        took, cpu = time.monotonic() - began, time.process_time() - cpu
        counts = ask(sink.url, "report")
    settled = sampled[_SETTLED - 1]
    drift = max(sampled[_SETTLED:]) / settled - 1
    section = report.Section(
        f"{done:,} runs through one client",
        ("arrived", "in", "CPU, a run", "memory after a fifth", "at the end", "at most", "drift"),
        [
            (
                f"{counts['runs']:,.0f}",
                f"{took:,.0f} s",
                f"{cpu / done * 1e6:.1f} µs",
                f"{settled:.1f} MB",
                f"{sampled[-1]:.1f} MB",
                f"{max(sampled):.1f} MB",
                f"{drift:+.1%}",
            )
        ],
    )
    report.show(section)
    if given.markdown:
        report.write(
            given.markdown, "soak", f"{', '.join(report.machine().values())}.\n\n{report.markdown(section)}"
        )
    return int(drift >= _MOST_DRIFT or counts["runs"] != done)


if __name__ == "__main__":
    raise SystemExit(main())
