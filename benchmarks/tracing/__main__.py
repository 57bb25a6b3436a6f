"""Tracing side by side: smithkit beside langsmith, Langfuse, Logfire and the OpenTelemetry SDK.

All send to the same sink on this machine, in turn, each in a process and a virtual environment of its own.
Times of a shared machine vary, so look at CPU and at ratios first; medians of several rounds are shown.
With --outage nobody answers, and what counts is the memory that a contestant takes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measuring
import report
from environments import BASE, CONTESTANTS
from scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from environments import Contestant

    _Measured = tuple[dict[str, measuring.Figures], report.Section]

_QUICK_SHARE = 10
_OUTAGE_RUNS = 200_000
_OUTAGES = {
    "silent": "Memory while the server takes requests and never answers",
    "refusing": "Memory while the server refuses connections",
}


def main() -> None:
    given = _arguments()
    contestants = [
        one for one in CONTESTANTS if not given.only or any(text in one.name for text in given.only)
    ]
    versions = {one.name: one.install() for one in contestants}
    found = {"machine": report.machine(), "versions": versions}
    results: dict[str, Any] = {}
    sections = []
    for name in [given.outage] if given.outage else given.scenario or SCENARIOS:
        results[name], section = (_outage if given.outage else _scenario)(name, given, contestants)
        sections.append(section)
        report.show(section)
    print(" · ".join(found["machine"].values()))
    print(" · ".join(f"{name}: {version}" for name, version in versions.items()))
    if given.json:
        given.json.write_text(json.dumps({**found, "results": results}, indent=1), encoding="utf-8")
    if given.markdown:
        _document(given, found, sections)


def _scenario(name: str, given: argparse.Namespace, contestants: Sequence[Contestant]) -> _Measured:
    scenario = SCENARIOS[name]
    calls, rounds = (scenario.calls // _QUICK_SHARE, 1) if given.quick else (scenario.calls, given.rounds)
    results = {one.name: figures for one, figures in measuring.side_by_side(contestants, name, calls, rounds)}
    return results, report.scenario(scenario.title, results, BASE)


def _outage(name: str, given: argparse.Namespace, contestants: Sequence[Contestant]) -> _Measured:
    runs = _OUTAGE_RUNS // (_QUICK_SHARE if given.quick else 1)
    results = {
        one.name: measuring.in_an_outage(one, "small", runs, silent=name == "silent")
        for one in contestants
        if one.peer != "bare"  # which has no thread, and so would wait for ever
    }
    return results, report.outage(_OUTAGES[name], results)


def _document(given: argparse.Namespace, found: dict[str, Any], sections: Sequence[report.Section]) -> None:
    name = f"outage {given.outage}" if given.outage else "tracing"
    versions = ", ".join(
        f"{contestant} {version}" for contestant, version in _named(found["versions"]).items()
    )
    where = f"{', '.join(found['machine'].values())}. {versions}."
    if not given.outage:
        where = f"{given.rounds} rounds, interleaved, on {where}"
    text = "\n\n".join((where, *(report.markdown(section) for section in sections)))
    report.write(given.markdown, name, text)


def _named(versions: dict[str, str]) -> dict[str, str]:
    """Versions by distribution: several contestants may stand for one."""
    named = {one.name: one.distribution for one in CONTESTANTS}
    known: dict[str, list[str]] = {}
    for name, version in versions.items():
        known.setdefault(named[name], []).append(version)
    return {name: " and ".join(dict.fromkeys(found)) for name, found in known.items()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="one of them; all by default")
    parser.add_argument("--only", action="append", help="contestants whose name contains this")
    parser.add_argument("--outage", choices=_OUTAGES, help="measure memory while the server is down")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables into a document")
    return parser.parse_args()


if __name__ == "__main__":
    main()
