"""What `from … import Client, traceable` costs: smithkit beside langsmith, in fresh interpreters, interleaved.

Prints median milliseconds of the import statement itself, modules loaded by it, and the ratio to smithkit.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import uv
from rich.console import Console
from rich.table import Table

ROUNDS = 21
PEERS = {"langsmith 0.7.3": "langsmith==0.7.3", "langsmith newest": "langsmith"}
MEASURE = """
import json, sys, time
before = set(sys.modules)
started = time.perf_counter()
from {package} import Client, traceable
elapsed = time.perf_counter() - started
heavy = [name for name in ("pydantic", "requests", "zstandard", "httpx2", "httpx") if name in sys.modules]
print(json.dumps([elapsed * 1000, len(set(sys.modules) - before), heavy]))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        candidates = {"smithkit": (sys.executable, "smithkit")}
        for name, requirement in PEERS.items():
            candidates[name] = (install(Path(folder) / name.replace(" ", "-"), requirement), "langsmith")
        samples: dict[str, list[tuple[float, int, list[str]]]] = {name: [] for name in candidates}
        for _ in range(ROUNDS):
            for name, (python, package) in candidates.items():
                samples[name].append(measure(python, package))
    report(samples)


def install(folder: Path, requirement: str) -> str:
    tool = uv.find_uv_bin()
    subprocess.run([tool, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    python = str(folder / "bin" / "python")
    subprocess.run(
        [tool, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, requirement], check=True
    )
    return python


def measure(python: str, package: str) -> tuple[float, int, list[str]]:
    output = subprocess.check_output([python, "-I", "-c", MEASURE.format(package=package)])
    milliseconds, modules, heavy = json.loads(output)
    return milliseconds, modules, heavy


def report(samples: dict[str, list[tuple[float, int, list[str]]]]) -> None:
    table = Table("", "median ms", "min ms", "modules", "of them", "ratio")
    base = statistics.median(sample[0] for sample in samples["smithkit"])
    for name, rows in samples.items():
        median = statistics.median(row[0] for row in rows)
        table.add_row(
            name,
            f"{median:.1f}",
            f"{min(row[0] for row in rows):.1f}",
            str(rows[0][1]),
            ", ".join(rows[0][2]) or "-",
            f"{median / base:.1f}x",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
