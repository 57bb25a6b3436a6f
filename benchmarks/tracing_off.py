"""What a traced function costs while tracing is off: smithkit, in nanoseconds over the bare call."""

from __future__ import annotations

import os
import statistics
import threading
import timeit

from rich.console import Console
from rich.table import Table

from smithkit import traceable

CALLS = 200_000
ROUNDS = 15


def bare(number: int) -> int:
    return number


def main() -> None:
    for variable in [name for name in os.environ if name.startswith(("LANGSMITH_", "LANGCHAIN_"))]:
        del os.environ[variable]
    wrapped = traceable(bare)
    named = traceable(run_type="tool", name="named", tags=["t"], metadata={"m": 1})(bare)
    functions = {"bare call": bare, "@traceable": wrapped, "@traceable(run_type=…)": named}
    samples: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(ROUNDS):
        for name, function in functions.items():
            seconds = timeit.timeit(lambda function=function: function(1), number=CALLS)
            samples[name].append(seconds / CALLS * 1e9)
    base = statistics.median(samples["bare call"])
    table = Table("", "median ns", "min ns", "over the bare call, ns")
    for name, values in samples.items():
        median = statistics.median(values)
        table.add_row(name, f"{median:.0f}", f"{min(values):.0f}", f"{median - base:.0f}")
    Console().print(table)
    Console().print(f"threads: {threading.active_count()}")


if __name__ == "__main__":
    main()
