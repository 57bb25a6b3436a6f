"""How fast many examples go to a server and come back, and what memory that takes.

    python benchmarks/datasets/uploads.py [--examples 150000] [--attachments 20]

A `smithkit serve` process of its own takes the examples; figures are of one run, memory is the peak of each process.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from smithkit import Client

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from smithkit.schemas import Example

PAGE = 100
ENDS = 20
MEGABYTE = 10**6


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--examples", type=int, default=150_000)
    parser.add_argument("--attachments", type=int, default=20, help="examples with 10 MB each, in one call")
    parser.add_argument("--concurrency", type=int, default=3)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "smithkit.server.serve", "--port", "0", "--db", f"{folder}/x.db"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                (url,) = re.findall(r"http://\S+?:\d+", server.stdout.readline() if server.stdout else "")
                with Client(url) as client:
                    measure(client, server.pid, wanted)
            finally:
                server.terminate()


def measure(client: Client, server: int, wanted: argparse.Namespace) -> None:
    """Upload, list and upload files."""
    dataset = client.create_dataset("large").id
    begun = time.perf_counter()
    client.create_examples(
        dataset_id=dataset,
        examples=examples(wanted.examples),
        max_concurrency=wanted.concurrency,
        progress=False,
    )
    took = time.perf_counter() - begun
    print(f"upload: {wanted.examples:,} examples in {took:.1f} s, {wanted.examples / took:,.0f} examples/s")
    print(memory(server))

    for name, arguments in {
        "list": {},
        "list, a filter": {"metadata": {"even": True}},
        "list, recent": {"order": "recent"},
    }.items():
        listed(name, client.list_examples(dataset_id=dataset, **arguments))
    print(memory(server))

    files = [
        {"inputs": {"n": n}, "attachments": {"f": ("text/plain", data(n))}} for n in range(wanted.attachments)
    ]
    begun = time.perf_counter()
    client.create_examples(dataset_name="large", examples=files, progress=False)
    took = time.perf_counter() - begun
    print(f"attachments: {wanted.attachments} examples of 10 MB in one call in {took:.1f} s")
    print(memory(server))


def examples(count: int) -> Iterator[dict[str, Any]]:
    """Small examples."""
    for number in range(count):
        yield {
            "inputs": {"question": f"question {number}", "number": number},
            "outputs": {"answer": f"answer {number}"},
            "metadata": {"even": number % 2 == 0},
        }


def data(seed: int) -> bytes:
    """Ten megabytes of a text."""
    return f"attachment {seed:09}".encode() * (10 * MEGABYTE // 20)


def listed(name: str, found: Iterable[Example]) -> None:
    """Go through a listing, and tell what its first and its last pages cost."""
    pages, count = [], 0
    begun = whole = time.perf_counter()
    for count, _ in enumerate(found, 1):
        if count % PAGE == 0:
            pages.append(time.perf_counter() - begun)
            begun = time.perf_counter()
    whole = time.perf_counter() - whole
    first, last = statistics.median(pages[1 : ENDS + 1]), statistics.median(pages[-ENDS:])
    print(
        f"{name}: {count:,} examples in {whole:.1f} s; the first page {pages[0] * 1e3:.1f} ms; medians of the "
        f"{ENDS} pages after it {first * 1e3:.1f} ms, of the last {ENDS} {last * 1e3:.1f} ms: {last / first:.2f}x"
    )


def memory(server: int) -> str:
    """The peak of the resident memory of both processes."""
    return f"    peak memory: client {peak(os.getpid())} MB, server {peak(server)} MB"


def peak(pid: int) -> int:
    """Megabytes, as Linux counts them."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) // 1024 if found else 0


if __name__ == "__main__":
    main()
