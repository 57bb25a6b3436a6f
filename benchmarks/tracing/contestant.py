"""One contestant, one scenario, in a process of its own: measures and prints a line of JSON."""

from __future__ import annotations

import argparse
import array
import gc
import json
import os
import statistics
import time
import urllib.request
from pathlib import Path

from peers import PEERS
from scenarios import SCENARIOS

_WARM_UP_SHARE = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("calls", type=int)
    parser.add_argument("url")
    parser.add_argument("--no-drain", action="store_true", help="end without waiting for what is not sent")
    given = parser.parse_args()
    scenario = SCENARIOS[given.scenario]
    arguments = scenario.arguments()
    wrap, flush = PEERS[given.peer](given.url)
    traced = scenario.build(wrap)
    imported = memory("VmRSS")
    if not given.no_drain:
        for index in range(max(2, given.calls // _WARM_UP_SHARE)):
            traced(*arguments[index % len(arguments)])
        flush()
        time.sleep(0.2)
        with urllib.request.urlopen(f"{given.url}/-/reset", timeout=60) as answer:  # noqa: S310 - the sink
            answer.read()
    gc.collect()
    measured = measure(traced, arguments, given.calls, None if given.no_drain else flush)
    runs = given.calls * scenario.runs
    figures = {
        "runs": runs,
        "caller_median": statistics.median(measured["took"]) / scenario.runs / 1000,
        "caller_p99": statistics.quantiles(measured["took"], n=100, method="inclusive")[98]
        / scenario.runs
        / 1000,
        "caller_cpu": measured["caller"] / runs * 1e6,
        "cpu": measured["process"] / runs * 1e6,
        "started": measured["started"],
        "rss_imported": imported,
        "rss_peak": memory("VmHWM"),
    }
    print(json.dumps(figures), flush=True)
    os._exit(0)  # nothing that a client does at the end of its process belongs to the figures


def measure(traced, arguments, calls, flush):
    """Call, then wait until everything is sent; nanoseconds of each call, and CPU seconds."""
    clock = time.perf_counter_ns
    took = array.array("q", bytes(8 * calls))
    count = len(arguments)
    started, process, caller = time.monotonic(), time.process_time(), time.thread_time()
    for index in range(calls):
        given = arguments[index % count]
        begins = clock()
        traced(*given)
        took[index] = clock() - begins
    caller = time.thread_time() - caller
    if flush is not None:
        flush()
    process = time.process_time() - process
    return {"took": took, "caller": caller, "process": process, "started": started}


def memory(name: str) -> float:
    """Megabytes that the kernel says this process has, or had at most."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


if __name__ == "__main__":
    main()
