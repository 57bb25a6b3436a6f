"""The backend side by side: smithkit beside Arize Phoenix and MLflow, each on SQLite, as it comes.

usage: python benchmarks/server [SPANS ...]

The same spans go into all, in turn, each in a process and a virtual environment of its own: over HTTP, from some client
processes at once, in requests of a hundred whose bodies are made before the clock starts. Then the same questions
are put to each one's own interface, and what does not find what is there stops the run. Ratios say how many times as
fast smithkit is, or how many times as much the other takes: below 1, the other is better.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

_FOLDER = Path(__file__).resolve().parent
_ROOT = _FOLDER.parents[1]
sys.path.append(str(_ROOT / "benchmarks" / "tracing"))

import ingest  # noqa: E402 - after the path, with the others
import report  # noqa: E402 - that of the other benchmark
from environments import Contestant  # noqa: E402 - as above
from peers import ASKED, NOTES  # noqa: E402
from sending import BATCH  # noqa: E402
from spans import TRACE  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    Figures = dict[str, Any]

BASE = "smithkit"
_EDITABLE = tuple(part for name in ("core", "server") for part in ("-e", str(_ROOT / "packages" / name)))
CONTESTANTS = (
    Contestant(BASE, "smithkit", "smithkit-server", _EDITABLE),
    Contestant("Arize Phoenix", "phoenix", "arize-phoenix", ("arize-phoenix",)),
    Contestant("MLflow", "mlflow", "mlflow", ("mlflow>=3",)),
)
_LIMIT = "bare SQLite"
_LIMIT_SPANS = 20_000


class _Row(NamedTuple):
    """A line of the table: what it is called, where its figure is, how it is written, and whether more is better."""

    title: str
    figure: Callable[[Figures], float | None]
    form: str = "{:,.0f}"
    more: bool = False
    note: str = ""


def _of(name: str) -> Callable[[Figures], float | None]:
    return lambda figures: figures.get(name)


def _without_index(figures: Figures) -> float | None:
    return figures["bytes a span"] - (figures.get("text index, bytes a span") or 0) if figures else None


def _read(name: str, share: str) -> Callable[[Figures], float | None]:
    return lambda figures: figures.get("reads", {}).get(name, {}).get(share)


_INGEST = (
    _Row("spans/s, until a read finds them", _of("spans a second"), more=True),
    _Row("spans/s, until a search does", _of("spans a second, settled"), more=True),
    _Row("an acknowledgement of 100, median", _of("acknowledged, median ms"), "{:,.0f} ms", note="acknowledged"),
    _Row("p99", _of("acknowledged, p99 ms"), "{:,.0f} ms", note="acknowledged"),
    _Row("server CPU, a span", _of("server CPU, microseconds a span"), "{:,.0f} µs"),
    _Row("peak RSS, all processes", _of("peak RSS, MB"), "{:,.0f} MB"),
    _Row("the same, with the reads", _of("peak RSS with reads, MB"), "{:,.0f} MB"),
    _Row("processes", _of("processes")),
    _Row("start to first answer", _of("start to first answer, s"), "{:,.1f} s"),
    _Row("database, bytes a span", _of("bytes a span")),
    _Row("without the full-text index", _without_index),
)  # fmt: skip
_READS = tuple(
    _Row(title, _read(name, share), "{:,.1f} ms", note=name)
    for name in ASKED
    for share, title in (("p50", name), ("p95", "p95"))
)


def main() -> None:
    given = _arguments()
    contestants = [
        one for one in CONTESTANTS if not given.only or any(text in one.name for text in given.only)
    ]
    versions = {one.name: one.install() for one in contestants}
    results: dict[int, dict[str, Figures]] = {}
    sections = []
    for size in given.spans:
        results[size] = _side_by_side(contestants, size, given)
        for title, rows in (("stored", _INGEST), ("read", _READS)):
            section = _section(f"{size:,} spans, {title}", rows, results[size], contestants)
            report.show(section)
            sections.append(section)
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    where = f"{given.clients} clients, on {', '.join(report.machine().values())}. {named}."
    if max(given.spans) > given.peers_up_to:
        where += (
            f" The others were measured up to {given.peers_up_to:,} spans: beyond, their cells are empty."
        )
    notes = "\n".join(f"{number}. {text}" for number, text in enumerate(_notes(contestants), 1))
    print(where, notes, sep="\n")
    if given.json:
        given.json.write_text(
            json.dumps({"versions": versions, "results": results}, indent=1), encoding="utf-8"
        )
    if given.markdown:
        text = "\n\n".join((where, *map(report.markdown, sections), notes))
        report.write(given.markdown, "server", text)


def _side_by_side(contestants: list[Contestant], size: int, given: argparse.Namespace) -> dict[str, Figures]:
    with tempfile.TemporaryDirectory() as folder:
        results: dict[str, Figures] = {_LIMIT: ingest.limit(min(size, _LIMIT_SPANS), Path(folder))}
    for one in contestants:
        skipped = one.name != BASE and size > given.peers_up_to
        results[one.name] = {} if skipped else _measured(one, size, given.clients)
    return results


def _measured(one: Contestant, size: int, clients: int) -> Figures:
    command = [one.python, str(_FOLDER / "contestant.py"), one.peer, str(size), str(clients)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{one.name} failed:\n{done.stdout}{done.stderr}")
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def _section(
    title: str, rows: tuple[_Row, ...], results: dict[str, Figures], contestants: list[Contestant]
) -> report.Section:
    """A table; the limit has a column where it has figures."""
    limited = [_LIMIT] if any(row.figure(results[_LIMIT]) is not None for row in rows) else []
    columns = ["", *(name for one in contestants for name in (one.name, "ratio")[: 1 + (one.name != BASE)])]
    lines = [
        (
            row.title,
            *(cell for one in contestants for cell in _cells(row, one, results, _notes(contestants))),
            *(_written(row, results[name]) for name in limited),
        )
        for row in rows
    ]
    return report.Section(title, (*columns, *limited), lines)


def _cells(row: _Row, one: Contestant, results: dict[str, Figures], notes: list[str]) -> list[str]:
    written = _written(row, results[one.name])
    note = NOTES.get((one.peer, row.note))
    if note and results[one.name]:
        written += f" ({notes.index(note) + 1})"
    return [written] if one.name == BASE else [written, _ratio(row, results.get(BASE, {}), results[one.name])]


def _written(row: _Row, figures: Figures) -> str:
    value = row.figure(figures)
    return "" if value is None else row.form.format(value)


def _ratio(row: _Row, ours: Figures, theirs: Figures) -> str:
    mine, other = row.figure(ours), row.figure(theirs)
    if not mine or not other:
        return ""
    return f"{mine / other if row.more else other / mine:.1f}x"


def _notes(contestants: list[Contestant]) -> list[str]:
    peers = {one.peer for one in contestants}
    return list(dict.fromkeys(text for (peer, _), text in NOTES.items() if peer in peers))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("spans", nargs="*", type=int, default=[10_000], help="sizes; 10,000 by default")
    parser.add_argument(
        "--peers-up-to", type=int, default=10_000, metavar="SPANS", help="beyond, smithkit alone"
    )
    parser.add_argument("--clients", type=int, default=4, help="processes that send")
    parser.add_argument("--only", action="append", help="contestants whose name contains this")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables into a document")
    given = parser.parse_args()
    for size in given.spans:
        if size % (given.clients * TRACE) or size // given.clients <= BATCH:
            parser.error(
                f"{size} spans: each of {given.clients} clients sends whole traces of {TRACE} and more than {BATCH} spans."
            )
    return given


if __name__ == "__main__":
    main()
