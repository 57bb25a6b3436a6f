"""Start contestants in turn, each in a process of its own, and gather what they measured."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sink import Sink, ask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from environments import Contestant

Figures = dict[str, float]
_SCRIPT = Path(__file__).with_name("contestant.py")
_SECONDS = 900
_LEAST = ("runs", "arrived")  # of several rounds the worst counts, of everything else the median


def side_by_side(
    contestants: Iterable[Contestant], scenario: str, calls: int, rounds: int
) -> Iterator[tuple[Contestant, Figures]]:
    """Figures of each contestant in one scenario: rounds are interleaved, medians are kept.

    Args:
        contestants: Who takes part.
        scenario: Name of the scenario.
        calls: Calls in a round.
        rounds: How often each contestant is started.
    """
    samples: dict[Contestant, list[Figures]] = {one: [] for one in contestants}
    for _ in range(rounds):
        with Sink() as sink:
            for one, figures in samples.items():
                try:
                    figures.append(_round(one, scenario, calls, sink))
                except (
                    subprocess.CalledProcessError,
                    subprocess.TimeoutExpired,
                ) as error:  # the others' figures are worth keeping
                    print(
                        f"{one.name}, {scenario}: a round is missing: {error}\n{error.stderr}",
                        file=sys.stderr,
                    )
    for one, figures in samples.items():
        if figures:
            yield one, {name: _overall(name, [sample[name] for sample in figures]) for name in figures[0]}


def in_an_outage(contestant: Contestant, scenario: str, calls: int, *, silent: bool) -> Figures:
    """Figures of a contestant whose server is there and never answers, or refuses connections."""
    if silent:
        with Sink(silent=True) as sink:
            return _start(contestant, scenario, calls, sink.url, "--no-drain")
    with socket.socket() as nobody:  # bound and not listening: connections are refused
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        return _start(contestant, scenario, calls, url, "--no-drain")


def _round(contestant: Contestant, scenario: str, calls: int, sink: Sink) -> Figures:
    figures = _start(contestant, scenario, calls, sink.url)
    counts = ask(sink.url, "report")
    figures["arrived"] = counts["runs"]
    figures["requests"] = counts["requests"]
    figures["wire"] = counts["bytes"] / figures["runs"]
    figures["drained"] = counts["runs"] / (counts["last"] - figures.pop("started"))
    return figures


def _start(contestant: Contestant, scenario: str, calls: int, url: str, *options: str) -> Figures:
    command = [contestant.python, str(_SCRIPT), contestant.peer, scenario, str(calls), url, *options]
    with tempfile.TemporaryDirectory() as home:
        clean = {"PATH": os.environ["PATH"], "HOME": home}
        done = subprocess.run(
            command, cwd=home, env=clean, capture_output=True, text=True, timeout=_SECONDS, check=True
        )
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _overall(name: str, values: list[float]) -> float:
    return min(values) if name in _LEAST else statistics.median(values)
