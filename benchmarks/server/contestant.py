"""One contestant, one size, in an environment of its own: measures and prints a line of JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asking
from peers import ASKED, PEERS
from sending import send

if TYPE_CHECKING:
    from serving import Server

_FILES = {"phoenix": "phoenix.db"}  # who does not let one choose


def measure(peer: str, size: int, clients: int, folder: Path) -> dict[str, Any]:
    """Store spans, then ask."""
    module, name = PEERS[peer]
    server: Server = getattr(importlib.import_module(module), name)(folder / _FILES.get(peer, f"{peer}.db"))
    with server:
        figures = send(server, size, clients)
        stored = figures["spans"]
        questions = server.questions(stored)
        figures["reads"] = asking.timed(
            server.address, {one: questions[one] for one in ASKED if one in questions}
        )
        _check(figures["reads"], stored)
        figures["peak RSS with reads, MB"] = round(server.peak()[0])
        figures["bytes a span"] = (server.size() - server.empty) // stored
        figures["text index, bytes a span"] = None if (index := server.index()) is None else index // stored
    return figures


def _check(reads: dict[str, dict[str, float]], size: int) -> None:
    """A question that does not find what is there is not answered, however fast."""
    there = {
        "point read": 1,
        "list, newest 100": min(100, size),
        "list, newest 100 with payloads": min(100, size),
        "text: in each tenth run": min(100, -(-size // 10)),
        "text: in one of 10,000": min(100, -(-size // 10_000)),
        "figures of a project": size,
    }
    for name, said in reads.items():
        found = said["found"]
        assert found == there.get(name, found or None), f"{name}: {found} found"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("spans", type=int)
    parser.add_argument("clients", type=int)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # which stops the server, too
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(given.peer, given.spans, given.clients, Path(folder))), flush=True)


if __name__ == "__main__":
    main()
