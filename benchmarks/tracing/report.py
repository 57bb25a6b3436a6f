"""Tables of the figures: for the terminal, and for the documentation."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from measuring import Figures

_COLUMNS = (
    "",
    "caller, median",
    "p99",
    "ratio",
    "caller's CPU",
    "CPU in all",
    "ratio",
    "drained",
    "peak memory",
    "on the wire",
    "arrived",
)
_OUTAGE_COLUMNS = ("", "runs", "caller, median", "p99", "memory before", "peak", "grown by")


class Section(NamedTuple):
    """A titled table."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


def scenario(title: str, results: dict[str, Figures], base: str) -> Section:
    """A scenario's table; ratios are to the contestant `base`."""
    first = results.get(base) or next(iter(results.values()))
    return Section(title, _COLUMNS, [_row(name, figures, first) for name, figures in results.items()])


def outage(title: str, results: dict[str, Figures]) -> Section:
    """What contestants took while nobody answered."""
    rows = [
        (
            name,
            f"{figures['runs']:,.0f}",
            _micro(figures["caller_median"]),
            _micro(figures["caller_p99"]),
            f"{figures['rss_imported']:.0f} MB",
            f"{figures['rss_peak']:.0f} MB",
            f"{figures['rss_peak'] - figures['rss_imported']:.0f} MB",
        )
        for name, figures in results.items()
    ]
    return Section(title, _OUTAGE_COLUMNS, rows)


def _row(name: str, figures: Figures, first: Figures) -> tuple[str, ...]:
    lost = figures["runs"] - figures["arrived"]
    return (
        name,
        _micro(figures["caller_median"]),
        _micro(figures["caller_p99"]),
        f"{figures['caller_median'] / first['caller_median']:.1f}x",
        _micro(figures["caller_cpu"]),
        _micro(figures["cpu"]),
        f"{figures['cpu'] / first['cpu']:.1f}x",
        f"{figures['drained']:,.0f}/s",
        f"{figures['rss_peak']:.0f} MB (+{figures['rss_peak'] - figures['rss_imported']:.0f})",
        f"{figures['wire']:,.0f} B",
        "all" if not lost else f"LOST {lost:,.0f} of {figures['runs']:,.0f}",
    )


def _micro(value: float) -> str:
    return f"{value:,.1f} µs" if value < 100 else f"{value:,.0f} µs"  # noqa: PLR2004 - three digits are enough


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": platform.system(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def show(section: Section) -> None:
    """Print a table."""
    table = Table(title=section.title, title_justify="left")
    for number, name in enumerate(section.columns):
        table.add_column(name, justify="right" if number else "left")
    for row in section.rows:
        table.add_row(*row)
    Console(width=None if Console().is_terminal else 200).print(table)


def markdown(section: Section) -> str:
    """A table in Markdown, under a heading."""
    lines = [
        f"### {section.title}",
        "",
        "| " + " | ".join(section.columns) + " |",
        "| --- |" + " ---: |" * (len(section.columns) - 1),
        *("| " + " | ".join(row) + " |" for row in section.rows),
    ]
    return "\n".join(lines)


def write(path: Path, name: str, text: str) -> None:
    """Replace what stands between the comments ``<!-- name -->`` and ``<!-- /name -->`` of a document."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    document = path.read_text(encoding="utf-8")
    if begin not in document or end not in document:
        raise SystemExit(f"{path} has no {begin} … {end} to write into.")
    head, _, rest = document.partition(begin)
    tail = rest.partition(end)[2]
    path.write_text(f"{head}{begin}\n{text.strip()}\n{end}{tail}", encoding="utf-8")
