"""Evaluation side by side: what a row costs, where target and evaluator do nothing.

smithkit and the official client evaluate through the same `smithkit serve`, mlflow into a file of its own, in turn,
each in a process and a virtual environment of its own. Milliseconds of a row, from the call to the last
answer of the server, datasets being there before (mlflow: a twentieth of the rows); medians of several rounds, with ratios
to smithkit, and the share of rows whose answer was judged.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

_FOLDER = Path(__file__).resolve().parent
_ROOT = _FOLDER.parents[1]
sys.path.append(str(_ROOT / "benchmarks" / "tracing"))

import report  # noqa: E402 - that of the other benchmark
from environments import Contestant  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = "smithkit"
_PACKAGES = ("core", "tracing", "datasets", "feedback", "evaluation")
_EDITABLE = tuple(part for name in _PACKAGES for part in ("-e", str(_ROOT / "packages" / name)))
CONTESTANTS = (
    Contestant(BASE, "smithkit", "smithkit-evaluation", _EDITABLE),
    Contestant("langsmith", "langsmith", "langsmith", ("langsmith",)),
    Contestant("mlflow.genai", "mlflow", "mlflow", ("mlflow>=3",)),
)
_SLOW = {"mlflow"}  # a row takes a fifth of a second
_SLOW_SHARE = 20
_COLUMNS = ("", "a row", "ratio", "CPU of the client", "ratio", "judged")


def main() -> None:
    given = _arguments()
    contestants = [
        one for one in CONTESTANTS if not given.only or any(text in one.name for text in given.only)
    ]
    versions = {one.name: one.install() for one in contestants}
    sections = []
    with _server() as url:
        for concurrency in given.concurrency or (0, 8, 64):
            section = _side_by_side(contestants, url, given.rows, concurrency, given.rounds)
            report.show(section)
            sections.append(section)
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    where = f"{given.rounds} rounds of {given.rows:,} rows, interleaved, on {', '.join(report.machine().values())}. {named}."
    print(where)
    if given.markdown:
        report.write(given.markdown, "evaluation", "\n\n".join((where, *map(report.markdown, sections))))


def _side_by_side(
    contestants: list[Contestant], url: str, rows: int, concurrency: int, rounds: int
) -> report.Section:
    found: dict[str, list[dict[str, float]]] = {one.name: [] for one in contestants}
    for _ in range(rounds):
        for one in contestants:
            few = rows // _SLOW_SHARE if one.peer in _SLOW else rows
            found[one.name].append(_measured(one, url, few, concurrency))
    medians = {
        name: {kind: statistics.median(one[kind] for one in several) for kind in ("wall", "cpu", "judged")}
        for name, several in found.items()
    }
    first = medians.get(BASE) or next(iter(medians.values()))
    lines = [
        (
            name,
            f"{said['wall']:.2f} ms",
            f"{said['wall'] / first['wall']:.1f}x",
            f"{said['cpu']:.2f} ms",
            f"{said['cpu'] / first['cpu']:.1f}x",
            "all" if said["judged"] == 1 else f"{said['judged']:.0%}",
        )
        for name, said in medians.items()
    ]
    return report.Section(f"max_concurrency={concurrency}", _COLUMNS, lines)


def _measured(one: Contestant, url: str, rows: int, concurrency: int) -> dict[str, float]:
    command = [one.python, str(_FOLDER / "rows.py"), one.peer, url, str(rows), str(concurrency)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{one.name} failed:\n{done.stdout}{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


@contextlib.contextmanager
def _server() -> Iterator[str]:
    """`smithkit serve` on a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "smithkit.cli", "serve", "--port", "0", "--db", f"{folder}/bench.db"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                yield _address(process)
            finally:
                process.terminate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    said = ""
    for line in process.stdout:
        said += line
        if found := re.search(r"http://\S+:\d+", line):
            return found[0]
    raise SystemExit(f"The server did not start:\n{said}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, action="append", help="0, 8 and 64 by default")
    parser.add_argument("--only", action="append", help="contestants whose name contains this")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables into a document")
    return parser.parse_args()


if __name__ == "__main__":
    main()
